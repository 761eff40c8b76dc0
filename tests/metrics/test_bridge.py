"""The bridge: worked by hand, and its laws over random books."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import GRAINS, Grain, list_whole_periods
from cs_sync_schemas import MrrSpan, get_table
from tests.metrics.conftest import Ledger, utc

ACCOUNTS = {"a": "pro", "b": "pro", "c": "basic", "d": None}
YEAR = list_whole_periods(date(2025, 12, 1), date(2027, 1, 1), "month", "UTC")


def months(ledger: Ledger, **more: Any) -> list[BridgeRow]:
    return ledger.bridge(Scope(YEAR), **more)


def test_every_kind_of_movement(ledger: Ledger) -> None:
    for name in "abcd":
        ledger.account(name)
    ledger.span("a", 1000, date(2026, 1, 10), date(2026, 2, 10))
    ledger.span("a", 1500, date(2026, 2, 10), date(2026, 3, 10))
    ledger.span("a", 700, date(2026, 3, 10), date(2026, 4, 10))
    ledger.span("a", 900, date(2026, 6, 10))
    rows = {row.period_start.month: row for row in months(ledger) if row.period_start.year == 2026}
    assert rows[1].json() == {
        "account": None, "currency": "EUR", "period_start": "2026-01-01",
        "period_end": "2026-02-01", "opening": 0, "new": 1000, "reactivation": 0, "expansion": 0,
        "contraction": 0, "churn": 0, "fx": 0, "reclass": 0, "restatement": 0, "closing": 1000,
    }  # fmt: skip
    assert (rows[2].expansion, rows[3].contraction, rows[4].churn) == (500, 800, 700)
    assert (rows[6].reactivation, rows[6].new, rows[6].closing) == (900, 0, 900)
    assert rows[5].opening == rows[5].closing == 0


def test_zero_cases_come_first(ledger: Ledger) -> None:
    """A public package asks `cur > prev` before return and `cur < prev` before churn, so that
    neither can ever come out."""
    ledger.account("a")
    ledger.span("a", 100, date(2026, 1, 10), date(2026, 2, 10))
    ledger.span("a", 200, date(2026, 3, 10))
    rows = months(ledger)
    assert sum(row.churn for row in rows) == 100
    assert sum(row.reactivation for row in rows) == 200
    assert sum(row.expansion + row.contraction for row in rows) == 0


def test_what_happens_at_midnight_belongs_to_the_next_period(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, date(2026, 1, 1), date(2026, 3, 1))
    rows = {(row.period_start.year, row.period_start.month): row for row in months(ledger)}
    assert (2025, 12) not in rows
    assert rows[2026, 1].new == 100
    assert (rows[2026, 2].closing, rows[2026, 3].churn) == (100, 100)


def test_test_accounts_and_merged_ones_are_left_out(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.account("b", is_test=True)
    ledger.account("c", merged_into="a")
    for name in "abc":
        ledger.span(name, 100, date(2026, 1, 1))
    assert {row.closing for row in months(ledger)} == {100}


def test_by_account_only_those_with_money_have_a_row(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.account("b")
    ledger.span("a", 100, date(2026, 1, 10), date(2026, 2, 10))
    ledger.span("b", 300, date(2026, 2, 10))
    rows = months(ledger, by_account=True)
    actual = [(r.account, r.period_start.month) for r in rows if r.period_start.month < 4]
    assert sorted(actual, key=str) == [("a", 1), ("a", 2), ("b", 2), ("b", 3)]


@pytest.mark.slow("computes whole books")
def test_who_comes_and_leaves_within_a_period_is_in_the_waterfall_twice(ledger: Ledger) -> None:
    for name in "ab":
        ledger.account(name)
    ledger.span("a", 300, date(2026, 3, 3), date(2026, 3, 10))
    ledger.span("a", 500, date(2026, 3, 10), date(2026, 3, 20))
    ledger.span("b", 100, date(2026, 1, 1), date(2026, 2, 1))
    ledger.span("b", 200, date(2026, 3, 5), date(2026, 3, 6))
    [march] = ledger.bridge(Scope(YEAR[3:4]))
    assert (march.opening, march.new, march.reactivation, march.churn, march.closing) == (
        0, 500, 200, 700, 0,
    )  # fmt: skip
    rows = ledger.bridge(Scope(YEAR[3:4]), by_account=True)
    assert {row.account: row.churn for row in rows} == {"a": 500, "b": 200}
    assert ledger.bridge(Scope(YEAR[3:4], MrrPolicy(came_and_left="dropped"))) == []


def test_other_policies_do_not_mix(ledger: Ledger) -> None:
    ledger.account("a")
    stripe = MrrPolicy.preset("stripe")
    ledger.span("a", 100, date(2026, 1, 1))
    ledger.span("a", 50, date(2026, 1, 1), policy=stripe)
    assert {row.closing for row in months(ledger)} == {100}
    assert {row.closing for row in ledger.bridge(Scope(YEAR, stripe))} == {50}


def test_as_known_at_a_day_in_the_past(ledger: Ledger) -> None:
    """In May one learnt that it had been 80 since March, not 100."""
    ledger.account("a")
    learnt = utc(2026, 5, 5)
    ledger.span("a", 100, date(2026, 1, 1), known_from=utc(2026, 1, 2), known_to=learnt)
    ledger.span("a", 100, date(2026, 1, 1), date(2026, 3, 1), known_from=learnt)
    ledger.span("a", 80, date(2026, 3, 1), known_from=learnt)

    def closing(known_at: datetime | None) -> int:
        rows = ledger.bridge(Scope(YEAR[4:5], known_at=known_at))
        return sum(row.closing for row in rows)

    assert closing(None) == 80
    assert closing(learnt) == 80
    assert closing(learnt - timedelta(seconds=1)) == 100
    assert closing(utc(2026, 1, 1)) == 0


@pytest.fixture(scope="module")
def shared() -> Iterator[Ledger]:
    """One workspace for all examples of a law; its spans are replaced each time."""
    made = Ledger()
    for name, plan in ACCOUNTS.items():
        made.account(name, attributes={"plan": plan} if plan else {})
    yield made
    made.engine.dispose()


Book = list[tuple[str, str, datetime, datetime | None, int]]


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Disjoint spans of some accounts, on any hour of a year."""
    actual: Book = []
    for account in draw(st.sets(st.sampled_from(sorted(ACCOUNTS)))):
        for currency in draw(st.sets(st.sampled_from(["EUR", "USD"]), min_size=1)):
            hours = draw(st.lists(st.integers(0, 8000), unique=True, max_size=6).map(sorted))
            moments = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=h) for h in hours]
            for start, end in zip(moments, [*moments[1:], None], strict=False):
                if draw(st.booleans()):
                    amount = draw(st.integers(1, 10**9) | st.integers(0, 2))
                    actual.append((account, currency, start, end, amount))
    return actual


