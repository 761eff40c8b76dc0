"""Purchases, metered use, cost lines and the levers of profit, by hand."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from cs_sync.metrics.fx import Conversion
from cs_sync.metrics.kpi import KpiRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_period
from cs_sync_schemas import Cost, Invoice, InvoiceLine
from tests.metrics.conftest import Ledger, utc

JUNE = find_period(date(2026, 6, 1), "month", "UTC")
START, MIDDLE = date(2026, 1, 1), date(2026, 6, 15)


def only_row(ledger: Ledger, metric: str) -> KpiRow:
    [row] = ledger.kpis(metric, Scope((JUNE,)))
    return row


def customers(ledger: Ledger, stay: int, leave: int) -> None:
    for n in range(stay + leave):
        ledger.account(f"a{n}")
        ledger.span(f"a{n}", 10_000, START, MIDDLE if n >= stay else None)


def invoice(ledger: Ledger, name: str, account: str, **fields: Any) -> None:
    ledger.add(
        Invoice,
        {
            "source_id": name, "account_source_id": account, "currency": "EUR", "status": "paid",
            "issued_at": utc(2026, 6, 3), **fields,
        },
    )  # fmt: skip


def line(ledger: Ledger, name: str, bill: str, amount: int, end: Any, **fields: Any) -> None:
    ledger.add(
        InvoiceLine,
        {
            "source_id": name, "invoice_source_id": bill, "currency": "EUR", "amount": amount,
            "usage_type": "metered", "period_end": end, **fields,
        },
    )  # fmt: skip


def test_purchases_times_frequency_times_lifetime(ledger: Ledger) -> None:
    """Three purchases of 40 on average by two buyers, 5 % churn: 40 × 1.5 × 20."""
    customers(ledger, 19, 1)
    for n, (account, paid) in enumerate([("a0", 3_000), ("a0", 4_000), ("a1", 5_000)]):
        invoice(ledger, f"{n}", account, amount_paid=paid)
    invoice(ledger, "open", "a2", status="open")
    assert only_row(ledger, "clv_transactional").value == 120_000
    assert only_row(ledger, "clv_short").value == 200_000


def test_metered_use_is_the_mean_of_three_closed_months(ledger: Ledger) -> None:
    ledger.account("a")
    invoice(ledger, "bill", "a")
    invoice(ledger, "void", "a", status="void")
    line(ledger, "april", "bill", 900, utc(2026, 5, 1))
    line(ledger, "may", "bill", 600, utc(2026, 6, 1), discount_amount=100)
    line(ledger, "june", "bill", 700, utc(2026, 7, 1))
    line(ledger, "before", "bill", 5000, utc(2026, 4, 1))
    line(ledger, "running", "bill", 5000, utc(2026, 8, 1))
    line(ledger, "licensed", "bill", 5000, utc(2026, 6, 1), usage_type="licensed")
    line(ledger, "nothing", "void", 5000, utc(2026, 6, 1))
    row = only_row(ledger, "usage_mrr")
    assert (row.value, row.numerator, row.denominator, row.currency) == (700, 2100, 3, "EUR")


def test_metered_use_is_without_the_tax_inside_it(ledger: Ledger) -> None:
    ledger.account("a")
    invoice(ledger, "bill", "a")
    line(ledger, "may", "bill", 3570, utc(2026, 6, 1), inclusive_tax_amount=570)
    assert only_row(ledger, "usage_mrr").numerator == 3000


def test_five_lines_of_retention_cost_sum_to_it(ledger: Ledger) -> None:
    customers(ledger, 10, 0)
    lines = {"salaries": 50_000, "programmes": 8_000, "services": 7_000, "training": 3_000,
             "marketing": 2_000}  # fmt: skip
    for name, amount in lines.items():
        ledger.add(
            Cost,
            {
                "source_id": name, "purpose": "retention", "line": name, "amount": amount,
                "currency": "EUR", "month": date(2026, 6, 1),
            },
        )  # fmt: skip
    rows = ledger.kpis("crc_by_line", Scope((JUNE,)))
    assert {r.segment["line"]: r.value for r in rows} == {k: v // 10 for k, v in lines.items()}
    assert only_row(ledger, "crc").value == 7_000


def test_three_levers_of_profit(ledger: Ledger) -> None:
    """8 stay and 2 leave at 100; upkeep 160, 20 each. A tenth of 2 × 80, of 160, of 800."""
    customers(ledger, 8, 2)
    assert {r.value for r in ledger.kpis("saas_profit_levers", Scope((JUNE,)))} == {None}
    for purpose, amount in {"service": 10_000, "retention": 6_000}.items():
        ledger.add(
            Cost,
            {
                "source_id": purpose, "purpose": purpose, "amount": amount, "currency": "EUR",
                "month": date(2026, 6, 1),
            },
        )  # fmt: skip
    rows = ledger.kpis("saas_profit_levers", Scope((JUNE,)))
    assert {r.segment["lever"]: r.value for r in rows} == {
        "churn": pytest.approx(1_600),
        "cost of service": 1_600,
        "revenue per account": 8_000,
    }


@pytest.mark.slow("computes whole books")
def test_costs_and_purchases_are_converted_where_there_is_a_rate(ledger: Ledger) -> None:
    """A dollar is half a euro: 9 stay, 1 leaves, 300 USD on retention are 150 EUR, 15 … 16 each."""
    customers(ledger, 9, 1)
    half = {"USD": (Fraction(1, 2),)}
    scope = Scope((JUNE,), conversion=Conversion("EUR", half, half, half, {}))
    ledger.add(
        Cost,
        {
            "source_id": "us", "purpose": "retention", "line": "salaries", "amount": 30_000,
            "currency": "USD", "month": date(2026, 6, 1),
        },
    )  # fmt: skip
    invoice(ledger, "us", "a0", currency="USD", amount_paid=4_000)
    line(ledger, "use", "us", 900, utc(2026, 6, 1), currency="USD")
    line(ledger, "credit", "us", -301, utc(2026, 6, 1), currency="USD")
    expected = {"crc": 1_667, "crc_by_line": 1_667, "clv_transactional": 20_000, "usage_mrr": 100}
    for metric, value in expected.items():
        [row] = ledger.kpis(metric, scope)
        assert (row.currency, row.value) == ("EUR", value), metric
    [profit] = ledger.kpis("saas_profit", scope)
    assert profit.value == 9 * 10_000 - 15_000
