"""Prices per month, as exact fractions of minor units."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cs_sync.metrics.mrr.facts import ItemFact
from cs_sync.metrics.mrr.policy import MrrPolicy


def get_monthly_frequency(interval: str, count: int, policy: MrrPolicy) -> Fraction:
    """Return the number of intervals per month.

    Every 3 months 1/3, weekly 52/12.
    """
    return Fraction(count_intervals_per_year(interval, policy), 12 * count)


def count_intervals_per_year(interval: str, policy: MrrPolicy) -> int:
    """Return how many of an interval the policy's year has.

    Days, weeks, months or years.
    """
    if interval == "month":
        return 12
    if interval == "year":
        return 1
    return {"week": policy.weeks_per_year, "day": policy.days_per_year}[interval]


def calculate_monthly_amount(item: ItemFact, policy: MrrPolicy) -> Fraction:
    """Calculate the minor units per month of an item, before discounts.

    Tax included in the price stays in; metered items count 0.
    """
    if item.usage_type == "metered":
        return Fraction(0)
    amount = calculate_interval_amount(item)
    if item.interval == "month" and item.interval_count == 1:
        return amount
    return amount * get_monthly_frequency(item.interval, item.interval_count, policy)


def remove_tax(amount: Fraction, item: ItemFact, policy: MrrPolicy) -> Fraction:
    """Remove the inclusive tax from an item's discounted amount.

    As the policy says.
    """
    if item.inclusive_tax_percent and policy.inclusive_tax == "removed":
        return amount / (1 + Fraction(item.inclusive_tax_percent) / 100)
    return amount


def calculate_interval_amount(item: ItemFact) -> Fraction:
    """Calculate the minor units per billing interval of a licensed item.

    Tax stays in where the price includes it.

    Raises:
        ValueError: The item has neither unit_amount nor tiers.
    """
    if item.tiers:
        return _calculate_tiered(item.tiers, Fraction(item.quantity))
    if item.unit_amount is None:
        raise ValueError(f"item {item.source}:{item.source_id} has neither unit_amount nor tiers")
    return Fraction(item.unit_amount) * _count_units(item)


def _count_units(item: ItemFact) -> Fraction:
    """Return the multiplier of unit_amount: the quantity, or the packages it fills."""
    quantity = Fraction(item.quantity)
    if item.divide_by is None:
        return quantity
    packages = quantity / item.divide_by
    return Fraction(math.floor(packages) if item.divide_round == "down" else math.ceil(packages))


def _calculate_tiered(pricing: Mapping[str, Any], quantity: Fraction) -> Fraction:
    """Calculate a tiered price.

    Graduated: each unit at its own tier's rate. Volume: every unit at the last tier's rate.
    A tier's flat amount is due once its first unit is reached; the first tier's always is,
    as on Stripe (https://docs.stripe.com/products-prices/pricing-models).
    """
    tiers: Sequence[Mapping[str, Any]] = pricing["tiers"]
    total, floor = Fraction(0), Fraction(0)
    for tier in tiers:
        ceiling = None if tier.get("up_to") is None else _to_fraction(tier["up_to"])
        inside = quantity if ceiling is None else min(quantity, ceiling)
        if pricing["mode"] == "volume":
            total = _calculate_tier(tier, quantity)
        elif inside > floor or floor == 0:
            total += _calculate_tier(tier, inside - floor)
        if ceiling is None or quantity <= ceiling:
            return total
        floor = ceiling
    raise ValueError(f"quantity {quantity} is above the last tier: its up_to must be null")


def _calculate_tier(tier: Mapping[str, Any], units: Fraction) -> Fraction:
    return _to_fraction(tier.get("unit_amount")) * units + _to_fraction(tier.get("flat_amount"))


def _to_fraction(value: object) -> Fraction:
    """Convert a JSON number or numeral exactly as written; None is 0."""
    return Fraction(0) if value is None else Fraction(Decimal(str(value)))


def round_half_even(value: Fraction) -> int:
    """Round to whole minor units, half-even."""
    return round(value)


def split_total(total: int, shares: Sequence[Fraction]) -> list[int]:
    """Split a total into whole parts by largest remainder.

    The parts are next to their exact shares. Ties go to the earlier share: the order of `shares`
    must not depend on chance.
    """
    parts = [math.floor(share) for share in shares]
    missing = total - sum(parts)
    remainders = sorted(range(len(parts)), key=lambda i: (parts[i] - shares[i], i))
    for index in remainders[:missing]:
        parts[index] += 1
    return parts
