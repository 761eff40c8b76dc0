"""Heads, retention and averages, by hand."""

from datetime import date

import pytest

from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import find_period
from tests.metrics.conftest import Ledger, utc

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
START, MIDDLE = date(2026, 1, 1), date(2026, 6, 15)


def only_row(ledger: Ledger, metric: str, scope: Scope = Scope((JUNE,))) -> KpiRow:  # noqa: B008
    [row] = ledger.kpis(metric, scope)
    return row


def test_who_returns_or_joins_and_leaves_within_the_month_is_not_churn(ledger: Ledger) -> None:
    """ChartMogul: of 100 customers 12 churned, one of them came back and one had only joined in
    the month: 10 of 100."""
    for n in range(101):
        ledger.account(f"a{n}")
    for n in range(100):
        ledger.span(f"a{n}", 100, START, MIDDLE if n < 11 else None)
    ledger.span("a0", 100, date(2026, 6, 20))
    ledger.span("a100", 100, date(2026, 6, 2), MIDDLE)
    row = only_row(ledger, "customer_churn_rate")
    assert (row.value, row.numerator, row.denominator, row.n) == (0.1, 10, 100, 100)
    # Wilson's interval for 10 of 100, as tables print it.
    assert row.low == pytest.approx(0.0552, abs=1e-4)
    assert row.high == pytest.approx(0.1744, abs=1e-4)
    assert only_row(ledger, "churned_customers").value == 10
    assert only_row(ledger, "customers").value == 90


def test_stripes_form_adds_the_new_ones_to_the_denominator(ledger: Ledger) -> None:
    policy = MrrPolicy(churn_denominator="start_plus_new")
    for n in range(5):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 100, START if n < 4 else MIDDLE, MIDDLE if n == 0 else None,
                    policy=policy)  # fmt: skip
    assert only_row(ledger, "customer_churn_rate", Scope((JUNE,), policy)).value == 0.2


def test_one_large_customer_of_many(ledger: Ledger) -> None:
    """Drift's June: $2,000 of $8,000 lost is 25 % of MRR and one of 14 customers 7 %."""
    for n in range(14):
        ledger.account(f"a{n}")
        amount = 200_000 if n == 0 else 600_000 // 13 + (1 if n <= 600_000 % 13 else 0)
        ledger.span(f"a{n}", amount, START, MIDDLE if n == 0 else None, "USD")
    assert only_row(ledger, "gross_mrr_churn_rate").value == 0.25
    assert only_row(ledger, "customer_churn_rate").value == pytest.approx(0.0714, abs=1e-4)
    assert only_row(ledger, "churned_mrr").value == 200_000


def test_leaving_one_currency_for_another_is_not_losing_a_customer(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, START, MIDDLE, "EUR")
    ledger.span("a", 120, MIDDLE, None, "USD")
    assert only_row(ledger, "churned_customers").value == 0
    assert {(r.currency, r.value) for r in ledger.kpis("mrr", Scope((JUNE,)))} == {
        ("EUR", 0),
        ("USD", 120),
    }


def test_retention_of_those_who_paid_a_year_ago(ledger: Ledger) -> None:
    """Then 100 + 100 + 100: one grew to 150, one shrank to 60, one left; a newcomer pays 500.
    Net 210 of 300, gross 160 of 300."""
    for name in "abcd":
        ledger.account(name)
    long_ago = date(2025, 1, 1)
    ledger.span("a", 100, long_ago, MIDDLE)
    ledger.span("a", 150, MIDDLE)
    ledger.span("b", 100, long_ago, START)
    ledger.span("b", 60, START)
    ledger.span("c", 100, long_ago, START)
    ledger.span("d", 500, date(2025, 8, 1))
    net, gross = only_row(ledger, "nrr"), only_row(ledger, "grr")
    assert (net.value, net.numerator, net.denominator, net.n) == (0.7, 210, 300, 3)
    assert gross.value == pytest.approx(160 / 300)
    year = find_period(date(2026, 1, 1), "year", "UTC")
    assert (
        only_row(ledger, "grr", Scope((year,))).n == 4
    )  # all four paid just before the year began


def test_who_left_and_returned_counts_in_its_cohort(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, date(2025, 1, 1), START)
    ledger.span("a", 80, MIDDLE)
    assert only_row(ledger, "nrr").value == 0.8


def test_retention_without_a_cohort_is_undefined(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, START)
    row = only_row(ledger, "nrr")
    assert (row.value, row.n, row.status) == (None, 0, "insufficient")


def test_average_revenue_is_over_those_who_pay(ledger: Ledger) -> None:
    for name in "abc":
        ledger.account(name)
    ledger.span("a", 100, START)
    ledger.span("b", 201, START)
    ledger.span("c", 900, START, MIDDLE)
    assert only_row(ledger, "arpa").value == 150  # 150.5, halves to the even unit
    assert only_row(ledger, "arr").value == 3612


def test_figures_as_known_then(ledger: Ledger) -> None:
    ledger.account("a")
    ledger.span("a", 100, START, known_from=utc(2026, 7, 5))
    assert only_row(ledger, "mrr").value == 100
    assert only_row(ledger, "mrr", Scope((JUNE,), known_at=utc(2026, 7, 4))).value is None
