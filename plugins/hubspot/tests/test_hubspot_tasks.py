"""Follow-ups: each exists once, whatever happens on the way."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
import respx

from cs_sync import Ack, AnswerUnknown, Op, OpenFollowUp, Reject, SupportsOpenFollowUps, VendorError
from cs_sync_hubspot.destination import HubSpotDestination

CREATE = "/crm/objects/2026-03/tasks/batch/create"
READ = "/crm/objects/2026-03/tasks/batch/read"
DUE = datetime(2026, 11, 25, 9, tzinfo=UTC)


class Portal:
    """HubSpot's tasks with a key that is unique, or is not."""

    def __init__(self, vendor: respx.MockRouter, *, unique: bool = True) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.unique = unique
        self.refuse_with = 409
        self.create = vendor.post(CREATE).mock(side_effect=self._create)
        self.read = vendor.post(READ).mock(side_effect=self._read)
        self.search = vendor.post("/crm/objects/2026-03/tasks/search").mock(side_effect=self._find)
        key = {"name": "cs_sync_key", "type": "string", "hasUniqueValue": unique}
        self.hanging = vendor.post("/crm/associations/2026-03/companies/tasks/batch/read")
        self.hanging.mock(side_effect=self._hang)
        self.index_is_late = False
        vendor.get("/crm/properties/2026-03/tasks").respond(json={"results": [key]})
        vendor.get("/crm/properties/2026-03/notes").respond(json={"results": []})

    def holds(self, *keys: str, **properties: str) -> None:
        for key in keys:
            self._store({"cs_sync_key": key, "hs_task_status": "NOT_STARTED", **properties})

    def _store(self, properties: dict[str, str]) -> dict[str, Any]:
        number = str(len(self.tasks) + 1)
        task = {"id": number, "properties": properties}
        self.tasks[number] = task
        return task

    def with_keys(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        return [t for t in self.tasks.values() if t["properties"]["cs_sync_key"] in keys]

    def _create(self, request: httpx.Request) -> httpx.Response:
        inputs = orjson.loads(request.content)["inputs"]
        if self.unique and self.with_keys([i["properties"]["cs_sync_key"] for i in inputs]):
            body = {"category": "CONFLICT", "message": "cs_sync_key already has that value"}
            return httpx.Response(self.refuse_with, json=body)
        made = [
            {**self._store(i["properties"]), "objectWriteTraceId": i["objectWriteTraceId"]}
            for i in inputs
        ]
        return httpx.Response(201, json={"status": "COMPLETE", "results": made})

    def _read(self, request: httpx.Request) -> httpx.Response:
        body = orjson.loads(request.content)
        asked = [i["id"] for i in body["inputs"]]
        if "idProperty" in body:
            assert body["idProperty"] == "cs_sync_key"
            existing = self.with_keys([] if "archived" in request.url.params else asked)
        else:
            existing = [self.tasks[id_] for id_ in asked]
        if len(existing) == len(asked):
            return httpx.Response(200, json={"results": existing})
        missing = {"category": "OBJECT_NOT_FOUND", "message": "not found", "context": {"ids": []}}
        return httpx.Response(207, json={"results": existing, "errors": [missing], "numErrors": 1})

    def _hang(self, request: httpx.Request) -> httpx.Response:
        """Every task hangs on every company."""
        asked = orjson.loads(request.content)["inputs"]
        to = [{"toObjectId": id_, "associationTypes": []} for id_ in self.tasks]
        results = [{"from": {"id": item["id"]}, "to": to} for item in asked]
        return httpx.Response(200, json={"results": results})

    def _find(self, request: httpx.Request) -> httpx.Response:
        (group,) = orjson.loads(request.content)["filterGroups"]
        (wanted,) = group["filters"]
        assert wanted["operator"] == "IN"
        existing = [
            t
            for t in self.tasks.values()
            if t["properties"]["cs_sync_key"].lower() in wanted["values"]
            if not self.index_is_late
        ]
        return httpx.Response(200, json={"results": existing, "total": len(existing)})


@pytest.fixture
def portal(vendor: respx.MockRouter) -> Portal:
    return Portal(vendor)


def call(key: str, **fields: Any) -> Op:
    given = {"title": "Call Acme", "body": "NPS 3", "due_at": DUE, "priority": "high", **fields}
    return Op("follow_up", key, given, account_remote_id="9001", owner_remote_id="77")


def test_a_task_is_created_on_its_company(
    destination: HubSpotDestination, portal: Portal, sent: Callable[[respx.Route], list[Any]]
) -> None:
    assert list(destination.write([call("k1", kind="call")])) == [Ack("k1", "1")]
    assert sent(portal.create)[0]["inputs"] == [
        {
            "properties": {
                "hs_timestamp": "2026-11-25T09:00:00.000Z",
                "hs_task_subject": "Call Acme",
                "hs_task_body": "NPS 3",
                "hs_task_status": "NOT_STARTED",
                "hs_task_priority": "HIGH",
                "hs_task_type": "CALL",
                "hubspot_owner_id": "77",
                "cs_sync_key": "k1",
            },
            "associations": [
                {
                    "to": {"id": "9001"},
                    "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}],
                }
            ],
            "objectWriteTraceId": "k1",
        }
    ]


def test_a_task_without_owner_company_or_priority_is_still_whole(
    destination: HubSpotDestination, portal: Portal, sent: Callable[[respx.Route], list[Any]]
) -> None:
    list(destination.write([Op("follow_up", "k1", {"title": "Review", "due_at": DUE})]))
    (made,) = sent(portal.create)[0]["inputs"]
    assert made["associations"] == []
    assert "hubspot_owner_id" not in made["properties"]
    assert "hs_task_priority" not in made["properties"]
    assert made["properties"]["hs_task_type"] == "TODO"


def test_a_task_hangs_on_the_person_to_speak_to_too(
    destination: HubSpotDestination, portal: Portal, sent: Callable[[respx.Route], list[Any]]
) -> None:
    assert list(destination.write([replace(call("k1"), contact_remote_id="501")])) == [
        Ack("k1", "1")
    ]
    (body,) = sent(portal.create)
    kinds = [
        (item["to"]["id"], item["types"][0]["associationTypeId"])
        for item in body["inputs"][0]["associations"]
    ]
    assert kinds == [("9001", 192), ("501", 204)]


REVISED = Op(
    "follow_up", "k1", {"title": "Save Acme", "body": "Unused", "priority": "high", "due_at": DUE},
    remote_id="1", account_remote_id="9001",
    before={"title": "Call Acme", "body": "NPS 3", "priority": "medium",
            "due_at": "2026-11-30T09:00:00+00:00"},
)  # fmt: skip
WRITTEN = {
    "hs_task_subject": "Call Acme", "hs_task_body": "<p>NPS\u00a03</p>",
    "hs_task_priority": "MEDIUM", "hs_timestamp": "2026-11-30T09:00:00.000Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("theirs", "written"),
    [
        ({}, {"hs_task_subject", "hs_task_body", "hs_task_priority", "hs_timestamp"}),
        ({"hs_task_body": "<p>NPS 3. I called.</p>", "hs_task_priority": "LOW"},
         {"hs_task_subject", "hs_timestamp"}),
        ({"hs_timestamp": "2026-12-24T09:00:00Z", "hs_task_subject": "Mine"},
         {"hs_task_body", "hs_task_priority"}),
    ],
)  # fmt: skip
def test_an_untouched_task_follows_but_for_what_people_changed(
    destination: HubSpotDestination,
    portal: Portal,
    vendor: respx.MockRouter,
    sent: Callable[[respx.Route], list[Any]],
    theirs: dict[str, str],
    written: set[str],
) -> None:
    portal.holds("k1", **(WRITTEN | theirs))
    update = vendor.post("/crm/objects/2026-03/tasks/batch/update")
    update.respond(json={"results": [{"id": "1", "objectWriteTraceId": "k1"}]})
    assert list(destination.write([REVISED])) == [Ack("k1", "1")]
    (body,) = sent(update)
    assert set(body["inputs"][0]["properties"]) == written


def test_a_task_that_somebody_began_is_not_changed(
    destination: HubSpotDestination, portal: Portal
) -> None:
    portal.holds("k1", **WRITTEN)
    portal.tasks["1"]["properties"]["hs_task_status"] = "IN_PROGRESS"
    assert list(destination.write([REVISED])) == [Ack("k1", "1", existed=True)]


def test_what_exists_is_left_as_it_is(destination: HubSpotDestination, portal: Portal) -> None:
    portal.holds("k1", hs_task_status="COMPLETED")
    answers = list(destination.write([call("k1"), call("k2")]))
    assert answers == [Ack("k1", "1", existed=True), Ack("k2", "2")]
    assert portal.tasks["1"]["properties"]["hs_task_status"] == "COMPLETED"
    assert portal.create.call_count == 1
    assert list(destination.write([call("k1"), call("k2")])) == [
        Ack("k1", "1", existed=True),
        Ack("k2", "2", existed=True),
    ]
    assert portal.create.call_count == 1


@pytest.mark.parametrize("status", [400, 409])
def test_a_twin_made_between_look_and_write_is_acknowledged(
    destination: HubSpotDestination, vendor: respx.MockRouter, portal: Portal, status: int
) -> None:
    portal.refuse_with = status
    portal.holds("k2")
    looks = iter([httpx.Response(207, json={"results": [], "errors": []})])
    real = portal._read
    portal.read.mock(side_effect=lambda request: next(looks, None) or real(request))
    answers = list(destination.write([call(f"k{n}") for n in range(1, 4)]))
    assert {a.key: a.existed for a in answers if isinstance(a, Ack)} == {
        "k1": False,
        "k2": True,
        "k3": False,
    }
    assert sorted(t["properties"]["cs_sync_key"] for t in portal.tasks.values()) == [
        "k1",
        "k2",
        "k3",
    ]


def test_a_207_conflict_is_looked_up_too(destination: HubSpotDestination, portal: Portal) -> None:
    conflicts = [
        {"category": "CONFLICT", "message": "twin", "context": {"objectWriteTraceId": [key]}}
        for key in ("k1", "k2")
    ]

    def respond(_request: httpx.Request) -> httpx.Response:
        portal.holds("k1")
        return httpx.Response(207, json={"results": [], "errors": conflicts, "numErrors": 2})

    portal.create.mock(side_effect=respond)
    twin, other = destination.write([call("k1"), call("k2")])
    assert twin == Ack("k1", "1", existed=True)
    assert other == Reject("k2", "CONFLICT", "twin")


def test_one_bad_owner_does_not_hold_up_the_others(
    destination: HubSpotDestination, portal: Portal
) -> None:
    real = portal._create

    def respond(request: httpx.Request) -> httpx.Response:
        if b'"hubspot_owner_id":"404"' in request.content:
            body = {"category": "VALIDATION_ERROR", "message": "owner 404 does not exist"}
            return httpx.Response(400, json=body)
        return real(request)

    portal.create.mock(side_effect=respond)
    bad = Op("follow_up", "bad", {"title": "Call", "due_at": DUE}, owner_remote_id="404")
    answers = {a.key: a for a in destination.write([call("k1"), bad, call("k2"), call("k3")])}
    assert isinstance(answers["bad"], Reject)
    assert "owner 404" in answers["bad"].reason
    assert [k for k, a in answers.items() if isinstance(a, Ack)] == ["k1", "k2", "k3"]


def test_a_lost_answer_is_raised_after_those_that_were_given(
    destination: HubSpotDestination, portal: Portal
) -> None:
    real = portal._create

    def respond(request: httpx.Request) -> httpx.Response:
        answer = real(request)
        if portal.create.call_count == 1:
            raise httpx.ReadTimeout("no answer")
        return answer

    portal.create.mock(side_effect=respond)
    answers: list[Ack | Reject] = []
    with pytest.raises(AnswerUnknown):
        answers.extend(destination.write([call(f"k{n}") for n in range(200)]))
    assert len(answers) == 100
    assert portal.create.call_count == 2, "a lost create is not sent again"

    settled = {actual.key for actual in destination.find([f"k{n}" for n in range(200)])}
    assert len(settled) == 200
    again = list(destination.write([call(f"k{n}") for n in range(200)]))
    assert all(isinstance(a, Ack) and a.existed for a in again)
    assert len(portal.tasks) == 200


def test_a_server_error_on_create_is_unknown_too(
    destination: HubSpotDestination, portal: Portal
) -> None:
    portal.create.respond(502, html="Bad gateway")
    with pytest.raises(AnswerUnknown):
        list(destination.write([call("k1")]))
    assert portal.create.call_count == 1


def test_an_incomplete_follow_up_is_refused_here(
    destination: HubSpotDestination, portal: Portal
) -> None:
    (answer,) = destination.write([Op("follow_up", "k1", {"body": "?"})])
    assert answer == Reject("k1", "INCOMPLETE", "HubSpot needs title and due_at")
    assert not portal.read.called


def test_find_tells_what_became_of_a_task(destination: HubSpotDestination, portal: Portal) -> None:
    portal.holds(
        "k1",
        hs_task_status="COMPLETED",
        hs_task_subject="Call Acme",
        hs_task_priority="HIGH",
        hs_task_type="TODO",
        hs_timestamp="2026-11-25T09:00:00Z",
        hs_task_completion_date="2026-11-25T09:00:00Z",
    )
    (actual,) = destination.find(["k1", "k2"])
    assert (actual.key, actual.remote_id) == ("k1", "1")
    assert actual.fields == {
        "status": "COMPLETED",
        "done": True,
        "touched": True,
        "done_at": DUE,
        "title": "Call Acme",
        "due_at": DUE,
        "priority": "high",
        "kind": "todo",
        "owner_remote_id": None,
    }


def test_a_look_up_that_fails_in_part_creates_nothing(
    destination: HubSpotDestination, portal: Portal
) -> None:
    trouble = {"category": "INTERNAL_ERROR", "message": "try later", "context": {}}
    portal.read.respond(207, json={"results": [], "errors": [trouble]})
    with pytest.raises(VendorError, match="whether all tasks exist"):
        list(destination.write([call("k1")]))
    assert not portal.create.called


def test_without_unique_keys_the_search_is_asked(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    portal = Portal(vendor, unique=False)
    portal.holds("Acct-1:Review", "acct-1:review")
    answers = list(destination.write([call("Acct-1:Review"), call("k2")]))
    assert answers == [Ack("Acct-1:Review", "1", existed=True), Ack("k2", "3")]
    assert portal.search.called


def test_what_the_index_does_not_show_yet_is_found_on_its_company(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    portal = Portal(vendor, unique=False)
    portal.holds("k1")
    portal.index_is_late = True
    assert list(destination.write([call("k1"), call("k2")])) == [
        Ack("k1", "1", existed=True), Ack("k2", "2"),
    ]  # fmt: skip
    assert len(portal.tasks) == 2


def test_open_tasks_of_ours_are_listed_by_company(
    destination: HubSpotDestination, portal: Portal
) -> None:
    portal.holds("call-1")
    portal.holds("call-2", hs_task_status="COMPLETED")
    portal.holds("", "call-3")
    assert list(destination.open_follow_ups(["9001"])) == [
        OpenFollowUp("call-1", "1", "9001"), OpenFollowUp("call-3", "4", "9001"),
    ]  # fmt: skip
    assert isinstance(destination, SupportsOpenFollowUps)


def test_associations_that_are_not_told_create_nothing(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    portal = Portal(vendor, unique=False)
    trouble = {"category": "INTERNAL_ERROR", "message": "try later", "context": {}}
    portal.hanging.mock(return_value=httpx.Response(207, json={"results": [], "errors": [trouble]}))
    with pytest.raises(VendorError, match="did not return all associations"):
        list(destination.write([call("k1")]))
    assert not portal.create.called


def test_before_the_property_exists_no_follow_up_does(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    for kind in ("tasks", "notes"):
        vendor.get(f"/crm/properties/2026-03/{kind}").respond(json={"results": []})
    assert list(destination.find(["k1"])) == []


def test_without_the_key_property_a_batch_is_refused_in_one_request(
    destination: HubSpotDestination, vendor: respx.MockRouter
) -> None:
    vendor.get("/crm/properties/2026-03/tasks").respond(json={"results": []})
    detail = {
        "message": 'Property "cs_sync_key" does not exist',
        "code": "PROPERTY_DOESNT_EXIST",
        "context": {"propertyName": ["cs_sync_key"]},
    }
    body = {"category": "VALIDATION_ERROR", "message": "not valid", "errors": [detail]}
    create = vendor.post(CREATE).respond(400, json=body)
    answers = list(destination.write([call(f"k{n}") for n in range(50)]))
    assert [type(a) for a in answers] == [Reject] * 50
    assert create.call_count == 1


HOSTILE = "<script>alert(\"x\")</script> & 'co' \ud800 \x00\x1b[31m\r\n=1+1"


def test_hostile_text_arrives_as_text(
    destination: HubSpotDestination, portal: Portal, sent: Callable[[respx.Route], list[Any]]
) -> None:
    (answer,) = destination.write([call("k1", title=HOSTILE, body=HOSTILE)])
    assert isinstance(answer, Ack)
    properties = sent(portal.create)[0]["inputs"][0]["properties"]
    assert properties["hs_task_subject"] == "<script>alert(\"x\")</script> & 'co' ? [31m =1+1"
    assert properties["hs_task_body"] == (
        "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#x27;co&#x27; ? [31m<br>=1+1"
    )
