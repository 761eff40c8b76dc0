"""Companies as they are now: what counts as edited, who was merged, who is gone."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import respx

from cs_sync import Op, RemoteAccount, VendorError
from cs_sync_hubspot.destination import HubSpotDestination
from cs_sync_hubspot.drift import is_same_value

READ = "/crm/objects/2026-03/companies/batch/read"


def asked(number: int, **fields: Any) -> Op:
    return Op("account", str(number), fields, remote_id=str(number))


def company(number: int, **properties: str | None) -> dict[str, Any]:
    return {"id": str(number), "properties": properties}


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (50.0, "50", True),
        (50.0, "50.00", True),
        (66.7, "66.7", True),
        (66.7, "66.70001", False),
        ("red", "red", True),
        ("red", "green", False),
        ("red", None, False),
        ("", None, True),
        (None, None, True),
        (None, "7", False),
        ("a\nb", "a b\n", True),
        ("a\x00b", "ab", True),
        ("2026-11-21T09:00:00.123456+00:00", "2026-11-21T09:00:00.123Z", True),
        (datetime(2026, 11, 21, 9, 0, 0, 123456, UTC), "2026-11-21T09:00:00.123Z", True),
        ("2026-11-21T09:00:00+00:00", "2026-11-21T10:00:00+01:00", True),
        ("2026-11-21T09:00:00+00:00", "2026-11-21T09:00:01Z", False),
        ("x" * 70_000, "x" * 65_535 + "…", True),
    ],
)
def test_what_is_the_same_in_whatever_way_it_is_kept(
    ours: Any, theirs: str | None, expected: bool
) -> None:
    assert is_same_value(ours, theirs) is expected


def test_companies_are_read_by_id_a_hundred_at_once_and_never_written(
    destination: HubSpotDestination,
    vendor: respx.MockRouter,
    sent: Callable[[respx.Route], list[Any]],
) -> None:
    route = vendor.post(READ).respond(json={"results": [company(1, cs_score="9", cs_band="red")]})
    actual = list(
        destination.compare([asked(n, cs_score=9.0, cs_band="green") for n in range(150)])
    )
    assert actual == [RemoteAccount("1", "1", {"cs_band": "red"})]
    first, second = sorted(sent(route), key=lambda body: -len(body["inputs"]))
    assert [len(body["inputs"]) for body in (first, second)] == [100, 50]
    assert "idProperty" not in first
    assert set(first["properties"]) == {"cs_score", "cs_band", "hs_merged_object_ids"}
    assert len(vendor.calls) == 2


def test_a_merged_company_is_its_survivor_and_one_that_is_gone_is_passed_over(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    survivor = company(9, hs_merged_object_ids="1;5", cs_score="70")
    gone = {"category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"ids": ["2"]}}
    vendor.post(READ).respond(207, json={"results": [survivor], "errors": [gone]})
    actual = list(destination.compare([asked(n, cs_score=70) for n in (1, 2, 9)]))
    assert actual == [RemoteAccount("1", "9"), RemoteAccount("9", "9")]


def test_a_look_that_fails_in_part_is_an_error_and_no_deletion(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    trouble = {"category": "INTERNAL_ERROR", "message": "try later", "context": {}}
    vendor.post(READ).respond(207, json={"results": [], "errors": [trouble]})
    with pytest.raises(VendorError, match="whether all companies exist"):
        list(destination.compare([asked(1)]))


def test_a_rule_that_is_told_as_json_becomes_words(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    rule = '[{"isValid":false,"message":"at most 90","error":"MAX","name":"cs_score"}]'
    body = {"category": "VALIDATION_ERROR", "message": f"Property values were not valid: {rule}"}
    vendor.post("/crm/objects/2026-03/companies/batch/update").respond(400, json=body)
    [answer] = destination.write([asked(1, cs_score=95)])
    assert getattr(answer, "reason", "") == "Property values were not valid: cs_score: at most 90"
    assert getattr(answer, "lasting", None) is True
