"""Signals of use from days read once are those of their statements, whatever is in the books."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert

from cs_sync.health import SignalScope, build_day_scope
from cs_sync.health.signals.use_history import UsedDays, compare_events, count_days_since_use
from cs_sync.store.queries.health import read_signals, read_use_history
from cs_sync.testing.databases import open_memory_database
from cs_sync_schemas import (
    Account,
    AccountLink,
    Contact,
    ContactAccount,
    ContactLink,
    FeatureDay,
    UsageDay,
    get_history_table,
    get_known_from,
    get_table,
)
from tests.health.conftest import LONG_AGO

FIRST = date(2025, 7, 1)
SOURCES = ("posthog", "segment", "totals")
SIGNALS = ("days_since_use", "usage_trend_28", "active_days_28")
MONTH_ENDS = (date(2025, 7, 31), date(2025, 9, 30), date(2025, 10, 31), date(2025, 12, 31))


def at(day: int) -> datetime:
    return datetime(2025, 7, 1, tzinfo=UTC) + timedelta(days=day)


def complete(model: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The row with defaults for what it does not say."""
    given: dict[str, Any] = {
        "first_seen_at": LONG_AGO, "last_seen_at": LONG_AGO, "changed_at": LONG_AGO,
        "row_hash": "", "since": LONG_AGO, "rule": "own", "reason": "",
    }  # fmt: skip
    whole = {name: value for name, value in given.items() if name in model.model_fields} | row
    return {name: getattr(model(**whole), name) for name in model.model_fields}


def add(connection: Connection, model: Any, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        connection.execute(insert(get_table(model)).values(complete(model, row)))


def add_past(connection: Connection, model: Any, row: dict[str, Any], known_to: datetime) -> None:
    """A version of a row that was known until then."""
    history = get_history_table(get_table(model))
    assert isinstance(history, Table)
    whole = {**complete(model, row), "known_to": known_to, get_known_from(history).name: LONG_AGO}
    named = {name: value for name, value in whole.items() if name in history.c}
    connection.execute(insert(history).values(named))


def fill(connection: Connection, random: Random) -> None:
    """Accounts, their people's moves, and days of use; some came, went or changed later."""
    accounts = [f"a{number}" for number in range(7)]
    add(connection, Account, [
        {"id": name, "is_test": name == "a5", "merged_into": "a0" if name == "a6" else None}
        for name in accounts
    ])  # fmt: skip
    links = [(source, name) for source in SOURCES for name in accounts if random.random() < 0.6]
    for source, name in links:
        link = {"source": source, "source_id": name, "account_id": name}
        if random.random() < 0.2:
            add_past(connection, AccountLink, {**link, "account_id": "a1"}, at(100))
            link["since"] = at(100)  # type: ignore[assignment]
        add(connection, AccountLink, [link])
    for number in range(8):
        person = f"p{number}"
        add(connection, Contact, [{"id": person, "account_id": random.choice([*accounts, None])}])
        add(connection, ContactLink, [
            {"source": source, "source_id": person, "contact_id": person}
            for source in SOURCES if random.random() < 0.6
        ])  # fmt: skip
        if links:
            moved = random.randrange(30, 150)
            for begun, ended in ((-900, moved), (moved, None)):
                source, name = random.choice(links)
                add(connection, ContactAccount, [{
                    "contact_id": person, "source": source, "account_source_id": name,
                    "valid_from": at(begun), "day_from": at(begun).date(), "stated": True,
                    "valid_to": None if ended is None else at(ended),
                    "day_to": None if ended is None else at(ended).date(),
                }])  # fmt: skip
    for number in range(160):
        model = random.choice((UsageDay, FeatureDay))
        row: dict[str, Any] = {
            "source": random.choice(SOURCES), "source_id": str(number),
            "account_source_id": random.choice([*accounts, "nobody"]),
            "contact_source_id": random.choice([None, *(f"p{place}" for place in range(9))]),
            "day": at(random.randrange(-60, 190)).date(), "events": random.choice((0, 1, 5, 40)),
            "first_seen_at": random.choice((LONG_AGO, at(80), at(200))),
            "deleted_at": random.choice((None, None, None, at(150))),
        }  # fmt: skip
        if model is FeatureDay:
            row |= {"feature": random.choice(("export", "login")), "users": random.choice((0, 2))}
            row["source"] = random.choice(SOURCES[:2])
        else:
            row |= {"sessions": random.choice((0, 1)), "seconds": 0}
            if random.random() < 0.5:
                row["account_source_id"] = None
        if random.random() < 0.2:
            add_past(connection, model, {**row, "events": 7, "deleted_at": None}, at(120))
            row["changed_at"] = at(120)
        add(connection, model, [row])


@pytest.fixture(scope="module", params=range(6))
def books(request: pytest.FixtureRequest) -> Iterator[Connection]:
    engine = open_memory_database()
    with engine.connect() as connection:
        fill(connection, Random(request.param))
        yield connection
    engine.dispose()


@pytest.mark.slow("scores whole books")
@pytest.mark.parametrize("features", [(), ("export",)])
@pytest.mark.parametrize(("known_at", "rewritten"), [(None, False), (110, False), (110, True)])
def test_days_read_once_say_what_the_statements_say(
    books: Connection, features: tuple[str, ...], known_at: int | None, *, rewritten: bool
) -> None:
    known = None if known_at is None else at(known_at)

    def scope(day: date) -> SignalScope:
        made = build_day_scope(day, "Europe/Warsaw")
        return replace(made, known_at=known, active_features=features)

    use = read_use_history(books, scope(MONTH_ENDS[-1]), rewritten=rewritten)
    seen = set[str]()
    for day in MONTH_ENDS:
        actual = read_signals(books, SIGNALS, scope(day), rewritten=rewritten, use=use)
        assert actual == read_signals(books, SIGNALS, scope(day), rewritten=rewritten), day
        seen |= {name for own in actual.values() for name in own}
    assert seen == set(SIGNALS)


def test_a_trend_by_hand() -> None:
    """Of 31 December: 4 to 31 December are recent, 6 November to 3 December came before."""
    days = [date(2025, 11, 6), date(2025, 12, 3), date(2025, 12, 4), date(2026, 1, 1)]
    use = UsedDays([day.toordinal() for day in days], (0, 2, 10, 16, 99), (0, 1, 3, 4, 5))
    day = date(2025, 12, 31).toordinal()
    assert compare_events(use, day) == (6 / 10, 4)
    assert count_days_since_use(use, day) == (27, 4)
    assert compare_events(use, day - 1) is None
    assert count_days_since_use(use, date(2025, 11, 5).toordinal()) is None
