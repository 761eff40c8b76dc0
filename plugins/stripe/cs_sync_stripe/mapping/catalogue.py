"""What a price costs in the currency that is charged, and what a coupon takes off."""

from decimal import Decimal
from typing import Any

from cs_sync_stripe.mapping.fields import Lookup, Raw, Unmappable, amount, exact, id_of


def price_in(price: Raw, currency: str, lookup: Lookup) -> Raw:
    """The price with its tiers, in `currency`: a price may carry several currencies.

    The price inside a subscription item shows only its first currency and no tiers.
    """
    tiered = price.get("billing_scheme") == "tiered"
    other = price["currency"] != currency
    if not other and (not tiered or price.get("tiers")):
        return price
    full = lookup.price(price["id"], currencies=other)
    if full is None:
        raise Unmappable("price_missing", f"price {price['id']} cannot be read")
    if not other:
        return full
    option = (full.get("currency_options") or {}).get(currency)
    if option is None or (tiered and not option.get("tiers")):
        raise Unmappable(
            "price_currency", f"price {price['id']} shows no amount in {currency.upper()}"
        )
    return {**full, **option}


def price_fields(price: Raw) -> dict[str, Any]:
    """The fields of a subscription item that its price decides."""
    recurring = price.get("recurring") or {}
    package = price.get("transform_quantity") or {}
    return {
        "product": id_of(price.get("product")),
        "price": price["id"],
        "unit_amount": None if price.get("tiers") else amount(price, "unit_amount"),
        "interval": recurring.get("interval", "month"),
        "interval_count": recurring.get("interval_count", 1),
        "usage_type": recurring.get("usage_type", "licensed"),
        "tiers": _tiers(price),
        "divide_by": package.get("divide_by"),
        "divide_round": package.get("round"),
    }


def coupon_fields(coupon: Raw, currency: str | None, lookup: Lookup) -> dict[str, Any]:
    """The fields of a discount that its coupon decides, in `currency` where it has that one."""
    off, money = coupon.get("amount_off"), coupon.get("currency")
    if off is not None and currency not in (None, money):
        full = lookup.coupon(coupon["id"], currencies=True) or {}
        if option := (full.get("currency_options") or {}).get(currency):
            off, money = option["amount_off"], currency
    return {
        "name": coupon.get("name") or coupon["id"],
        "percent_off": exact(coupon.get("percent_off")),
        "amount_off": off,
        "currency": money,
        "duration": coupon["duration"],
        "products": (coupon.get("applies_to") or {}).get("products"),
    }


def _tiers(price: Raw) -> dict[str, Any] | None:
    if not price.get("tiers"):
        return None
    steps = [
        {
            "up_to": tier.get("up_to"),
            "unit_amount": _plain(amount(tier, "unit_amount")),
            "flat_amount": _plain(amount(tier, "flat_amount")),
        }
        for tier in price["tiers"]
    ]
    return {"mode": price["tiers_mode"], "tiers": steps}


def _plain(number: Decimal | None) -> int | str | None:
    """As JSON keeps it: whole minor units as a number, fractions as text, neither rounded."""
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else format(number, "f")
