"""Amounts of prices and coupons in the charged currency."""

from decimal import Decimal
from typing import Any

from cs_sync import MappingError
from cs_sync_stripe.mapping.fields import (
    Lookup,
    Raw,
    get_id,
    parse_decimal,
    read_amount,
)


def find_price(price: Raw, currency: str, lookup: Lookup) -> Raw:
    """Find the price with its tiers in `currency`.

    A price may have several currencies. The price embedded in a subscription item has only its
    first currency and no tiers.

    Raises:
        MappingError: The price is missing, or has no amount in this currency.
    """
    tiered = price.get("billing_scheme") == "tiered"
    other = price["currency"] != currency
    if not other and (not tiered or price.get("tiers")):
        return price
    full = lookup.price(price["id"], currencies=other)
    if full is None:
        raise MappingError("price_missing", f"price {price['id']} cannot be read")
    if not other:
        return full
    option = (full.get("currency_options") or {}).get(currency)
    if option is None or (tiered and not option.get("tiers")):
        raise MappingError(
            "price_currency", f"price {price['id']} shows no amount in {currency.upper()}"
        )
    return {**full, **option}


def map_price(price: Raw) -> dict[str, Any]:
    """Map a price to the fields of a subscription item."""
    recurring = price.get("recurring") or {}
    package = price.get("transform_quantity") or {}
    return {
        "product": get_id(price.get("product")),
        "price": price["id"],
        "unit_amount": None if price.get("tiers") else read_amount(price, "unit_amount"),
        "interval": recurring.get("interval", "month"),
        "interval_count": recurring.get("interval_count", 1),
        "usage_type": recurring.get("usage_type", "licensed"),
        "tiers": _map_tiers(price),
        "divide_by": package.get("divide_by"),
        "divide_round": package.get("round"),
    }


def map_coupon(coupon: Raw, currency: str | None, lookup: Lookup) -> dict[str, Any]:
    """Map a coupon to the fields of a discount, preferably in `currency`."""
    off, money = coupon.get("amount_off"), coupon.get("currency")
    if off is not None and currency not in (None, money):
        full = lookup.coupon(coupon["id"], currencies=True) or {}
        if option := (full.get("currency_options") or {}).get(currency):
            off, money = option["amount_off"], currency
    return {
        "name": coupon.get("name") or coupon["id"],
        "percent_off": parse_decimal(coupon.get("percent_off")),
        "amount_off": off,
        "currency": money,
        "duration": coupon["duration"],
        "products": (coupon.get("applies_to") or {}).get("products"),
    }


def _map_tiers(price: Raw) -> dict[str, Any] | None:
    if not price.get("tiers"):
        return None
    steps = [
        {
            "up_to": tier.get("up_to"),
            "unit_amount": _json_number(read_amount(tier, "unit_amount")),
            "flat_amount": _json_number(read_amount(tier, "flat_amount")),
        }
        for tier in price["tiers"]
    ]
    return {"mode": price["tiers_mode"], "tiers": steps}


def _json_number(number: Decimal | None) -> int | str | None:
    """Return a number for JSON, unrounded.

    Whole minor units as int, fractions as text.
    """
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else format(number, "f")
