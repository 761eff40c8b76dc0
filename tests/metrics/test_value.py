"""Lifetime value, costs and profit, by hand and against published figures."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import find_period, list_whole_periods
from cs_sync_schemas import Cost
from tests.examples import FEW
from tests.metrics.conftest import Ledger

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
START, MIDDLE = date(2026, 1, 1), date(2026, 6, 15)


def only_row(ledger: Ledger, metric: str, scope: Scope = Scope((JUNE,))) -> KpiRow:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row


def value(ledger: Ledger, metric: str, gross_margin: float | None = None) -> Any:
    return only_row(ledger, metric, Scope((JUNE,), gross_margin=gross_margin)).value


def customers(ledger: Ledger, amount: int, stay: int, leave: int, join: int) -> None:
    for n in range(stay + leave + join):
        ledger.account(f"a{n}")
        start = MIDDLE if n >= stay + leave else START
        end = MIDDLE if stay <= n < stay + leave else None
        ledger.span(f"a{n}", amount, start, end)


def costs(ledger: Ledger, **amounts: int) -> None:
    for purpose, amount in amounts.items():
        ledger.add(
            Cost,
            {
                "source_id": purpose, "purpose": purpose, "amount": amount, "currency": "EUR",
                "month": date(2026, 6, 1),
            },
        )  # fmt: skip


def test_a_hundred_a_month_and_five_percent_churn_are_worth_two_thousand(ledger: Ledger) -> None:
    """ChartMogul's example; with a margin of 80 % it is 1,600."""
    customers(ledger, 10_000, stay=19, leave=1, join=0)
    row = only_row(ledger, "ltv_revenue")
    assert (row.value, row.numerator, row.denominator) == (200_000, 10_000, 0.05)
    assert value(ledger, "ltv", gross_margin=0.8) == 160_000


def test_the_margin_comes_from_the_cost_of_service(ledger: Ledger) -> None:
    """20 % of 19 × 100 spent on service."""
    customers(ledger, 10_000, stay=19, leave=1, join=0)
    assert value(ledger, "ltv") is None
    costs(ledger, service=38_000)
    assert value(ledger, "ltv") == 160_000


def test_without_churn_lifetime_value_is_undefined_not_infinite(ledger: Ledger) -> None:
    customers(ledger, 10_000, stay=5, leave=0, join=0)
    assert value(ledger, "ltv_revenue") is None


def test_1700_spent_for_2000_is_a_ratio_of_1_18_and_no_loss(ledger: Ledger) -> None:
    """One article calls it a loss: it is below the target of 3, and above 1."""
    customers(ledger, 10_000, stay=19, leave=1, join=2)
    costs(ledger, acquisition=340_000)
    assert value(ledger, "cac") == 170_000
    ratio = value(ledger, "ltv_cac", gross_margin=1)
    assert ratio == pytest.approx(1.18, abs=0.005)
    assert 1 < ratio < 3
    assert value(ledger, "cac_payback_months", gross_margin=1) == pytest.approx(17)


def test_both_sides_of_ltv_to_crc_last_one_lifetime(ledger: Ledger) -> None:
    """80 of margin a month against 40 of retention cost a month: 2 to 1."""
    customers(ledger, 10_000, stay=19, leave=1, join=0)
    costs(ledger, retention=19 * 4_000)
    assert value(ledger, "crc") == 4_000
    assert value(ledger, "ltv_crc", gross_margin=0.8) == pytest.approx(2)


def test_profit_is_revenue_less_every_cost(ledger: Ledger) -> None:
    customers(ledger, 10_000, stay=9, leave=0, join=1)
    row = only_row(ledger, "saas_profit")
    assert (row.value, row.status) == (None, "insufficient")
    costs(ledger, acquisition=30_000, retention=10_000, service=20_000)
    assert value(ledger, "saas_profit") == 40_000


def test_a_quarter_holds_three_months_and_a_week_no_costs(ledger: Ledger) -> None:
    customers(ledger, 10_000, stay=9, leave=0, join=1)
    costs(ledger, acquisition=30_000)
    quarter = Scope((find_period(date(2026, 6, 1), "quarter", "UTC"),))
    assert only_row(ledger, "saas_profit", quarter).value == 270_000
    assert only_row(ledger, "cac", quarter).value == 30_000
    week = Scope((find_period(date(2026, 6, 15), "week", "UTC"),))
    assert only_row(ledger, "cac", week).value is None


def test_whoever_was_acquired_counts_also_when_gone_again(ledger: Ledger) -> None:
    """Four first paid in the quarter, two of them have left since: 30,000 ÷ 4, not ÷ 2.

    Who had a free plan before and pays from May on was acquired, who still has it was not.
    """
    ends = (None, date(2026, 5, 20), None)
    for n, end in enumerate(ends):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 10_000, date(2026, 4, 10), end)
    for name in ("upgraded", "free"):
        ledger.account(name)
        ledger.span(name, 0, START, date(2026, 5, 1) if name == "upgraded" else None)
    ledger.span("upgraded", 10_000, date(2026, 5, 1), date(2026, 6, 1))
    costs(ledger, acquisition=30_000)
    quarter = Scope((find_period(date(2026, 6, 1), "quarter", "UTC"),), gross_margin=0.5)
    assert only_row(ledger, "cac", quarter).value == 7_500
    assert only_row(ledger, "cac", quarter).n == 4
    assert only_row(ledger, "cac_payback_months", quarter).value == pytest.approx(1.5)
    dropped = Scope(quarter.periods, MrrPolicy(came_and_left="dropped"))
    for name in ("a0", "a1"):
        ledger.span(name, 10_000, date(2026, 4, 10), ends[int(name[1])], policy=dropped.policy)
    assert only_row(ledger, "cac", dropped).value == 30_000


@pytest.mark.slow("computes whole books")
@given(st.lists(st.tuples(st.integers(0, 360), st.integers(1, 90)), min_size=1, max_size=8))
@FEW
def test_the_months_of_a_year_acquire_what_the_year_does(lives: list[tuple[int, int]]) -> None:
    ledger = Ledger()
    for n, (begun, days) in enumerate(lives):
        ledger.account(f"a{n}")
        start = date(2026, 1, 1) + timedelta(days=begun)
        ledger.span(f"a{n}", 100, start, start + timedelta(days=days))
    costs(ledger, acquisition=100)
    year, *months = [
        sum(row.denominator or 0 for row in ledger.kpis("cac", Scope(list_whole_periods(
            date(2026, 1, 1), date(2027, 1, 1), grain, "UTC"))))
        for grain in ("year", "month")
    ]  # fmt: skip
    ledger.engine.dispose()
    assert year == sum(months) == len(lives)


def test_costs_cannot_be_split_by_attribute(ledger: Ledger) -> None:
    customers(ledger, 10_000, stay=1, leave=0, join=1)
    costs(ledger, acquisition=30_000)
    assert only_row(ledger, "cac", Scope((JUNE,), by=("plan",))).segment == {}


def test_costs_count_for_every_new_customer_whatever_it_pays_in(ledger: Ledger) -> None:
    customers(ledger, 10_000, stay=0, leave=0, join=1)
    ledger.account("us")
    ledger.span("us", 500, MIDDLE, None, "USD")
    costs(ledger, acquisition=30_000)
    rows = {row.currency: row.value for row in ledger.kpis("cac", Scope((JUNE,)))}
    assert rows == {"EUR": 15_000, "USD": None}
