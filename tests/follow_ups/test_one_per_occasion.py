"""One follow-up per account, playbook and occasion, over runs between which the data changes."""

import json
from typing import Any

import pytest

from cs_sync_schemas.times import read_microseconds
from tests.follow_ups.books import HEAD, Books
from tests.follow_ups.days import CRM, START, push
from tests.jobs.road import CONFIG, Place
from tests.write_back.portal import Portal

pytestmark = pytest.mark.slow("runs and pushes several times in each test")


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("occasions"))
    made.configure(CONFIG + CRM + START)
    return made


def run(place: Place, portal: Portal, books: Books, days: int = 0) -> str:
    """Sync these books and push, so many days after the first."""
    books.keep(place)
    for row in books.files["accounts"]:
        portal.companies.setdefault(row["source_id"], {})
    assert place.run("sync").code == 0
    return push(place, days)


def rows(place: Place, playbook: str) -> list[dict[str, Any]]:
    return place.select("SELECT * FROM follow_up WHERE playbook = ? ORDER BY created_at", playbook)


def list_notes(portal: Portal) -> list[str]:
    return [note["body"] for note in portal.notes.values()]


def tickets() -> Books:
    books = Books()
    books.customer("acme")
    for number, at in ((1, "2026-02-20"), (2, "2026-02-25"), (3, "2026-02-27")):
        books.ticket(number, "acme", "integration", f"{at}T10:00")
    return books


def test_what_happens_while_it_is_open_is_a_note_on_it(place: Place, portal: Portal) -> None:
    """Also in another month: three tickets in February, the fourth in March."""
    books = tickets()
    run(place, portal, books)
    (call,) = rows(place, "topic_call")
    assert list_notes(portal) == []
    books.ticket(4, "acme", "integration", "2026-03-11T10:00")
    run(place, portal, books, days=1)
    run(place, portal, books, days=2)
    (still,) = rows(place, "topic_call")
    assert (still["key"], still["title"]) == (call["key"], call["title"])
    assert list_notes(portal) == ["#4 of 11 Mar, 10:00: “About integration”"]
    assert len(portal.tasks) == 1


def test_what_was_closed_stays_closed_for_its_occasion(place: Place, portal: Portal) -> None:
    """The CSM has called; a fourth ticket of the same weeks asks for no second call."""
    books = tickets()
    run(place, portal, books)
    (call,) = rows(place, "topic_call")
    portal.tasks[call["key"]]["status"] = "COMPLETED"
    books.ticket(4, "acme", "integration", "2026-03-11T10:00")
    run(place, portal, books, days=2)
    assert [row["state"] for row in rows(place, "topic_call")] == ["done"]
    assert list_notes(portal) == []
    for number in (5, 6, 7):
        books.ticket(number, "acme", "integration", f"2026-04-2{number}T10:00")
    run(place, portal, books, days=50)  # the cool-down of 30 days is over, and it happens again
    assert [row["state"] for row in rows(place, "topic_call")] == ["done", "open"]


def test_the_cool_down_gives_an_account_peace(place: Place, portal: Portal) -> None:
    books = Books()
    books.customer("acme")
    books.nps("acme", 7, "2026-03-09T10:00")
    run(place, portal, books)
    for number, days in ((14, 5), (30, 21)):
        books.nps("acme", 8, f"2026-03-{number}T10:00")
        run(place, portal, books, days)
    assert len(rows(place, "passive_value")) == 1
    books.nps("acme", 8, "2026-04-12T10:00")
    run(place, portal, books, days=34)
    assert len(rows(place, "passive_value")) == 2


def test_a_cause_that_is_gone_closes_what_nobody_began(place: Place, portal: Portal) -> None:
    books = Books()
    for name in ("acme", "beta"):
        books.customer(name)
        books.add("onboarding_steps", source_id=f"o-{name}", account=name, checklist="start",
                  step="Connect", due_at="2026-03-05")  # fmt: skip
    run(place, portal, books)
    keys = {row["account_id"]: row["key"] for row in rows(place, "onboarding_step")}
    portal.tasks[keys["beta"]]["status"] = "IN_PROGRESS"
    for step in books.files["onboarding_steps"]:
        step["done_at"] = "2026-03-10T15:00"
    run(place, portal, books, days=1)
    states = {row["account_id"]: row for row in rows(place, "onboarding_step")}
    assert states["acme"]["state"] == "resolved"
    assert states["acme"]["reason"] == "the step was done on 10 Mar, 15:00"
    assert portal.tasks[keys["acme"]]["status"] == "COMPLETED"
    assert "No longer needed: the step was done on 10 Mar, 15:00." in list_notes(portal)
    assert states["beta"]["state"] == "open"
    assert portal.tasks[keys["beta"]]["status"] == "IN_PROGRESS"


