"""Closed months: what was reported stays, what is learnt later is a restatement with its cause."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import list_whole_periods
from cs_sync.store.queries.month_close import is_known_as_closed
from cs_sync_schemas import MrrSpan, get_table
from tests.examples import FEW
from tests.jobs.road import CONFIG, Place
from tests.metrics.conftest import Ledger, utc
from tests.metrics.test_bridge import ACCOUNTS, Book, books

SPRING = list_whole_periods(date(2026, 1, 1), date(2026, 6, 1), "month", "UTC")
YEAR = list_whole_periods(date(2026, 1, 1), date(2027, 1, 1), "month", "UTC")


def closed(*months: int) -> dict[date, datetime]:
    """Each month closed on the second day after it."""
    return {date(2026, m + 1, 1): utc(2026, m + 1, 2) for m in months}


def test_what_is_learnt_later_stands_in_the_period_in_which_it_was_learnt(ledger: Ledger) -> None:
    """100 since January; in April one learns that it has been 80 since February."""
    ledger.account("a")
    learnt = utc(2026, 4, 10)
    ledger.span("a", 100, date(2026, 1, 10), known_from=utc(2026, 1, 11), known_to=learnt)
    ledger.span("a", 100, date(2026, 1, 10), date(2026, 2, 10), known_from=learnt)
    ledger.span("a", 80, date(2026, 2, 10), known_from=learnt)
    rows = ledger.bridge(Scope(SPRING, closed=closed(1, 2, 3, 4)))
    actual = [(r.opening, r.new, r.contraction, r.restatement, r.closing) for r in rows]
    assert actual == [
        (0, 100, 0, 0, 100),
        (100, 0, 0, 0, 100),
        (100, 0, 0, 0, 100),
        (100, 0, 0, -20, 80),
        (80, 0, 0, 0, 80),
    ]
    now = [(r.contraction, r.closing) for r in ledger.bridge(Scope(SPRING))]
    assert now == [(0, 100), (20, 80), (0, 80), (0, 80), (0, 80)]


def test_a_churn_that_was_none_comes_back_as_restatement(ledger: Ledger) -> None:
    ledger.account("a")
    learnt = utc(2026, 3, 10)
    ledger.span("a", 50, date(2026, 1, 1), date(2026, 2, 15), known_to=learnt)
    ledger.span("a", 50, date(2026, 1, 1), known_from=learnt)
    rows = ledger.bridge(Scope(SPRING[:3], closed=closed(1, 2, 3)))
    actual = [(r.churn, r.restatement, r.reactivation, r.closing) for r in rows]
    assert actual == [(0, 0, 0, 50), (50, 0, 0, 0), (0, 50, 0, 50)]


def test_an_account_that_never_paid_leaves_as_restatement(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 50, date(2026, 1, 10), known_to=utc(2026, 3, 10))
    rows = ledger.bridge(Scope(SPRING[:3], closed=closed(1, 2, 3)), by_account=True)
    actual = [(r.account, r.opening, r.restatement, r.churn, r.closing) for r in rows]
    assert actual == [("a", 0, 0, 0, 50), ("a", 50, 0, 0, 50), ("a", 50, -50, 0, 0)]


def test_a_month_before_a_closed_one_was_closed_with_it(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, date(2026, 1, 10), known_to=utc(2026, 4, 10))
    ledger.span("a", 70, date(2026, 1, 10), known_from=utc(2026, 4, 10))
    rows = ledger.bridge(Scope(SPRING[:4], closed=closed(3)))
    assert [(r.restatement, r.closing) for r in rows] == [(0, 100), (0, 100), (0, 100), (-30, 70)]


def test_a_segment_restates_before_the_account_leaves_it(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.attribute("a", "plan", "basic", None, date(2026, 3, 20))
    ledger.attribute("a", "plan", "pro", date(2026, 3, 20), known_from=utc(2026, 3, 20))
    ledger.span("a", 100, date(2026, 1, 10), known_to=utc(2026, 3, 10))
    ledger.span("a", 70, date(2026, 1, 10), known_from=utc(2026, 3, 10))
    rows = ledger.bridge(Scope(SPRING[2:3], by=("plan",), closed=closed(2, 3)))
    actual = {r.segment["plan"]: (r.opening, r.restatement, r.reclass, r.closing) for r in rows}
    assert actual == {"basic": (100, -30, -70, 0), "pro": (0, 0, 70, 70)}


@pytest.fixture(scope="module")
def shared() -> Iterator[Ledger]:
    made = Ledger()
    for name, plan in ACCOUNTS.items():
        made.account(name, attributes={"plan": plan} if plan else {})
    yield made
    made.engine.dispose()


def learn(ledger: Ledger, actual: list[Book]) -> None:
    """Each book replaces the one before, a hundred days later."""
    with ledger.engine.begin() as connection:
        connection.execute(delete(get_table(MrrSpan)))
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    for index, book in enumerate(actual):
        known_from = begin + timedelta(days=100 * index)
        known_to = begin + timedelta(days=100 * index + 100) if index + 1 < len(actual) else None
        rows = [
            {
                "account_id": account, "policy": MrrPolicy().hash, "currency": currency,
                "valid_from": start, "valid_to": end, "amount": amount,
                "known_from": known_from, "known_to": known_to,
            }
            for account, currency, start, end, amount in book
        ]  # fmt: skip
        ledger.add(MrrSpan, *rows)


@pytest.mark.slow("computes whole books")
@given(st.lists(books(), min_size=2, max_size=3), st.sets(st.integers(1, 11)))
@FEW
def test_the_bridge_holds_whatever_was_learnt_and_closed(
    shared: Ledger, actual: list[Book], months: set[int]
) -> None:
    learn(shared, actual)
    for by in ((), ("plan",)):
        last: dict[Any, int] = defaultdict(int)
        for row in shared.bridge(Scope(YEAR, by=by, closed=closed(*months))):
            assert row.closing == (
                row.opening + row.new + row.reactivation + row.expansion
                - row.contraction - row.churn + row.reclass + row.restatement
            )  # fmt: skip
            key = (row.segment.get("plan"), row.currency)
            assert row.opening == last[key]
            last[key] = row.closing
        running = sum(amount for *_, end, amount in actual[-1] if end is None)
        assert sum(last.values()) == running


@pytest.mark.slow("computes whole books")
@given(st.lists(books(), min_size=1, max_size=2), st.sets(st.integers(1, 11), min_size=1))
@FEW
def test_months_known_as_closed_need_no_look_at_their_closing(
    shared: Ledger, actual: list[Book], months: set[int]
) -> None:
    learn(shared, actual)
    scope = Scope(YEAR, closed=closed(*months))
    with shared.engine.connect() as connection:
        same = is_known_as_closed(connection, scope)
    if same:
        assert shared.bridge(scope) == shared.bridge(replace(scope, closed={}))


def test_what_was_learnt_or_merged_since_a_closing_is_looked_up(ledger: Ledger) -> None:
    scope = Scope(SPRING, closed=closed(1, 2))

    def is_same() -> bool:
        with ledger.engine.connect() as connection:
            return is_known_as_closed(connection, scope)

    ledger.account("a")
    ledger.span("a", 100, date(2026, 1, 10), known_from=utc(2026, 1, 11))
    assert is_same()
    ledger.account("b", merged_into="a")
    assert is_same()
    ledger.span("b", 50, date(2026, 1, 10), known_from=utc(2026, 1, 11))
    assert not is_same()


def test_a_span_that_was_learnt_after_the_first_closing_is_looked_up(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, date(2026, 1, 10), known_from=utc(2026, 2, 3))
    with ledger.engine.connect() as connection:
        assert not is_known_as_closed(connection, Scope(SPRING, closed=closed(1, 2)))
        assert is_known_as_closed(connection, Scope(SPRING, closed=closed(2, 3)))


SUBSCRIPTIONS = """
    source_id,account,status,started_at,currency
    s-a,a,active,2026-01-05,EUR
    s-b,b,active,2026-01-05,EUR
    """


def items(amount: int) -> str:
    return f"""
        source_id,subscription,valid_from,unit_amount
        i-a,s-a,2026-01-05,1000
        i-b,s-b,2026-01-05,3000
        i-a,s-a,2026-01-20,{amount}
        """


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("synced"), now=utc(2026, 2, 2))
    made.configure(CONFIG)
    made.write("data/accounts.csv", "source_id\na\nb\n")
    made.write("data/subscriptions.csv", SUBSCRIPTIONS)
    made.write("data/subscription_items.csv", items(1500))
    assert made.run("sync").code == 0
    return made


@pytest.fixture
def place(synced: Place, tmp_path: Path) -> Place:
    """January closed at 1500 + 3000; in March the price of `a` turns out to have been 12.00."""
    return synced.copy_to(tmp_path)


def amounts(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(r["period_start"][5:7], r["opening"], r["restatement"], r["closing"]) for r in rows]


@pytest.mark.slow("computes whole books")
def test_what_was_shown_once_does_not_change(place: Place) -> None:
    january = ("--since", "2026-01-01", "--until", "2026-02-01")
    before = place.json("mrr", *january)
    assert amounts(before) == [("01", 0, 0, 4500)]
    place.write("data/subscription_items.csv", items(1200))
    place.now = utc(2026, 3, 10)
    assert place.run("sync").code == 0
    again = place.run("--format", "json", "mrr", *january)
    assert again.rows == before
    assert "learnt since 2026-02-01 was closed: -3.00 EUR of a" in again.messages
    place.now = utc(2026, 4, 3)
    assert place.run("sync").code == 0
    ran = place.run("--format", "json", "mrr", "--since", "2026-01-01", "--until", "2026-04-01")
    assert amounts(ran.rows) == [
        ("01", 0, 0, 4500), ("02", 4500, -300, 4200), ("03", 4200, 0, 4200),
    ]  # fmt: skip
    assert ran.rows[1]["restatement_cause"].startswith("a: price on 2026-01-20, learnt on 2026-03")
    assert "restated in the period from 2026-02-01: -3.00 EUR of a (price on" in ran.messages
    (march,) = place.json("metrics", "--metric", "mrr", "--as-of", "2026-02-01")
    assert march["value"] == 4200


@pytest.mark.slow("computes whole books")
def test_a_month_stays_open_until_its_end_is_known(place: Place) -> None:
    place.now = utc(2026, 3, 10)
    february = ("--since", "2026-01-01", "--until", "2026-03-01")
    assert amounts(place.json("mrr", *february))[-1] == ("02", 4500, 0, 4500)
    assert [r["turn"] for r in place.select("SELECT turn FROM month_close")] == ["2026-02-01"]
    place.write("data/subscription_items.csv", items(1200))
    assert place.run("sync").code == 0
    assert amounts(place.json("mrr", *february))[-1] == ("02", 4500, -300, 4200)


@pytest.mark.slow("computes whole books")
def test_books_that_were_changed_by_hand_are_told(place: Place) -> None:
    january = ("--since", "2026-01-01", "--until", "2026-02-01")
    place.json("mrr", *january)
    with closing(sqlite3.connect(place.path / "cs_sync.db")) as connection, connection:
        connection.execute("UPDATE mrr_span SET amount = amount + 1 WHERE account_id = 'b'")
    ran = place.run("mrr", *january)
    assert "what was closed before 2026-02-01 no longer adds up" in ran.messages


def rates(january: str) -> str:
    return f"""
        source_id,day,base,quote,rate
        r1,2026-01-31,USD,EUR,{january}
        r2,2026-02-28,USD,EUR,0.80
        """


@pytest.fixture
def abroad(tmp_path: Path) -> Place:
    """10.00 EUR and 12.00 USD; January is closed at 0.75, which was a mistake: it was 0.70."""
    made = Place(tmp_path, now=utc(2026, 2, 2))
    made.configure(CONFIG)
    made.write("data/accounts.csv", "source_id\na\nb\n")
    dollars = SUBSCRIPTIONS.replace("s-b,b,active,2026-01-05,EUR", "s-b,b,active,2026-01-05,USD")
    made.write("data/subscriptions.csv", dollars)
    made.write(
        "data/subscription_items.csv",
        "source_id,subscription,valid_from,unit_amount\ni-a,s-a,2026-01-05,1000\n"
        "i-b,s-b,2026-01-05,1200\n",
    )
    made.write("data/fx_rates.csv", rates("0.75"))
    assert made.run("sync").code == 0
    return made


@pytest.mark.slow("computes whole books")
def test_a_rate_that_was_changed_later_is_a_restatement(abroad: Place) -> None:
    """1200 × 0.75 = 900 was reported, 1200 × 0.70 = 840 it was; at 0.80 it is 960: 120 of fx."""
    january = ("--since", "2026-01-01", "--until", "2026-02-01", "--currency", "EUR")
    before = abroad.json("mrr", *january)
    assert amounts(before) == [("01", 0, 0, 1900)]
    abroad.write("data/fx_rates.csv", rates("0.70"))
    abroad.now = utc(2026, 3, 10)
    assert abroad.run("sync").code == 0
    assert abroad.json("mrr", *january) == before
    both = ("--since", "2026-01-01", "--until", "2026-03-01", "--currency", "EUR")
    ran = abroad.run("--format", "json", "mrr", *both)
    assert amounts(ran.rows) == [("01", 0, 0, 1900), ("02", 1900, -60, 1960)]
    assert [row["fx"] for row in ran.rows] == [0, 120]
    cause = "fx_rate from USD to EUR: 0.75 when it was closed, now 0.7"
    assert ran.rows[1]["restatement_cause"] == cause
    assert f"restated in the period from 2026-02-01: {cause}" in ran.messages
    assert abroad.json("mrr", *both) == ran.rows


@pytest.mark.slow("computes whole books")
def test_a_rate_that_nobody_knew_is_taken_when_it_comes(abroad: Place) -> None:
    """Without any rate dollars stand for themselves; what was closed as such does not change."""
    january = ("--since", "2026-01-01", "--until", "2026-02-01")
    abroad.write("data/fx_rates.csv", "source_id,day,base,quote,rate\n")
    abroad.now = utc(2026, 2, 3)
    assert abroad.run("sync", "--full").code in (0, 3)
    own = abroad.json("mrr", *january)
    assert {row["currency"]: row["closing"] for row in own} == {"EUR": 1000, "USD": 1200}
    abroad.write("data/fx_rates.csv", rates("0.70"))
    abroad.now = utc(2026, 3, 10)
    assert abroad.run("sync").code == 0
    assert amounts(abroad.json("mrr", *january, "--currency", "EUR")) == [("01", 0, 0, 1840)]


@pytest.mark.slow("computes whole books")
def test_a_closed_month_may_be_reopened_for_a_reason(place: Place) -> None:
    """January was closed at 45.00; with the price that is known by now it is 42.00."""
    january = ("--since", "2026-01-01", "--until", "2026-02-01")
    place.json("mrr", *january)
    place.write("data/subscription_items.csv", items(1200))
    place.now = utc(2026, 3, 10)
    assert place.run("sync").code == 0
    place.json("mrr", "--since", "2026-02-01", "--until", "2026-03-01")
    ran = place.run("state", "reopen", "2026-01", "--reason", "the price was mistyped")
    assert ran.code == 0
    assert "open again: 2026-01, 2026-02" in ran.messages
    both = place.json("mrr", "--since", "2026-01-01", "--until", "2026-03-01")
    assert amounts(both) == [("01", 0, 0, 4200), ("02", 4200, 0, 4200)]
    months = place.json("state", "months")
    assert [(row["month"], row["totals"], row["reason"]) for row in months] == [
        ("2026-01", {"EUR": 4500}, "the price was mistyped"),
        ("2026-01", {"EUR": 4200}, None),
        ("2026-02", {"EUR": 4200}, "the price was mistyped"),
        ("2026-02", {"EUR": 4200}, None),
    ]
    assert place.run("runs").code == 0


@pytest.mark.slow("computes whole books")
def test_what_is_not_closed_or_has_no_reason_is_not_reopened(place: Place) -> None:
    unknown = place.run("state", "reopen", "2026-01", "--reason", "why not")
    assert unknown.code == 2
    assert "2026-01 is not closed" in unknown.messages
    place.json("mrr", "--since", "2026-01-01", "--until", "2026-02-01")
    silent = place.run("state", "reopen", "2026-01", "--reason", " ")
    assert silent.code == 2
    assert "without a reason" in silent.messages
    assert place.run("state", "reopen", "January", "--reason", "x").code == 2


def test_other_policies_follow_what_is_synced_later(place: Place) -> None:
    """A sync computes MRR under the policy of the file; another one catches up when it is asked."""
    asked = ("metrics", "--metric", "mrr", "--policy", "stripe", "--as-of", "2026-02-01")
    assert [row["value"] for row in place.json(*asked)] == [4500]
    place.write("data/subscription_items.csv", items(1200))
    place.now = utc(2026, 2, 10)
    assert place.run("sync").code == 0
    assert [row["value"] for row in place.json(*asked)] == [4200]