def keep(ledger: Ledger, book: Book, policy: MrrPolicy) -> None:
    with ledger.engine.begin() as connection:
        connection.execute(delete(get_table(MrrSpan)))
    rows = [
        {
            "account_id": account, "policy": policy.hash, "currency": currency,
            "valid_from": start, "valid_to": end, "amount": amount,
        }
        for account, currency, start, end, amount in book
    ]  # fmt: skip
    ledger.add(MrrSpan, *rows)


POLICIES = st.builds(
    MrrPolicy,
    zone=st.sampled_from(["UTC", "Asia/Kathmandu"]),
    reactivation_within_days=st.sampled_from([None, 0, 30]),
    came_and_left=st.sampled_from(["both", "dropped"]),
)


@pytest.mark.slow("computes whole books")
@given(books(), st.sampled_from(GRAINS[1:]), POLICIES)
def test_the_bridge_holds_to_the_cent_in_and_across_periods(
    shared: Ledger, book: Book, grain: Grain, policy: MrrPolicy
) -> None:
    keep(shared, book, policy)
    periods = list_whole_periods(date(2025, 12, 1), date(2027, 2, 1), grain, policy.zone)
    for by in ((), ("plan",)):
        rows = shared.bridge(Scope(periods, policy, by))
        closing: dict[Any, int] = defaultdict(int)
        for row in rows:
            assert row.closing == (
                row.opening + row.new + row.reactivation + row.expansion
                - row.contraction - row.churn + row.fx + row.reclass + row.restatement
            )  # fmt: skip
            key = (row.segment.get("plan"), row.currency)
            assert row.opening == closing[key]
            closing[key] = row.closing
        last = sum(amount for *_, end, amount in book if end is None)
        assert sum(closing.values()) == last


@pytest.mark.slow("computes whole books")
@given(books())
def test_segments_and_accounts_sum_to_the_whole(shared: Ledger, book: Book) -> None:
    keep(shared, book, MrrPolicy())

    def total(rows: list[BridgeRow]) -> dict[Any, list[int]]:
        sums: dict[Any, list[int]] = defaultdict(lambda: [0] * 7)
        for r in rows:
            amounts = (
                r.opening, r.new, r.reactivation, r.expansion, r.contraction, r.churn, r.closing,
            )  # fmt: skip
            key = (r.period_start, r.currency)
            sums[key] = [x + y for x, y in zip(sums[key], amounts, strict=True)]
        return {key: amounts for key, amounts in sums.items() if any(amounts)}

    whole = total(shared.bridge(Scope(YEAR)))
    assert total(shared.bridge(Scope(YEAR, by=("plan",)))) == whole
    assert total(shared.bridge(Scope(YEAR), by_account=True)) == whole


@pytest.mark.slow("computes whole books")
@given(books())
def test_gross_retention_is_at_most_one_and_at_most_net_retention(
    shared: Ledger, book: Book
) -> None:
    keep(shared, book, MrrPolicy())
    periods = list_whole_periods(date(2026, 6, 1), date(2027, 6, 1), "month", "UTC")
    net = shared.kpis("nrr", Scope(periods))
    gross = shared.kpis("grr", Scope(periods))
    for n, g in zip(net, gross, strict=True):
        assert (n.value is None) == (g.value is None)
        if n.value is not None and g.value is not None:
            assert 0 <= g.value <= 1
            assert g.value <= n.value
