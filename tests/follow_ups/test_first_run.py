"""The first run, and the first run after the loss of a database, which is none."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cs_sync.contracts.errors import Unreachable
from cs_sync.follow_ups import PLAYBOOKS, FollowUpSettings, plan_follow_ups
from cs_sync_webhook.destination import WebhookDestination
from tests.follow_ups.books import Books
from tests.follow_ups.conftest import connect_portal
from tests.follow_ups.days import CRM, push
from tests.follow_ups.views import NOW, answer, at, invoice, movement, ticket, view
from tests.jobs.road import CONFIG, Place
from tests.write_back.portal import Portal


def planned(rules: FollowUpSettings | None = None, **fields: Any) -> list[str]:
    given: dict[str, Any] = {
        "answers": (answer(3),), "movements": (movement(amount=40_000),),
        "tickets": tuple(ticket(name) for name in ("10", "12", "19")),
        "invoices": (invoice(days=9),), "band": "red",
    }  # fmt: skip
    plan = plan_follow_ups([view(**(given | fields))], PLAYBOOKS, {}, None, rules or DEFAULT)
    return sorted(draft.playbook for draft in plan.drafts)


DEFAULT = FollowUpSettings()
EVENTS = ["contraction_contact", "detractor_call", "topic_call"]
STATES = ["account_review", "unpaid_invoice"]


def test_events_before_the_connection_make_nothing_and_what_goes_on_does() -> None:
    connected = {"hubspot": NOW - timedelta(hours=1), "zendesk": NOW - timedelta(hours=1)}
    assert planned(connected=connected) == STATES
    assert planned(connected={}) == sorted(EVENTS + STATES)


def test_a_source_that_was_connected_later_begins_then() -> None:
    """Answers come from HubSpot, tickets from Zendesk; money is known since the first of both."""
    connected = {"hubspot": at(1), "zendesk": NOW - timedelta(hours=1)}
    assert planned(connected=connected) == sorted(
        [*STATES, "contraction_contact", "detractor_call"]
    )


def test_start_says_otherwise() -> None:
    connected = {"hubspot": NOW, "zendesk": NOW}
    early = FollowUpSettings(start=date(2025, 11, 1))
    assert planned(early, connected=connected) == sorted(EVENTS + STATES)
    late = FollowUpSettings(start=date(2025, 12, 1))
    assert planned(late, connected={"hubspot": at(1)}) == STATES


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Portal]]:
    with pytest.MonkeyPatch.context() as patch:
        portal = connect_portal(patch)
        yield begin(Place(tmp_path_factory.mktemp("first")), portal), portal


@pytest.fixture
def place(begun: tuple[Place, Portal], portal: Portal, tmp_path: Path) -> Place:
    """Acme is connected the day before somebody gives a bad answer, and one was given before."""
    vars(portal).update(deepcopy(vars(begun[1])))
    return begun[0].copy_to(tmp_path)


def begin(made: Place, portal: Portal) -> Place:
    made.configure(CONFIG + CRM)
    books = Books()
    books.customer("acme")
    books.nps("acme", 2, "2026-03-09T10:00", "old")
    books.keep(made)
    portal.companies["acme"] = {}
    assert made.run("sync").code == 0
    push(made)
    assert portal.tasks == {}
    books.add("contacts", source_id="q-acme", account="acme", email="q@acme.example", name="Quinn")
    books.add("survey_responses", source_id="n-new", kind="nps", contact="q-acme", score=3,
              scale_min=0, scale_max=10, answered_at="2026-03-11T08:00")  # fmt: skip
    books.keep(made)
    made.now += timedelta(days=1)
    assert made.run("sync").code == 0
    push(made, days=1)
    assert [task["title"] for task in portal.tasks.values()] == ["Call Acme: NPS 3 from Quinn"]
    return made


def occasions(place: Place) -> list[tuple[str, str]]:
    rows = place.select("SELECT occasion, state FROM follow_up ORDER BY occasion")
    return [(row["occasion"], row["state"]) for row in rows]


@pytest.mark.slow("syncs and runs whole commands")
@pytest.mark.parametrize("status", ["NOT_STARTED", "COMPLETED"])
def test_a_lost_database_neither_loses_nor_repeats_a_task(
    place: Place, portal: Portal, status: str
) -> None:
    """The answer is older than the new database, and the task in the CRM shows it was known."""
    (key,) = portal.tasks
    portal.tasks[key]["status"] = status
    (place.path / "cs_sync.db").unlink()
    assert place.run("sync").code == 0
    push(place, days=1)
    push(place, days=2)
    assert list(portal.tasks) == [key]
    state = {"NOT_STARTED": "open", "COMPLETED": "done"}[status]
    assert occasions(place) == [("files:n-new", state)]


@pytest.mark.slow("syncs and runs whole commands")
def test_a_crm_that_does_not_answer_is_asked_again(
    place: Place, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.path / "cs_sync.db").unlink()
    assert place.run("sync").code == 0

    def silent(*_: Any) -> Any:
        raise Unreachable("webhook: nobody answers")

    with monkeypatch.context() as broken:
        broken.setattr(WebhookDestination, "find", silent)
        broken.setattr(WebhookDestination, "write", silent)
        place.run("push", "--yes")
    assert occasions(place) == []
    push(place, days=2)
    assert occasions(place) == [("files:n-new", "open")]
    assert len(portal.tasks) == 1


@pytest.mark.slow("syncs and runs whole commands")
def test_what_was_too_early_is_looked_for_once_the_crm_answers(
    place: Place, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run of a day does not ask the account again, and knows what was too early."""
    (place.path / "cs_sync.db").unlink()

    def silent(*_: Any) -> Any:
        raise Unreachable("webhook: nobody answers")

    with monkeypatch.context() as broken:
        broken.setattr(WebhookDestination, "find", silent)
        broken.setattr(WebhookDestination, "write", silent)
        place.run("run", "--yes")
    assert occasions(place) == []
    assert place.select("SELECT key FROM kept_result WHERE kind = 'quiet'")
    place.now += timedelta(hours=1)
    place.run("run", "--yes")
    assert occasions(place) == [("files:n-new", "open")]
    assert len(portal.tasks) == 1
