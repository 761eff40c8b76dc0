"""What invoice lines come to per month: worked out by hand."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.reconcile.charges import (
    BilledLine,
    MonthlyCharge,
    calculate_monthly_charges,
    count_months_between,
)
from tests.metrics.mrr.facts_of import at, line

POLICY = MrrPolicy()


def charge(start: datetime, end: datetime, amount: int, **fields: Any) -> MonthlyCharge:
    tax, quantity = fields.pop("tax", None), fields.pop("quantity", 1)
    billed = BilledLine(line("l", (start, end), amount, quantity, **fields), "EUR", "paid", tax)
    return calculate_monthly_charges([billed], POLICY)[0]


@pytest.mark.parametrize(
    ("start", "end", "interval", "count", "amount", "monthly"),
    [
        (at(2026, 3), at(2026, 4), "month", 1, 2000, 2000),
        (at(2026, 1, 31), at(2026, 2, 28), "month", 1, 2000, 2000),
        (at(2026, 2, 28), at(2026, 3, 31), "month", 1, 2000, 2000),
        (at(2026, 1), at(2026, 4), "month", 3, 9000, 3000),
        (at(2026, 1, 15), at(2027, 1, 15), "year", 1, 12_000, 1000),
        (at(2026, 1, 15), at(2028, 1, 15), "year", 2, 48_000, 2000),
        (at(2026, 3, 25), at(2026, 4, 1), "week", 1, 300, 1300),
        (at(2026, 3, 18), at(2026, 4, 1), "week", 2, 600, 1300),
        (at(2026, 3, 31), at(2026, 4, 1), "day", 1, 12, 365),
        (at(2026, 1), at(2026, 4), "month", 1, 6000, 2000),  # backdated: three months at once
        (at(2026, 3, 17), at(2026, 4), "month", 1, 1000, Fraction(31_000, 15)),  # a short first one
    ],
)
def test_a_line_is_divided_by_the_months_of_its_service_period(
    start: datetime, end: datetime, interval: str, count: int, amount: int, monthly: Fraction
) -> None:
    actual = charge(start, end, amount, interval=interval, interval_count=count)
    assert actual.net == monthly


def test_a_proration_is_scaled_up_to_its_whole_interval() -> None:
    """17 of the 31 days of March: 1645 is what is left of 3000."""
    actual = charge(at(2026, 3, 15), at(2026, 4), 1645, is_proration=True)
    assert actual.net == Fraction(1645 * 31, 17)
    assert abs(actual.net - 3000) < actual.rounding == Fraction(31, 17)


def test_a_proration_ends_with_the_period_that_a_line_of_the_same_subscription_has() -> None:
    """Billed on the last day of each month: this period has 28 days, and not 31."""
    february = (at(2026, 1, 31), at(2026, 2, 28))
    lines = [
        line("whole", february, 2800, 1),
        line("share", (at(2026, 2, 14), february[1]), 1400, 1, is_proration=True),
    ]
    charges = calculate_monthly_charges([BilledLine(item, "EUR", "paid") for item in lines], POLICY)
    assert [item.net for item in charges] == [2800, 2800]


def test_discounts_and_the_tax_in_a_price_come_off() -> None:
    month = (at(2026, 3), at(2026, 4))
    actual = charge(*month, 11_900, discount_amount=5950, tax=Decimal(19))
    assert [actual.net, actual.discount] == [5000, 5000]
    shown = charge(*month, 11_900, discount_amount=5950, inclusive_tax_amount=950)
    assert [shown.net, shown.discount] == [5000, 5000]
    kept = MrrPolicy(inclusive_tax="kept")
    billed = BilledLine(line("l", month, 11_900, 1), "EUR", "paid", Decimal(19))
    assert calculate_monthly_charges([billed], kept)[0].net == 11_900


def test_a_line_of_a_trial_says_what_it_waives() -> None:
    actual = charge(at(2026, 3), at(2026, 4), 0, unit_amount=Decimal(2500), quantity=2)
    assert [actual.net, actual.waived] == [0, 5000]


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        (at(2026, 1), at(2027, 1), 12),
        (at(2026, 1, 31), at(2026, 2, 28), 1),
        (at(2026, 2, 28, 23), at(2026, 3, 31, 22), 1),  # midnight in Berlin, before and in summer
        (at(2026, 3, 4), at(2026, 3, 18), Fraction(24, 52)),
        (at(2026, 3, 1), at(2026, 3, 11), Fraction(120, 365)),
    ],
)
def test_a_period_without_an_interval_is_measured(
    start: datetime, end: datetime, months: Fraction
) -> None:
    assert count_months_between(start, end, POLICY) == months


def test_what_bills_no_subscription_or_does_not_recur_is_one_off() -> None:
    month = (at(2026, 3), at(2026, 4))
    kinds = [
        BilledLine(line("l", month, 1, 1, **fields), "EUR", "paid").kind
        for fields in (
            {},
            {"usage_type": "metered"},
            {"subscription_source_id": None},
            {"interval": None},
            {"interval": None, "is_proration": True},
        )
    ]
    assert kinds == ["licensed", "metered", "one_off", "one_off", "licensed"]
