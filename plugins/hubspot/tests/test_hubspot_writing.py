"""Writing scores: every operation answered, whichever way HubSpot answers the batch."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
import respx

from cs_sync import Ack, Op, PermissionMissing, Reject, RequestRefused, Throttled, Unreachable
from cs_sync_hubspot.destination import HubSpotDestination

UPDATE = "/crm/objects/2026-03/companies/batch/update"


def score(number: int, **fields: Any) -> Op:
    return Op("account", f"acct:{number}", fields or {"cs_score": 72}, remote_id=str(number))


def accepted(request: httpx.Request) -> httpx.Response:
    inputs = orjson.loads(request.content)["inputs"]
    results = [{"id": i["id"], "properties": i["properties"]} for i in inputs]
    return httpx.Response(200, json={"status": "COMPLETE", "results": results})


def test_scores_are_written_by_record_id(
    destination: HubSpotDestination,
    vendor: respx.MockRouter,
    sent: Callable[[respx.Route], list[Any]],
) -> None:
    route = vendor.post(UPDATE).mock(side_effect=accepted)
    op = score(
        9001,
        cs_score=72.0,
        cs_change=-3.25,
        cs_band="red",
        cs_scored_at=datetime(2026, 11, 20, 6, 30, tzinfo=UTC),
        cs_reasons="Usage fell\nby half\x00",
        cs_note=None,
    )
    assert list(destination.write([op])) == [Ack("acct:9001", "9001")]
    assert sent(route) == [
        {
            "inputs": [
                {
                    "id": "9001",
                    "objectWriteTraceId": "acct:9001",
                    "properties": {
                        "cs_score": "72",
                        "cs_change": "-3.25",
                        "cs_band": "red",
                        "cs_scored_at": "2026-11-20T06:30:00.000Z",
                        "cs_reasons": "Usage fell\nby half",
                    },
                }
            ]
        }
    ]


def test_a_hundred_at_once(
    destination: HubSpotDestination,
    vendor: respx.MockRouter,
    sent: Callable[[respx.Route], list[Any]],
) -> None:
    route = vendor.post(UPDATE).mock(side_effect=accepted)
    answers = list(destination.write([score(n) for n in range(250)]))
    assert [type(a) for a in answers] == [Ack] * 250
    assert sorted(len(body["inputs"]) for body in sent(route)) == [50, 100, 100]


def test_without_a_record_or_a_value_nothing_is_sent(destination: HubSpotDestination) -> None:
    stray = Op("account", "acct:1", {"cs_score": 1})
    empty = Op("account", "acct:2", {"cs_score": None}, remote_id="2")
    refused, done = destination.write([stray, empty])
    assert isinstance(refused, Reject)
    assert refused.code == "NO_RECORD_ID"
    assert done == Ack("acct:2", "2", existed=True)


def test_a_207_is_answered_record_by_record(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    gone = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some companies objects, they may be deleted or not exist.",
        "context": {"ids": ["2"]},
    }
    locked = {
        "category": "INTERNAL_ERROR",
        "message": "try later",
        "context": {"objectWriteTraceId": ["acct:3"]},
    }
    merged = {"id": "40", "objectWriteTraceId": "acct:4", "properties": {}}
    vendor.post(UPDATE).respond(
        207, json={"results": [{"id": "1"}, merged], "errors": [gone, locked], "numErrors": 2}
    )
    answers = {a.key: a for a in destination.write([score(n) for n in range(1, 6)])}
    assert answers["acct:1"] == Ack("acct:1", "1")
    assert answers["acct:4"] == Ack("acct:4", "40")
    lost, busy = answers["acct:2"], answers["acct:3"]
    assert isinstance(lost, Reject)
    assert isinstance(busy, Reject)
    assert (lost.code, lost.lasting) == ("OBJECT_NOT_FOUND", False)
    assert (busy.code, busy.lasting, busy.reason) == ("INTERNAL_ERROR", False, "try later")
    assert "acct:5" not in answers, "neither done nor refused: left to be settled"


def test_an_error_that_names_nobody_belongs_to_the_one_left_over(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    error = {"category": "VALIDATION_ERROR", "message": "no such owner", "context": {}}
    vendor.post(UPDATE).respond(207, json={"results": [{"id": "1"}], "errors": [error]})
    done, refused = destination.write([score(1), score(2)])
    assert done == Ack("acct:1", "1")
    assert refused == Reject("acct:2", "VALIDATION_ERROR", "no such owner")


def test_one_bad_record_is_found_by_halving(
    destination: HubSpotDestination,
    vendor: respx.MockRouter,
    refusal: Callable[..., httpx.Response],
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        inputs = orjson.loads(request.content)["inputs"]
        if any(i["properties"].get("cs_band") == "purple" for i in inputs):
            detail = {"message": "purple was not one of the allowed options", "code": "INVALID"}
            return refusal(
                400, "VALIDATION_ERROR", "Property values were not valid", errors=[detail]
            )
        return accepted(request)

    route = vendor.post(UPDATE).mock(side_effect=respond)
    ops = [score(n, cs_band="purple" if n == 37 else "red") for n in range(100)]
    answers = list(destination.write(ops))
    (rejected,) = (a for a in answers if isinstance(a, Reject))
    assert rejected.key == "acct:37"
    assert rejected.code == "VALIDATION_ERROR"
    assert "purple was not one of the allowed options" in rejected.reason
    assert {a.key for a in answers if isinstance(a, Ack)} == {o.key for o in ops} - {"acct:37"}
    assert route.call_count <= 1 + 2 * 7


def test_records_that_a_refusal_names_are_set_aside_at_once(
    destination: HubSpotDestination,
    vendor: respx.MockRouter,
    refusal: Callable[..., httpx.Response],
) -> None:
    blamed = refusal(400, "VALIDATION_ERROR", "bad id", context={"ids": ["3", "5"]})
    route = vendor.post(UPDATE).mock(side_effect=[blamed, accepted_by(1, 2, 4)])
    answers = list(destination.write([score(n) for n in range(1, 6)]))
    assert sorted(a.key for a in answers if isinstance(a, Reject)) == ["acct:3", "acct:5"]
    assert route.call_count == 2


def accepted_by(*ids: int) -> httpx.Response:
    return httpx.Response(200, json={"results": [{"id": str(n)} for n in ids]})


def test_a_property_that_is_gone_rejects_all_that_set_it_in_one_request(
    destination: HubSpotDestination,
    vendor: respx.MockRouter,
    refusal: Callable[..., httpx.Response],
) -> None:
    detail = {
        "message": 'Property "cs_score" does not exist',
        "code": "PROPERTY_DOESNT_EXIST",
        "context": {"propertyName": ["cs_score"]},
    }
    route = vendor.post(UPDATE).mock(
        return_value=refusal(
            400, "VALIDATION_ERROR", "Property values were not valid", errors=[detail]
        )
    )
    answers = list(destination.write([score(n) for n in range(100)]))
    assert [type(a) for a in answers] == [Reject] * 100
    assert route.call_count == 1


def test_a_record_that_vanished_refuses_alone(
    destination: HubSpotDestination,
    vendor: respx.MockRouter,
    refusal: Callable[..., httpx.Response],
) -> None:
    vendor.post(UPDATE).mock(return_value=refusal(404, "OBJECT_NOT_FOUND", "no company 1"))
    (answer,) = destination.write([score(1)])
    assert isinstance(answer, Reject)
    assert answer.code == "OBJECT_NOT_FOUND"


def test_a_wrong_address_is_no_fault_of_the_records(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    route = vendor.post(UPDATE).respond(404, html="<h1>Not here</h1>")
    with pytest.raises(RequestRefused, match="404"):
        list(destination.write([score(1), score(2)]))
    assert route.call_count == 1


def test_a_short_quota_is_waited_for_and_a_daily_one_ends_the_run(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    busy = {"message": "ten_secondly_rolling", "policyName": "TEN_SECONDLY_ROLLING"}
    daily = {"message": "daily", "policyName": "DAILY", "errorType": "RATE_LIMIT"}
    of_many = iter([httpx.Response(429, json=busy), accepted_by(*range(100))])

    def answer(request: httpx.Request) -> httpx.Response:
        """Answer by content, as batches are sent side by side: the second one meets the day's."""
        many = len(orjson.loads(request.content)["inputs"]) == 100
        return next(of_many) if many else httpx.Response(429, json=daily)

    vendor.post(UPDATE).mock(side_effect=answer)
    answers: list[Ack | Reject] = []
    with pytest.raises(Throttled) as caught:
        answers.extend(destination.write([score(n) for n in range(101)]))
    assert len(answers) == 100
    assert caught.value.until is not None


