"""Prices per month, exactly."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.mrr.normalise import (
    calculate_monthly_amount,
    get_monthly_frequency,
    remove_tax,
    round_half_even,
    split_total,
)
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import item

POLICY = MrrPolicy()
GRADUATED = {
    "mode": "graduated",
    "tiers": [
        {"up_to": 5, "unit_amount": 700, "flat_amount": 1000},
        {"up_to": 10, "unit_amount": "650"},
        {"up_to": None, "unit_amount": "599.5", "flat_amount": 2000},
    ],
}


@pytest.mark.parametrize(
    ("interval", "count", "times"),
    [
        ("month", 1, Fraction(1)),
        ("month", 3, Fraction(1, 3)),
        ("year", 1, Fraction(1, 12)),
        ("year", 2, Fraction(1, 24)),
        ("week", 1, Fraction(52, 12)),  # not 4, which is 7.7 % low
        ("week", 2, Fraction(26, 12)),
        ("day", 1, Fraction(365, 12)),  # not 30, and not nought
    ],
)
def test_how_often_an_interval_comes_round(interval: str, count: int, times: Fraction) -> None:
    assert get_monthly_frequency(interval, count, POLICY) == times


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [
        (0, 1000),  # the first tier's flat amount falls due anyway
        (1, 1700),
        (5, 4500),  # 1000 + 5 × 700
        (6, 5150),  # and one at 650
        (10, 7750),
        (12, 7750 + 2000 + 1199),
    ],
)
def test_graduated_tiers_charge_each_unit_at_its_own_rate(quantity: int, amount: int) -> None:
    tiered = item(amount=None, quantity=quantity, tiers=GRADUATED)
    assert calculate_monthly_amount(tiered, POLICY) == amount


@pytest.mark.parametrize(("quantity", "amount"), [(5, 3500), (6, 3900), (11, 6600)])
def test_volume_tiers_charge_every_unit_at_the_last_rate(quantity: int, amount: int) -> None:
    pricing = {
        "mode": "volume",
        "tiers": [
            {"up_to": 5, "unit_amount": 700},
            {"up_to": 10, "unit_amount": 650},
            {"up_to": None, "unit_amount": 600},
        ],
    }
    assert (
        calculate_monthly_amount(item(amount=None, quantity=quantity, tiers=pricing), POLICY)
        == amount
    )


def test_a_quantity_above_the_last_tier_is_an_error() -> None:
    closed = {"mode": "graduated", "tiers": [{"up_to": 5, "unit_amount": 1}]}
    with pytest.raises(ValueError, match="above the last tier"):
        calculate_monthly_amount(item(amount=None, quantity=6, tiers=closed), POLICY)


@pytest.mark.parametrize(("rounding", "packages"), [("up", 3), ("down", 2), (None, 3)])
def test_packages_are_filled_before_they_are_charged(rounding: str | None, packages: int) -> None:
    sold = item(amount="500", quantity=25, divide_by=10, divide_round=rounding)
    assert calculate_monthly_amount(sold, POLICY) == packages * 500


def test_inclusive_tax_is_divided_out() -> None:
    taxed = item(amount="12300", inclusive_tax_percent=Decimal(23))
    assert remove_tax(calculate_monthly_amount(taxed, POLICY), taxed, POLICY) == 10000
    kept = MrrPolicy(inclusive_tax="kept")
    assert remove_tax(calculate_monthly_amount(taxed, kept), taxed, kept) == 12300


def test_metered_items_are_not_mrr() -> None:
    assert calculate_monthly_amount(item(amount=None, usage_type="metered"), POLICY) == 0


def test_rounding_goes_to_the_even_minor_unit() -> None:
    halves: list[Any] = [Fraction(1, 2), Fraction(3, 2), Fraction(5, 2), Fraction(-1, 2)]
    assert [round_half_even(half) for half in halves] == [0, 2, 2, 0]


def test_the_largest_remainders_get_the_missing_units() -> None:
    thirds = [Fraction(100, 3)] * 3
    assert split_total(100, thirds) == [34, 33, 33]
    assert split_total(10, [Fraction(5, 2), Fraction(5, 4), Fraction(25, 4)]) == [3, 1, 6]


@given(st.lists(st.fractions(min_value=0, max_value=10**6, max_denominator=360), max_size=8))
def test_parts_sum_to_the_whole_and_lie_next_to_their_shares(shares: list[Fraction]) -> None:
    total = round_half_even(sum(shares, Fraction(0)))
    parts = split_total(total, shares)
    assert sum(parts) == total
    assert all(abs(part - share) < 1 for part, share in zip(parts, shares, strict=True))
