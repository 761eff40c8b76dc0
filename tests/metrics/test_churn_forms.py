"""Churn by reason and cause, ahead of time, day by day, and over other lengths of time."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import find_period
from cs_sync.metrics.sql.scaling import scale_rate
from cs_sync_schemas import MrrMovement, Subscription, SubscriptionItem
from tests.metrics.conftest import Ledger, utc

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
START, MIDDLE = date(2026, 1, 1), date(2026, 6, 15)


def left(ledger: Ledger, account: str, reason: str | None, cause: str = "end") -> None:
    ledger.account(account)
    ledger.span(account, 100, START, MIDDLE)
    ledger.add(
        MrrMovement,
        {
            "account_id": account, "policy": MrrPolicy().hash, "currency": "EUR",
            "at": utc(2026, 6, 15), "kind": "churn", "amount": 100, "cause": cause,
            "reason": reason,
        },
    )  # fmt: skip


def by(ledger: Ledger, metric: str, *dimensions: str) -> dict[Any, Any]:
    rows = ledger.kpis(metric, Scope((JUNE,)))
    return {tuple(row.segment[name] for name in dimensions): row.value for row in rows}


def only_row(ledger: Ledger, metric: str, scope: Scope = Scope((JUNE,))) -> KpiRow:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row


def test_reasons_are_six_and_sum_to_the_churned(ledger: Ledger) -> None:
    reasons = [
        "switched_service", "Competitor", "downgraded to free", "business-closed",
        "too_expensive", "something else", "payment_failed", None, "unknown",
    ]  # fmt: skip
    for n, reason in enumerate(reasons):
        left(ledger, f"a{n}", reason)
    left(ledger, "dunned", None, cause="payment")
    actual = by(ledger, "churn_by_reason", "reason")
    assert actual == {
        ("competitor",): 2, ("free plan",): 1, ("business closed",): 1, ("voluntary",): 2,
        ("involuntary",): 2, ("unknown",): 2,
    }  # fmt: skip
    assert sum(actual.values()) == only_row(ledger, "churned_customers").value == 10
    stated = by(ledger, "churn_by_stated_reason", "reason")
    assert stated["price",] == stated["other",] == 1
    money = by(ledger, "churned_mrr_by_reason", "reason")
    assert money == {reason: 100 * count for reason, count in actual.items()}


def subscribed(ledger: Ledger, name: str, amount: str, account: str = "a", **more: Any) -> None:
    ledger.add(
        Subscription,
        {
            "source_id": name, "account_source_id": account, "currency": "EUR",
            "started_at": utc(2026, 1, 1), **more,
        },
    )  # fmt: skip
    ledger.add(
        SubscriptionItem,
        {
            "source_id": name, "subscription_source_id": name, "unit_amount": amount,
            "valid_from": utc(2026, 1, 1),
        },
    )  # fmt: skip


def test_scheduled_churn_is_said_before_it_happens(ledger: Ledger) -> None:
    ledger.account("a")
    subscribed(ledger, "kept", "3000")
    asked: dict[str, Any] = {"canceled_at": utc(2026, 6, 20), "cancel_at": utc(2026, 8, 1)}
    subscribed(ledger, "ending", "2000", **asked)
    ledger.account("b")
    subscribed(ledger, "later", "500", "b", canceled_at=utc(2026, 7, 2), cancel_at=utc(2026, 9, 1))
    ledger.compute(["a", "b"], MrrPolicy())
    assert only_row(ledger, "scheduled_churn_mrr").value == 2000
    assert only_row(ledger, "mrr").value == 5500
    july = find_period(date(2026, 7, 1), "month", "UTC")
    assert only_row(ledger, "scheduled_churn_mrr", Scope((july,))).value == 2500
    september = find_period(date(2026, 9, 1), "month", "UTC")
    assert only_row(ledger, "scheduled_churn_mrr", Scope((september,))).value == 0


def test_movements_by_kind_and_cause(ledger: Ledger) -> None:
    ledger.account("a")
    subscribed(ledger, "kept", "3000")
    subscribed(ledger, "gone", "2000", canceled_at=utc(2026, 6, 9), ended_at=utc(2026, 6, 9))
    ledger.add(
        SubscriptionItem,
        {
            "source_id": "kept", "subscription_source_id": "kept", "unit_amount": "3000",
            "quantity": "2", "valid_from": utc(2026, 6, 20),
        },
    )  # fmt: skip
    ledger.compute(["a"], MrrPolicy())
    actual = by(ledger, "mrr_moved_by_cause", "kind", "cause")
    assert actual == {("contraction", "end"): 2000, ("expansion", "quantity"): 3000}
    assert only_row(ledger, "expansion_mrr").value == 1000  # net, between the ends of the month


def test_new_customers_may_join_the_denominator(ledger: Ledger) -> None:
    for n in range(5):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 100, START if n < 4 else MIDDLE, MIDDLE if n == 0 else None)
    assert only_row(ledger, "customer_churn_rate").value == 0.25
    assert only_row(ledger, "customer_churn_rate_start_plus_new").value == 0.2


def test_losses_day_by_day_are_over_the_customers_of_that_day(ledger: Ledger) -> None:
    """10 customers; one leaves on the 10th, five join on the 12th, two leave on the 20th (one of
    them a newcomer): 1 ÷ 10 + 2 ÷ 14."""
    for n in range(15):
        ledger.account(f"a{n}")
        ends = {0: date(2026, 6, 10), 1: date(2026, 6, 20), 10: date(2026, 6, 20)}
        ledger.span(f"a{n}", 100, START if n < 10 else date(2026, 6, 12), ends.get(n))
    row = only_row(ledger, "customer_churn_rate_daily")
    assert row.value == pytest.approx(1 / 10 + 2 / 14)
    assert only_row(ledger, "customer_churn_rate").value == 0.2


def test_losses_day_by_day_are_split_by_attribute(ledger: Ledger) -> None:
    """Of two with plan pro one leaves; of three without a plan one leaves and one joins before."""
    lives = [("pro", None), ("pro", 10), (None, None), (None, None), (None, 20)]
    for n, (plan, end) in enumerate(lives):
        ledger.account(f"a{n}", attributes={"plan": plan} if plan else {})
        ledger.span(f"a{n}", 100, START, date(2026, 6, end) if end else None)
    ledger.account("new")
    ledger.span("new", 100, date(2026, 6, 12))
    ledger.account("quiet", attributes={"plan": "basic"})
    ledger.span("quiet", 100, START)
    rows = ledger.kpis("customer_churn_rate_daily", Scope((JUNE,), by=("plan",)))
    assert {row.segment["plan"]: row.value for row in rows} == {
        "pro": 1 / 2, None: 1 / 4, "basic": 0,
    }  # fmt: skip
    assert {row.segment["plan"]: row.n for row in rows} == {"pro": 2, None: 3, "basic": 1}


def test_a_quiet_month_has_no_daily_churn_and_nobody_none(ledger: Ledger) -> None:
    assert only_row(ledger, "customer_churn_rate_daily").value is None
    ledger.account("a")
    ledger.span("a", 100, START)
    assert only_row(ledger, "customer_churn_rate_daily").value == 0


def test_rates_are_scaled_and_not_multiplied(ledger: Ledger) -> None:
    """5 % a month is 46 % a year, and 46 % a year 5 % a month."""
    assert scale_rate(0.05, 365 / 12, 365) == pytest.approx(1 - 0.95**12)
    assert scale_rate(1 - 0.95**12, 365, 365 / 12) == pytest.approx(0.05)
    for n in range(20):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 100, START, MIDDLE if n == 0 else None)
    row = only_row(ledger, "customer_churn_rate_annual")
    assert row.value == pytest.approx(1 - 0.95 ** (365 / 30))
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.value < row.high < 1  # type: ignore[operator]
    assert (row.numerator, row.denominator) == (1, 20)


@given(st.floats(0, 0.999), st.floats(1, 400), st.floats(1, 400))
def test_scaling_there_and_back_changes_nothing(rate: float, days: float, to: float) -> None:
    scaled = scale_rate(rate, days, to)
    assert 0 <= scaled <= 1
    if scaled < 0.999:
        assert scale_rate(scaled, to, days) == pytest.approx(rate, abs=1e-6)


@pytest.mark.slow("computes whole books")
def test_two_years_of_days_are_one_statement(ledger: Ledger) -> None:
    from cs_sync.metrics.periods import list_whole_periods

    ledger.account("a")
    ledger.span("a", 100, START)
    days = list_whole_periods(date(2025, 1, 1), date(2027, 1, 1), "day", "UTC")
    assert len(ledger.kpis("mrr", Scope(days))) == 730
