"""Signals from facts read once are those of their statements, whatever is in the books."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, select

from cs_sync.health import SIGNALS, SignalScope, build_day_scope
from cs_sync.health.facts import BillingMarks
from cs_sync.health.relations import select_owned
from cs_sync.health.signals.billing import is_ending, is_overdue, is_running
from cs_sync.health.signals.billing_sweep import BILLING, mark_billing
from cs_sync.store.queries.health import read_signals, read_swept_facts
from cs_sync.testing.databases import open_memory_database
from cs_sync_schemas import Account, AccountLink, Invoice, Subscription, SurveyResponse, Ticket
from cs_sync_schemas.tables import INVOICE, SUBSCRIPTION
from cs_sync_schemas.times import count_microseconds
from tests.health.conftest import LONG_AGO
from tests.health.stored_rows import add_past_row, add_rows, at, open_filled
from tests.health.test_use_history import MONTH_ENDS, SOURCES
from tests.health.test_use_history import fill as fill_accounts

NAMES = [name for name, signal in SIGNALS.items() if signal.facts]
ZONE = "Europe/Warsaw"
ACCOUNTS = [f"a{number}" for number in range(7)]


def fill(connection: Connection, random: Random) -> None:
    """Subscriptions, invoices, tickets and answers; some came, went or changed later."""
    fill_accounts(connection, random)
    for number in range(240):
        model = random.choice((Subscription, Invoice, Ticket, SurveyResponse))
        row = {
            "source": random.choice(SOURCES), "source_id": str(number),
            "account_source_id": random.choice([*ACCOUNTS, "nobody"]),
            "first_seen_at": random.choice((LONG_AGO, LONG_AGO, at(80), at(200))),
            "deleted_at": random.choice((None, None, None, at(150))),
            **describe(model, random),
        }  # fmt: skip
        if random.random() < 0.2:
            changed = {**row, **describe(model, random), "deleted_at": None}
            add_past_row(connection, model, changed, at(120))
            row["changed_at"] = at(120)
        add_rows(connection, model, [row])


def describe(model: Any, random: Random) -> dict[str, Any]:
    """Return what a record of a kind says, with times at the very ends of days among them.

    Scores are such that a mean does not depend on the order in which they are added up.
    """
    ends = [build_day_scope(day, ZONE).until for day in MONTH_ENDS]

    def pick(*more: datetime | None) -> datetime | None:
        return random.choice((at(random.randrange(-200, 190)), random.choice(ends), *more))

    if model is Subscription:
        return {
            "status": random.choice(
                ("active", "active", "trialing", "past_due", "unpaid", "canceled", "incomplete")
            ),
            "currency": "EUR", "started_at": pick(), "ended_at": pick(None, None, None),
            "cancel_at": pick(None, None), "canceled_at": pick(None),
        }  # fmt: skip
    if model is Invoice:
        return {
            "status": random.choice(("open", "paid", "uncollectible", "void")), "currency": "EUR",
            "issued_at": pick(), "due_at": pick(None), "paid_at": pick(None),
            "amount_remaining": random.choice((None, 0, 5)), "attempt_count": random.choice((0, 2)),
            "subscription_source_id": str(random.randrange(240)),
        }  # fmt: skip
    person = random.choice([None, *(f"p{place}" for place in range(9))])
    if model is Ticket:
        return {"opened_at": pick(), "contact_source_id": person}
    return {
        "kind": random.choice(("nps", "csat")), "score": random.choice((None, 0.0, 3.5, 7.0, 10.0)),
        "scale_min": 0.0, "scale_max": 10.0, "answered_at": pick(), "contact_source_id": person,
        "higher_is_better": random.random() < 0.8,
    }  # fmt: skip


@pytest.fixture(scope="module", params=range(6))
def books(request: pytest.FixtureRequest) -> Iterator[Connection]:
    with open_filled(fill, request.param) as connection:
        yield connection


def list_days(known_at: datetime | None = None) -> list[SignalScope]:
    return [replace(build_day_scope(day, ZONE), known_at=known_at) for day in MONTH_ENDS]


@pytest.mark.slow("scores whole books")
@pytest.mark.parametrize(("known_at", "rewritten"), [(None, False), (110, False), (110, True)])
def test_facts_read_once_say_what_the_statements_say(
    books: Connection, known_at: int | None, *, rewritten: bool
) -> None:
    days = list_days(None if known_at is None else at(known_at))
    swept = read_swept_facts(books, NAMES, days, rewritten=rewritten)
    seen = set[str]()
    for day in days:
        actual = read_signals(books, NAMES, day, rewritten=rewritten, swept=swept)
        assert actual == read_signals(books, NAMES, day, rewritten=rewritten), day.day
        seen |= {name for own in actual.values() for name in own}
    assert seen == set(NAMES) == {"tickets_30", "billing_standing", "nps", "csat_90"}


@pytest.mark.slow("reads whole books")
def test_billing_in_short_is_what_conditions_say(books: Connection) -> None:
    days = list_days()
    facts = read_swept_facts(books, (), days).facts[BILLING.name]
    for day in days:
        at_end = count_microseconds(day.until)
        marked = {account: mark_billing(own, at_end) for account, own in facts.items()}
        actual = {account: marks for account, marks in marked.items() if marks is not None}
        assert actual == read_marks(books, day)


def read_marks(connection: Connection, day: SignalScope) -> dict[str, BillingMarks]:
    """Mark billing from the records that meet the conditions, read one by one."""
    running = select_owned(
        day, SUBSCRIPTION, SUBSCRIPTION.c.status, is_ending(day).label("ends"),
        where=is_running(day),
    )  # fmt: skip
    late = select_owned(day, INVOICE, where=is_overdue(day))
    unpaid = set(connection.scalars(select(late.c.account_id)))
    rows: dict[str, list[tuple[str, bool]]] = {account: [] for account in unpaid}
    for account, status, ends in connection.execute(select(running)):
        rows.setdefault(account, []).append((status, bool(ends)))
    return {
        account: BillingMarks(
            bool(own),
            any(status != "trialing" for status, _ in own)
            and all(ends for status, ends in own if status != "trialing"),
            account in unpaid,
        )
        for account, own in rows.items()
    }


def test_a_day_of_answers_and_tickets_by_hand(quick_books: Connection) -> None:
    """Two answers of one person: the later counts. A ticket on the last day of 30."""
    day = build_day_scope(date(2025, 7, 31))
    swept = read_swept_facts(quick_books, NAMES, [day])
    assert {
        name: (reading.value, reading.n)
        for name, reading in read_signals(quick_books, NAMES, day, swept=swept)["acme"].items()
    } == {"nps": (7.0, 2), "tickets_30": (1.0, 1), "billing_standing": (1.0, 1)}


@pytest.fixture
def quick_books() -> Iterator[Connection]:
    engine = open_memory_database()
    own = {"source": "all", "account_source_id": "acme"}
    with engine.connect() as connection:
        add_rows(connection, Account, [{"id": "acme"}])
        link = {"source": "all", "source_id": "acme", "account_id": "acme"}
        add_rows(connection, AccountLink, [link])
        add_rows(connection, Ticket, [
            {**own, "source_id": str(day), "opened_at": at(day)} for day in (0, 1)
        ])  # fmt: skip
        add_rows(connection, SurveyResponse, [
            {**own, "source_id": str(number), "kind": "nps", "score": score,
             "contact_source_id": person, "answered_at": at(number)}
            for number, (person, score) in enumerate([("ana", 2.0), ("ana", 6.0), ("ben", 8.0)])
        ])  # fmt: skip
        add_rows(connection, Subscription, [
            {**own, "source_id": "s", "currency": "EUR", "started_at": at(0), "status": "active",
             "cancel_at": at(90), "canceled_at": at(29)}
        ])  # fmt: skip
        yield connection
    engine.dispose()
