"""What is sent to Salesforce, in its own shapes, and what becomes of its answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from cs_sync import (
    Ack,
    Op,
    OpenFollowUp,
    Reject,
    RemoteAccount,
    SupportsDriftCheck,
    SupportsOpenFollowUps,
)
from cs_sync.http import ManualClock
from cs_sync_salesforce.destination import SalesforceDestination
from cs_sync_salesforce.tasks import KEY
from cs_sync_sandbox.salesforce import Org

pytestmark = pytest.mark.slow("opens an org for each test")

DUE = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
ACME, BETA = "001000000000001AAA", "001000000000002AAA"
ANA = "005000000000002AAA"


def bodies(sent: list[httpx.Request], ending: str) -> list[Any]:
    return [orjson.loads(each.content) for each in sent if each.url.path.endswith(ending)]


def score(remote_id: str | None = ACME, **fields: Any) -> Op:
    return Op("account", "a1", {"cs_health_score": 42.5, **fields}, remote_id=remote_id)


def call(key: str = "k1", **fields: Any) -> Op:
    given = {"title": "Call Acme", "body": "NPS 3", "due_at": DUE, "priority": "high", **fields}
    return Op("follow_up", key, given, account_remote_id=ACME, owner_remote_id=ANA)


def test_scores_go_out_two_hundred_at_a_time(
    destination: SalesforceDestination, sent: list[httpx.Request]
) -> None:
    ops = [Op("account", f"a{n}", {"cs_health_score": 1.0}, remote_id=ACME) for n in range(401)]
    assert len(list(destination.write(ops))) == 401
    sizes = [len(body["records"]) for body in bodies(sent, "/composite/sobjects")]
    assert sorted(sizes) == [1, 200, 200]


def test_an_account_is_updated_by_its_id(
    destination: SalesforceDestination, sent: list[httpx.Request]
) -> None:
    op = score(
        cs_health_band=None,
        cs_health_reasons=" Logins fell.\x00 \ud800 ",
        cs_next_action="x" * 300,
        cs_updated_at=datetime(2026, 11, 20, 9, 0, 0, 123_456, UTC),
    )
    assert list(destination.write([op])) == [Ack("a1", ACME)]
    [request] = [each for each in sent if each.method == "PATCH"]
    assert request.headers["sforce-duplicate-rule-header"] == "allowSave=true"
    assert orjson.loads(request.content) == {
        "allOrNone": False,
        "records": [
            {
                "attributes": {"type": "Account"},
                "id": ACME,
                "cs_health_score__c": 42.5,
                "cs_health_reasons__c": "Logins fell. ?",
                "cs_next_action__c": "x" * 254 + "…",
                "cs_updated_at__c": "2026-11-20T09:00:00.123Z",
            }
        ],
    }


def test_each_refused_record_has_its_reason(destination: SalesforceDestination, org: Org) -> None:
    org.delete("Account", BETA)
    gone = Op("account", "a2", {"cs_health_score": 1.0}, remote_id=BETA)
    nowhere = Op("account", "a3", {"cs_health_score": 1.0})
    answers = {answer.key: answer for answer in destination.write([gone, score(), nowhere])}
    assert answers == {
        "a1": Ack("a1", ACME),
        "a2": Reject("a2", "ENTITY_IS_DELETED", "ENTITY_IS_DELETED: entity is deleted"),
        "a3": Reject("a3", "NO_RECORD_ID", "it is not known which account this is"),
    }


def test_without_a_field_the_push_says_which_and_tries_again(bare: SalesforceDestination) -> None:
    words = "INVALID_FIELD: No such column 'cs_health_score__c' on sobject of type Account"
    assert list(bare.write([score()])) == [Reject("a1", "INVALID_FIELD", words, lasting=False)]


def test_a_task_is_created_by_our_key(
    destination: SalesforceDestination, org: Org, sent: list[httpx.Request]
) -> None:
    assert list(destination.write([call(kind="call")])) == [Ack("k1", "00T000000000001AAA")]
    [body] = bodies(sent, f"/composite/sobjects/Task/{KEY}")
    assert body == {
        "allOrNone": False,
        "records": [
            {
                "attributes": {"type": "Task"},
                KEY: "k1",
                "Subject": "Call Acme",
                "Description": "NPS 3",
                "ActivityDate": "2026-11-25",
                "Priority": "High",
                "TaskSubtype": "Call",
                "WhatId": ACME,
                "OwnerId": ANA,
            }
        ],
    }, "the day is that of the reporting zone, and there is no status"
    [task] = org.list_live("Task")
    assert (task["Status"], task["IsClosed"]) == ("Not Started", False)


def test_what_exists_or_was_deleted_is_left_as_it_is(
    destination: SalesforceDestination, org: Org
) -> None:
    first, second = destination.write([call(), call("k2")])
    assert isinstance(first, Ack)
    assert isinstance(second, Ack)
    org.update("Task", first.remote_id, {"Status": "Completed", "Subject": "Done it"})
    org.delete("Task", second.remote_id)
    again = list(destination.write([call(), call("k2"), call("k3")]))
    assert [(a.key, isinstance(a, Ack) and a.existed) for a in again] == [
        ("k1", True),
        ("k2", True),
        ("k3", False),
    ]
    assert org.records["Task"][first.remote_id]["Subject"] == "Done it"
    assert len(org.records["Task"]) == 3


def test_keys_that_differ_by_case_are_two(destination: SalesforceDestination, org: Org) -> None:
    list(destination.write([call("Acct:1")]))
    [answer] = destination.write([call("acct:1")])
    assert not (isinstance(answer, Ack) and answer.existed)
    assert len(org.list_live("Task")) == 2


def test_a_twin_made_in_the_same_moment_is_acknowledged(
    destination: SalesforceDestination, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Salesforce refuses the second of two inserts that do not see each other."""

    def upsert(_sobject: str, _key: str, values: dict[str, Any]) -> tuple[Any, bool]:
        if not org.list_live("Task"):
            org.insert("Task", values)
        return org.insert("Task", values), True

    monkeypatch.setattr(org, "upsert", upsert)
    assert list(destination.write([call()])) == [Ack("k1", "00T000000000001AAA", existed=True)]
    assert len(org.list_live("Task")) == 1


