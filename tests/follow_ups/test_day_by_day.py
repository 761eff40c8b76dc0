"""Follow-ups through the command line, day by day, with a CRM that people work in."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from cs_sync_webhook.destination import WebhookDestination
from tests.follow_ups.days import CRM, QUIET, START, push
from tests.jobs.road import CONFIG, Place, small_company
from tests.write_back.portal import Portal

pytestmark = pytest.mark.slow("runs and pushes on many days")


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory, portal: Portal) -> Place:
    made = small_company(tmp_path_factory.mktemp("days"))
    made.configure(CONFIG + CRM + QUIET + START)
    assert made.run("sync").code == 0
    return made


def rows(place: Place, **wanted: Any) -> list[dict[str, Any]]:
    where = " AND ".join(f"{name} = ?" for name in wanted) or "1"
    return place.select(f"SELECT * FROM follow_up WHERE {where}", *wanted.values())


def task_of(row: dict[str, Any]) -> str:
    """The key of the task that speaks for a follow-up."""
    return str(row["lead"] or row["key"])


def counts(place: Place, playbook: str) -> dict[str, Any]:
    (row,) = (r for r in place.json("playbooks") if r["playbook"] == playbook)
    return row


def test_done_and_ignored_are_read_back(place: Place, portal: Portal) -> None:
    push(place)
    (call,) = rows(place, playbook="detractor_call")
    task = portal.tasks[task_of(call)]
    assert "Cleo answered 3 of 10" in task["body"]
    others = [key for key in portal.tasks if key != task_of(call)]
    task["status"] = "COMPLETED"
    assert portal.companies["beta"]["cs_next_action"]
    for key in others:
        portal.tasks[key]["status"] = "COMPLETED"
    push(place, days=1)
    assert rows(place, key=call["key"])[0]["state"] == "done"
    assert portal.companies["beta"]["cs_next_action"] == ""
    assert counts(place, "detractor_call")["created"] == 1
    assert (
        counts(place, "detractor_call")["done"] + counts(place, "detractor_call")["too_late"] == 1
    )
    push(place, days=2)
    assert sorted(portal.tasks) == sorted([task_of(call), *others])
    assert {row["state"] for row in rows(place, account_id="beta")} == {"done"}


def test_what_became_needless_is_closed_with_a_reason(place: Place, portal: Portal) -> None:
    """Beta is red for its invoice, its silence and an answer; then it pays and is delighted.

    Its task goes on for the silence, and says no more of the review.
    """
    push(place)
    (review,) = rows(place, playbook="account_review", account_id="beta")
    calm(place)
    push(place, days=1)
    (after,) = rows(place, key=review["key"])
    assert after["state"] == "resolved"
    assert after["reason"].startswith("its health is ")
    task = portal.tasks[task_of(review)]
    assert task["status"] == "NOT_STARTED"
    assert "Health has been red" not in task["body"]
    messages = [note["body"] for note in portal.notes.values()]
    assert f"No longer needed: {after['reason']}." in messages
    calls = portal.calls
    push(place, days=1)
    assert portal.calls <= calls + 4


def test_what_somebody_has_begun_is_left_alone(place: Place, portal: Portal) -> None:
    push(place)
    (review,) = rows(place, playbook="account_review", account_id="beta")
    task = portal.tasks[task_of(review)]
    task["status"], before = "IN_PROGRESS", dict(task)
    calm(place)
    push(place, days=1)
    assert rows(place, key=review["key"])[0]["state"] == "open"
    assert task == before | {"status": "IN_PROGRESS"}


def calm(place: Place) -> None:
    """Everybody has paid, and everybody is delighted."""
    with closing(sqlite3.connect(place.path / "cs_sync.db")) as connection, connection:
        connection.execute("UPDATE invoice SET status = 'paid', amount_remaining = 0")
        connection.execute("UPDATE survey_response SET score = 10 WHERE kind = 'nps'")


def test_the_cap_makes_the_rest_wait_and_says_so(place: Place, portal: Portal) -> None:
    place.configure(CONFIG + CRM + QUIET + START + "    daily_cap = 1\n")
    text = push(place)
    waiting = rows(place, state="waiting")
    assert len(portal.tasks) == 1
    assert waiting
    number = "1 follow-up" if len(waiting) == 1 else f"{len(waiting)} follow-ups"
    assert f"{number} of accounts without an owner deferred: " in text
    push(place)
    assert len(portal.tasks) == 1
    push(place, days=1)
    assert len(portal.tasks) == 2


def test_a_lost_database_makes_no_twin(place: Place, portal: Portal) -> None:
    push(place)
    keys = sorted(portal.tasks)
    (place.path / "cs_sync.db").unlink()
    assert place.run("sync").code == 0
    push(place)
    assert sorted(portal.tasks) == keys


def test_held_out_accounts_are_on_record_and_not_in_the_crm(place: Place, portal: Portal) -> None:
    holdout = "\n    [playbooks.detractor_call]\n    holdout = 0.999999\n"
    place.configure(CONFIG + CRM + QUIET + START + holdout)
    push(place)
    (call,) = rows(place, playbook="detractor_call")
    assert call["state"] == "held_out"
    assert call["key"] not in portal.tasks
    row = counts(place, "detractor_call")
    assert (row["created"], row["held_out"]) == (0, 1)


@pytest.fixture
def records(place: Place, portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Portal:
    """The CRM with records of its own, which happen to have our ids."""
    monkeypatch.setattr(WebhookDestination, "addresses", "records")
    with closing(sqlite3.connect(place.path / "cs_sync.db")) as connection, connection:
        for table in ("source_account", "account_link"):
            connection.execute(f"CREATE TEMP TABLE copy AS SELECT * FROM {table}")
            connection.execute("UPDATE copy SET source = 'webhook'")
            connection.execute(f"INSERT INTO {table} SELECT * FROM copy")
            connection.execute("DROP TABLE copy")
    return portal


def test_what_somebody_deleted_is_neither_open_nor_ignored(place: Place, records: Portal) -> None:
    portal = records
    push(place)
    (call,) = rows(place, playbook="detractor_call")
    key = task_of(call)
    task = portal.tasks.pop(key)
    place.run("push", "--yes")
    assert rows(place, key=call["key"])[0]["state"] == "open"  # it may not be shown yet
    push(place, days=30)
    assert rows(place, key=call["key"])[0]["state"] == "deleted"
    row = counts(place, "detractor_call")
    assert (row["deleted"], row["ignored"], row["open"]) == (1, 0, 0)
    assert key not in portal.tasks  # theirs to delete: it is not written again
    portal.tasks[key] = task  # out of the bin again
    push(place, days=31)
    assert rows(place, key=call["key"])[0]["state"] == "open"
    assert counts(place, "detractor_call")["deleted"] == 0


def test_a_crm_that_shows_nothing_has_not_deleted_everything(place: Place, records: Portal) -> None:
    push(place)
    assert len(records.tasks) > 1
    records.tasks = {}
    push(place, days=2)
    assert rows(place, state="deleted") == []


def test_somebody_whom_the_crm_does_not_know_is_named(place: Place, records: Portal) -> None:
    place.configure(CONFIG + CRM + QUIET + START + '    assignee = "head@acme.example"\n')
    message = (
        "for head@acme.example will be unassigned in webhook, which has no active owner with that"
    )
    assert message in place.run("plan").messages
    assert message in push(place)
    assert records.tasks
    assert message not in push(place, days=1)  # nothing new goes there


def test_explain_names_what_is_to_be_done(place: Place, portal: Portal) -> None:
    push(place)
    (row,) = place.json("explain", "beta")
    assert "Call Beta: NPS 3 from Cleo" in [item["title"] for item in row["follow_ups"]]
    assert "- Call Beta: NPS 3 from Cleo  due " in place.run("explain", "beta").out
    assert "detractor_call" in place.run("playbooks").out