def test_a_cancellation_taken_back_needs_no_call(place: Place, portal: Portal) -> None:
    books = Books()
    books.customer("acme", canceled_at="2026-03-09", cancel_at="2026-04-01")
    run(place, portal, books)
    assert [row["state"] for row in rows(place, "cancellation_call")] == ["open"]
    books.files["subscriptions"][0] |= {"canceled_at": "", "cancel_at": ""}
    run(place, portal, books, days=1)
    assert [row["reason"] for row in rows(place, "cancellation_call")] == [
        "the subscription goes on"
    ]


def test_silence_grows_from_a_warning_into_a_call(place: Place, portal: Portal) -> None:
    """Beta is used every day, so that usage is known to have been read."""
    books = Books()
    books.customer("beta", used=range(28))
    books.customer("acme", used=range(14, 20))
    run(place, portal, books)
    (warning,) = rows(place, "unused_warning")
    later(books, 8)
    run(place, portal, books, days=8)
    assert list_notes(portal) == ["unused for 21 days"]
    later(books, 20)
    run(place, portal, books, days=20)
    run(place, portal, books, days=21)
    assert [row["state"] for row in rows(place, "unused_warning")] == ["resolved"]
    assert [row["state"] for row in rows(place, "likely_leaving")] == ["open"]
    task = portal.tasks[warning["key"]]
    assert (task["status"], task["priority"]) == ("NOT_STARTED", "high")
    assert task["title"] == "Save Acme: 30+ days unused, 100 EUR a month"
    assert list(portal.tasks) == [warning["key"]]


def later(books: Books, days: int) -> None:
    """Beta went on using it."""
    march = f"2026-03-{10 + days:02}"
    books.add("usage_days", account="beta", contact="p-beta", day=march, events=1)


def test_the_cap_lets_the_money_at_risk_go_first_not_the_largest(
    place: Place, portal: Portal
) -> None:
    """Large pays 500 and is green, poor pays 200 and is red: 200 × 0.7 is more than 500 × 0.2."""
    books = Books()
    books.customer("large", amount=50_000)
    books.customer("poor", amount=20_000, used=range(3), status="past_due")
    for name in ("large", "poor"):
        books.nps(name, 3, "2026-03-10T07:00")
    off = "\n    [playbooks.account_review]\n    enabled = false\n"
    place.configure(CONFIG + CRM + off + START + "    daily_cap = 1\n")
    text = run(place, portal, books)
    risk = {row["account_id"]: row["at_risk"] for row in rows(place, "detractor_call")}
    assert risk["poor"] > risk["large"] > 0
    states = {row["account_id"]: row["state"] for row in rows(place, "detractor_call")}
    assert states == {"poor": "open", "large": "waiting"}
    assert "1 follow-up of kim@acme.example deferred: " in text
    run(place, portal, books)
    assert len(portal.tasks) == 1
    run(place, portal, books, days=1)
    assert len(portal.tasks) == 2


def test_who_gets_it_is_the_owner_else_the_fallback(place: Place, portal: Portal) -> None:
    place.configure(CONFIG + CRM + START + f'    assignee = "{HEAD}"\n')
    books = Books()
    books.add("owners", source_id="lee", email="lee@acme.example", is_active="false")
    for name, owner in (("acme", "kim"), ("left", "lee"), ("nobody", "")):
        books.customer(name, account={"owner_source_id": owner})
        books.nps(name, 3, "2026-03-10T07:00")
    run(place, portal, books)
    who = {row["account_id"]: row["assignee"] for row in rows(place, "detractor_call")}
    assert who == {"acme": "kim@acme.example", "left": HEAD, "nobody": HEAD}


def test_words_of_ones_own(place: Place, portal: Portal) -> None:
    own = """
    [playbooks.detractor_call]
    title = "{account} ({mrr}, {band}): {title}"
    body = "{body}\\n\\nHow we call: https://wiki.example/calls"
    due_in = "4h"
    priority = "low"
    assignee = "Lee@acme.example"
    """
    place.configure(CONFIG + CRM + START + own)
    books = Books()
    books.customer("acme")
    books.nps("acme", 3, "2026-03-10T07:00", "{braces} stay")
    run(place, portal, books)
    (call,) = rows(place, "detractor_call")
    assert call["title"] == "Acme (100.00 EUR, green): Call Acme: NPS 3 from Pat Acme"
    assert "“{braces} stay”" in call["body"]
    assert call["body"].endswith("\n\nHow we call: https://wiki.example/calls")
    assert (call["priority"], call["assignee"]) == ("low", "lee@acme.example")
    assert f"{read_microseconds(call['due_at'])}".startswith("2026-03-10 10:00")
    assert json.loads(call["evidence"])[0]["score"] == 3