def test_a_missing_scope_is_named_with_the_remedy(
    destination: HubSpotDestination,
    vendor: respx.MockRouter,
    refusal: Callable[..., httpx.Response],
) -> None:
    needs = [{"context": {"requiredGranularScopes": ["crm.objects.companies.write"]}}]
    vendor.post(UPDATE).mock(
        return_value=refusal(403, "MISSING_SCOPES", "This app hasn't been granted", errors=needs)
    )
    with pytest.raises(PermissionMissing) as caught:
        list(destination.write([score(1)]))
    assert "crm.objects.companies.write" in caught.value.remedy
    assert caught.value.request_id == "c0ffee-1"


def test_an_answer_that_is_no_json_object_is_no_success(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    vendor.post(UPDATE).respond(200, html="<h1>Sign in to this network</h1>")
    with pytest.raises(Unreachable, match="JSON"):
        list(destination.write([score(1)]))


def test_no_error_and_no_repr_shows_the_token(
    destination: HubSpotDestination, vendor: respx.MockRouter, config: Any
) -> None:
    token = config.access_token.get_secret_value()
    vendor.post(UPDATE).respond(401, json={"message": f"bad token {token}", "category": "X"})
    with pytest.raises(Exception, match="refused the access token") as caught:
        list(destination.write([score(1)]))
    shown = [str(caught.value), repr(caught.value), repr(vars(caught.value)), repr(config)]
    shown += [repr(destination), repr(vars(destination))]
    assert not [text for text in shown if token in text]
