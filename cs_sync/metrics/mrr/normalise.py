"""What a price comes to per month, as an exact fraction of minor units."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cs_sync.metrics.mrr.facts import ItemFact
from cs_sync.metrics.mrr.policy import MrrPolicy


def per_month(interval: str, count: int, policy: MrrPolicy) -> Fraction:
    """How often an interval comes round in a month: every 3 months 1/3, weekly 52/12."""
    per_year = {
        "month": 12,
        "year": 1,
        "week": policy.weeks_per_year,
        "day": policy.days_per_year,
    }[interval]
    return Fraction(per_year, 12 * count)


def monthly_amount(item: ItemFact, policy: MrrPolicy) -> Fraction:
    """Minor units per month of one item before discounts, with the tax that its price contains;
    metered items come to nothing."""
    if item.usage_type == "metered":
        return Fraction(0)
    amount = interval_amount(item)
    if item.interval == "month" and item.interval_count == 1:
        return amount
    return amount * per_month(item.interval, item.interval_count, policy)


def without_tax(amount: Fraction, item: ItemFact, policy: MrrPolicy) -> Fraction:
    """An amount of an item without the tax that its price contains; discounts come off before."""
    if item.inclusive_tax_percent and policy.inclusive_tax == "removed":
        return amount / (1 + Fraction(item.inclusive_tax_percent) / 100)
    return amount


def interval_amount(item: ItemFact) -> Fraction:
    """Minor units per billing interval of a licensed item, tax included where the price does."""
    if item.tiers:
        return _tiered(item.tiers, Fraction(item.quantity))
    if item.unit_amount is None:
        raise ValueError(f"item {item.source}:{item.source_id} has neither unit_amount nor tiers")
    return Fraction(item.unit_amount) * _units(item)


def _units(item: ItemFact) -> Fraction:
    """How often unit_amount is charged: the quantity, or the packages it fills."""
    quantity = Fraction(item.quantity)
    if item.divide_by is None:
        return quantity
    packages = quantity / item.divide_by
    return Fraction(math.floor(packages) if item.divide_round == "down" else math.ceil(packages))


def _tiered(pricing: Mapping[str, Any], quantity: Fraction) -> Fraction:
    """Graduated: each unit at its own tier's rate. Volume: every unit at the last tier's rate.

    A tier's flat amount falls due when its first unit is reached; the first tier's always does,
    as on Stripe (https://docs.stripe.com/products-prices/pricing-models).
    """
    tiers: Sequence[Mapping[str, Any]] = pricing["tiers"]
    total, floor = Fraction(0), Fraction(0)
    for tier in tiers:
        ceiling = None if tier.get("up_to") is None else _exact(tier["up_to"])
        inside = quantity if ceiling is None else min(quantity, ceiling)
        if pricing["mode"] == "volume":
            total = _rate(tier, quantity)
        elif inside > floor or floor == 0:
            total += _rate(tier, inside - floor)
        if ceiling is None or quantity <= ceiling:
            return total
        floor = ceiling
    raise ValueError(f"quantity {quantity} is above the last tier: its up_to must be null")


def _rate(tier: Mapping[str, Any], units: Fraction) -> Fraction:
    return _exact(tier.get("unit_amount")) * units + _exact(tier.get("flat_amount"))


def _exact(value: object) -> Fraction:
    """A JSON number or numeral as the decimal it was written as; nothing is nought."""
    return Fraction(0) if value is None else Fraction(Decimal(str(value)))


def round_half_even(value: Fraction) -> int:
    """The nearest whole minor unit, ties to the even one."""
    return round(value)


def split(total: int, shares: Sequence[Fraction]) -> list[int]:
    """Whole parts that sum to `total` and lie next to their exact shares: largest remainder.

    Ties go to the earlier share, so the order of `shares` must not depend on chance.
    """
    parts = [math.floor(share) for share in shares]
    missing = total - sum(parts)
    remainders = sorted(range(len(parts)), key=lambda i: (parts[i] - shares[i], i))
    for index in remainders[:missing]:
        parts[index] += 1
    return parts
