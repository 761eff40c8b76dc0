"""Signals of use from days read once are those of their statements, whatever is in the books."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, select

from cs_sync.health import SignalScope, build_day_scope
from cs_sync.health.facts import UsageFact
from cs_sync.health.signals.usage import select_used_days
from cs_sync.health.signals.use_history import UsedDays, compare_events, count_days_since_use
from cs_sync.metrics.sql.time_travel import rewrite_as_of
from cs_sync.queries.kept_use import FORM
from cs_sync.store.queries.health import (
    read_all_use,
    read_evidence,
    read_signals,
    read_use_history,
)
from cs_sync.store.queries.people import read_people
from cs_sync_schemas import (
    Account,
    AccountLink,
    Contact,
    ContactAccount,
    ContactLink,
    FeatureDay,
    SourceContact,
    UsageDay,
)
from tests.health.conftest import LONG_AGO
from tests.health.stored_rows import add_past_row, add_rows, at, open_filled

FIRST = date(2025, 7, 1)
SOURCES = ("posthog", "segment", "totals")
SIGNALS = ("days_since_use", "usage_trend_28", "active_days_28")
MONTH_ENDS = (date(2025, 7, 31), date(2025, 9, 30), date(2025, 10, 31), date(2025, 12, 31))


def fill(connection: Connection, random: Random) -> None:
    """Accounts, their people's moves, and days of use; some came, went or changed later."""
    accounts = [f"a{number}" for number in range(7)]
    add_rows(connection, Account, [
        {"id": name, "is_test": name == "a5", "merged_into": "a0" if name == "a6" else None}
        for name in accounts
    ])  # fmt: skip
    links = [(source, name) for source in SOURCES for name in accounts if random.random() < 0.6]
    for source, name in links:
        link = {"source": source, "source_id": name, "account_id": name}
        if random.random() < 0.2:
            add_past_row(connection, AccountLink, {**link, "account_id": "a1"}, at(100))
            link["since"] = at(100)  # type: ignore[assignment]
        add_rows(connection, AccountLink, [link])
    for number in range(8):
        person = f"p{number}"
        add_rows(
            connection, Contact, [{"id": person, "account_id": random.choice([*accounts, None])}]
        )
        sources = [source for source in SOURCES if random.random() < 0.6]
        add_rows(connection, SourceContact, [
            {"source": source, "source_id": person} for source in sources
        ])  # fmt: skip
        add_rows(connection, ContactLink, [
            {"source": source, "source_id": person, "contact_id": person} for source in sources
        ])  # fmt: skip
        if links:
            moved = random.randrange(30, 150)
            for begun, ended in ((-900, moved), (moved, None)):
                source, name = random.choice(links)
                add_rows(connection, ContactAccount, [{
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
            add_past_row(connection, model, {**row, "events": 7, "deleted_at": None}, at(120))
            row["changed_at"] = at(120)
        add_rows(connection, model, [row])


@pytest.fixture(scope="module", params=range(6))
def books(request: pytest.FixtureRequest) -> Iterator[Connection]:
    with open_filled(fill, request.param) as connection:
        yield connection


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


@pytest.mark.slow("reads whole books")
@pytest.mark.parametrize("accounts", [(), ("a0", "a3")])
@pytest.mark.parametrize("known_at", [None, 110])
def test_use_in_facts_is_what_records_joined_one_by_one_say(
    books: Connection, accounts: tuple[str, ...], known_at: int | None
) -> None:
    """A person's days count wherever they were used, an account's whoever used them."""
    for day in MONTH_ENDS:
        known = None if known_at is None else at(known_at)
        scope = replace(build_day_scope(day, "Europe/Warsaw", accounts), known_at=known)
        facts = read_evidence(books, scope, read_use_history(books, scope))
        joined = select_used_days(replace(scope, accounts=()))
        statement = select(joined.c.account_id, joined.c.person, joined.c.day, joined.c.by_person)
        rows = books.execute(rewrite_as_of(statement, known) if known else statement).all()
        by_account, by_person = defaultdict(set), defaultdict(set)
        for account, person, used, by_name in rows:
            by_account[account].add((used, person if by_name else None))
            by_person[person].add(used)
        assert {name: own.usage for name, own in facts.items() if own.usage} == {
            name: summarize(uses, day)
            for name, uses in by_account.items() if not accounts or name in accounts
        }  # fmt: skip
        if known is None:
            people = read_people(books, replace(scope, accounts=()), accounts)
            assert people or accounts
            for own in people.values():
                for person in own:
                    shown = (person.last_day, person.recent_days, person.earlier_days)
                    assert shown == count_use(by_person[person.id], day)


@pytest.mark.parametrize("features", [(), ("export",)])
@pytest.mark.parametrize("accounts", [(), ("a0", "a3")])
def test_use_at_hand_is_use_read_up_to_each_day(
    books: Connection, accounts: tuple[str, ...], features: tuple[str, ...]
) -> None:
    """It has every day, also those to come, and the same of everybody's people."""
    everything = build_day_scope(MONTH_ENDS[0], "Europe/Warsaw")
    everything = replace(everything, active_features=features)
    written = {name: FORM.encode(use) for name, use in read_all_use(books, everything)}
    use = {name: FORM.decode(packed) for name, packed in written.items()}
    latest = max(day for own in use.values() for day in own.days)
    assert latest > MONTH_ENDS[0].toordinal()
    uses = [pair for pair in use.items() if not accounts or pair[0] in accounts]
    for day in MONTH_ENDS:
        scope = build_day_scope(day, "Europe/Warsaw", accounts)
        scope = replace(scope, active_features=features)
        history = read_use_history(books, scope, uses=uses)
        assert history == read_use_history(books, scope)
        of_all = replace(scope, accounts=())
        people = read_people(books, of_all, accounts, use.values())
        assert people == read_people(books, of_all, accounts)
    for name, packed in written.items():
        assert set(FORM.decode_head(packed).people) == set(use[name].people)


def summarize(uses: set[tuple[date, str | None]], day: date) -> UsageFact:
    days = {used for used, _ in uses}
    late, early = day - timedelta(27), day - timedelta(55)
    return UsageFact(
        sum(used >= late for used in days), sum(early <= used < late for used in days), max(days),
        len({person for used, person in uses if used >= late and person}), min(days),
    )  # fmt: skip


def count_use(days: set[date], day: date) -> tuple[date | None, int, int]:
    ago = [(day - used).days for used in days]
    return (
        max((used for used in days if (day - used).days < 180), default=None),
        sum(n < 14 for n in ago),
        sum(14 <= n < 70 for n in ago),
    )


def test_a_trend_by_hand() -> None:
    """Of 31 December: 4 to 31 December are recent, 6 November to 3 December came before."""
    days = [date(2025, 11, 6), date(2025, 12, 3), date(2025, 12, 4), date(2026, 1, 1)]
    use = UsedDays([day.toordinal() for day in days], (0, 2, 10, 16, 99), (0, 1, 3, 4, 5))
    day = date(2025, 12, 31).toordinal()
    assert compare_events(use, day) == (6 / 10, 4)
    assert count_days_since_use(use, day) == (27, 4)
    assert compare_events(use, day - 1) is None
    assert count_days_since_use(use, date(2025, 11, 5).toordinal()) is None