REVISED = Op(
    "follow_up", "k1", {"title": "Save Acme", "body": "Unused", "due_at": DUE, "priority": "low"},
    remote_id="00T000000000001AAA", account_remote_id=ACME,
    before={"title": "Call Acme", "body": "NPS 3", "due_at": DUE, "priority": "high"},
)  # fmt: skip
CLOSED = Op("follow_up", "k1", {"status": "closed"}, remote_id="00T000000000001AAA")


def test_an_untouched_task_follows_but_for_what_people_changed(
    destination: SalesforceDestination, org: Org
) -> None:
    list(destination.write([call()]))
    [task] = org.list_live("Task")
    org.update("Task", task["Id"], {"Subject": "Ask Ana first", "Description": "NPS  3\n"})
    assert list(destination.write([REVISED])) == [Ack("k1", task["Id"])]
    assert (task["Subject"], task["Description"], task["Priority"]) == (
        "Ask Ana first",
        "Unused",
        "Low",
    )
    assert list(destination.write([CLOSED])) == [Ack("k1", task["Id"])]
    assert task["IsClosed"]


@pytest.mark.parametrize("op", [REVISED, CLOSED])
@pytest.mark.parametrize("status", ["In Progress", "Completed", None])
def test_a_task_that_somebody_began_or_deleted_is_not_changed(
    destination: SalesforceDestination, org: Org, op: Op, status: str | None
) -> None:
    list(destination.write([call()]))
    [task] = org.list_live("Task")
    if status is None:
        org.delete("Task", task["Id"])
    else:
        org.update("Task", task["Id"], {"Status": status})
    before = dict(task)
    assert list(destination.write([op])) == [Ack("k1", task["Id"], existed=True)]
    assert task == before


def test_find_says_what_became_of_a_task(
    destination: SalesforceDestination, org: Org, clock: ManualClock
) -> None:
    list(destination.write([call(), call("k2"), call("k3")]))
    done, begun, deleted = org.list_live("Task")
    clock.sleep(3600)
    org.update("Task", done["Id"], {"Status": "Completed"})
    org.update("Task", begun["Id"], {"Status": "In Progress"})
    org.delete("Task", deleted["Id"])
    fields_by_key = {each.key: each.fields for each in destination.find(["k1", "k2", "k3", "k4"])}
    assert fields_by_key.keys() == {"k1", "k2"}
    assert fields_by_key["k1"] == {
        "status": "Completed",
        "done": True,
        "touched": True,
        "done_at": clock.now().replace(microsecond=0),
        "title": "Call Acme",
        "due_at": datetime(2026, 11, 24, 23, tzinfo=UTC),
        "priority": "high",
        "owner_remote_id": ANA,
    }
    assert (fields_by_key["k2"]["done"], fields_by_key["k2"]["touched"]) == (False, True)


def test_open_tasks_of_ours_are_listed_by_account(
    destination: SalesforceDestination, org: Org
) -> None:
    list(destination.write([call(), call("k2")]))
    org.insert("Task", {"Subject": "Theirs", "WhatId": ACME})
    org.update("Task", "00T000000000002AAA", {"Status": "Completed"})
    assert list(destination.open_follow_ups([ACME, BETA])) == [
        OpenFollowUp("k1", "00T000000000001AAA", ACME)
    ]
    assert isinstance(destination, SupportsOpenFollowUps)


def test_before_there_is_a_key_nothing_is_found(bare: SalesforceDestination) -> None:
    assert list(bare.find(["k1"])) == []
    assert list(bare.open_follow_ups([ACME])) == []


def test_a_note_is_a_completed_task_in_the_history(
    destination: SalesforceDestination, org: Org
) -> None:
    fields: dict[str, Any] = {
        "title": "Call Acme",
        "body": "Another ticket",
        "at": DUE - timedelta(days=1),
    }
    note = Op("note", "k1:n1", fields, account_remote_id=ACME)
    for existed in (False, True):
        assert list(destination.write([note])) == [
            Ack("k1:n1", "00T000000000001AAA", existed=existed)
        ]
    [task] = org.list_live("Task")
    assert (task["Subject"], task["Description"], task["IsClosed"], task["ActivityDate"]) == (
        "Call Acme", "Another ticket", True, "2026-11-24",
    )  # fmt: skip


def test_an_incomplete_follow_up_is_refused_here(destination: SalesforceDestination) -> None:
    [answer] = destination.write([Op("follow_up", "k1", {"body": "?"})])
    assert answer == Reject("k1", "INCOMPLETE", "Salesforce needs title and due_at")


def test_edits_merges_and_deletions_are_seen(destination: SalesforceDestination, org: Org) -> None:
    third = "001000000000003AAA"
    values: dict[str, Any] = {
        "cs_health_score": 42.0,
        "cs_health_reasons": "One.\nTwo.",
        "cs_next_action": "x" * 300,
        "cs_updated_at": datetime(2026, 11, 20, 9, 0, 0, 123_456, UTC),
    }
    ops = [
        Op("account", f"a{n}", values, remote_id=id_) for n, id_ in enumerate((ACME, BETA, third))
    ]
    list(destination.write(ops))
    assert list(destination.compare(ops)) == [
        RemoteAccount(f"a{n}", id_) for n, id_ in enumerate((ACME, BETA, third))
    ], "what we wrote is not an edit, whatever its form"
    org.update("Account", ACME, {"cs_health_score__c": 99, "cs_health_reasons__c": None})
    org.delete("Account", BETA, ACME)
    org.delete("Account", third)
    edits = {"cs_health_score": 99, "cs_health_reasons": None}
    assert list(destination.compare(ops)) == [
        RemoteAccount("a0", ACME, edits), RemoteAccount("a1", ACME, edits),
    ]  # fmt: skip
    assert isinstance(destination, SupportsDriftCheck)
