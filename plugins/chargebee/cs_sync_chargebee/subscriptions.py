"""From a subscription to its items and discounts, by the prices and coupons they name; pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cs_sync import MappingError, Rejection, Row
from cs_sync_schemas import CURRENCY_EXPONENT, Discount, Record, SubscriptionItem

Raw = Mapping[str, Any]
Made = tuple[type[Record], Row] | Rejection

TIER_MODES = {"tiered": "graduated", "volume": "volume", "stairstep": "volume"}
DURATIONS = {"one_time": "once", "forever": "forever", "limited_period": "repeating"}


def map_subscription(raw: Raw, config: Any) -> Iterator[Made]:  # noqa: ARG001 - the engine's call
    """Yield the recurring items and the discounts of a subscription."""
    subscription = raw["subscription"]
    recurring = [
        entry
        for entry in subscription.get("subscription_items") or ()
        if entry.get("item_type") != "charge"
    ]
    for entry in recurring:
        id = f"{subscription['id']}:{entry.get('item_price_id')}"
        try:
            yield SubscriptionItem, {"source_id": id, **_map_item(entry, raw), "raw": entry}
        except MappingError as error:
            yield Rejection(SubscriptionItem, id, error.code, str(error), entry)
    for terms in _list_discounts(raw):
        id = f"{subscription['id']}:{terms.get('id')}"
        try:
            for suffix, row in _map_discount(terms, subscription, recurring):
                yield Discount, {"source_id": id + suffix, **row, "raw": terms}
        except MappingError as error:
            yield Rejection(Discount, id, error.code, str(error), terms)


def _map_item(entry: Raw, raw: Raw) -> Row:
    subscription, id = raw["subscription"], str(entry.get("item_price_id"))
    price = (raw["_prices"].get(id) or {}).get("item_price")
    if price is None:
        raise MappingError("price_missing", f"item price {id} cannot be read")
    ended = subscription.get("status") in ("cancelled", "transferred")
    return {
        "subscription_source_id": subscription["id"],
        "valid_from": _read_time(_find_start(subscription)),
        "valid_to": _read_time(subscription.get("cancelled_at")) if ended else None,
        "product": price.get("item_id"),
        "price": id,
        **_map_amount(entry, price, subscription),
        "interval": price.get("period_unit"),
        "interval_count": price.get("period"),
        "usage_type": "metered" if "metered_quantity" in entry else "licensed",
        "is_snapshot": True,
    }


def _map_amount(entry: Raw, price: Raw, subscription: Raw) -> Row:
    """Map what an item costs: a price per unit, or tiers."""
    currency, model = subscription.get("currency_code"), price.get("pricing_model")
    billed = _read_count(entry, "quantity", 1) - _read_count(entry, "free_quantity", 0)
    if model in ("flat_fee", "per_unit"):
        amount = _read_money(entry, "unit_price", currency)
        if amount is None:
            raise MappingError("amount_missing", f"item {price['id']} shows no unit_price")
        return {"unit_amount": amount, "quantity": Decimal(1) if model == "flat_fee" else billed}
    if model not in TIER_MODES:
        raise MappingError("pricing_model", f"pricing model {model!r} is none of Chargebee's five")
    own = [t for t in subscription.get("item_tiers") or () if t.get("item_price_id") == price["id"]]
    field = "flat_amount" if model == "stairstep" else "unit_amount"
    tiers = [
        {
            "up_to": _write_number(_read_count(tier, "ending_unit", None)),
            field: _write_number(_read_money(tier, "price", currency)),
        }
        for tier in own or price.get("tiers") or ()
    ]
    if not tiers:
        raise MappingError("tiers_missing", f"item price {price['id']} shows no tiers")
    return {"tiers": {"mode": TIER_MODES[model], "tiers": tiers}, "quantity": billed}


def _list_discounts(raw: Raw) -> Iterator[Raw]:
    """Yield coupons and discounts given by hand, both as the latter."""
    for applied in raw["subscription"].get("coupons") or ():
        id = str(applied.get("coupon_id"))
        coupon = (raw["_coupons"].get(id) or {}).get("coupon") or {}
        yield {
            "id": id,
            "name": coupon.get("name"),
            "type": coupon.get("discount_type"),
            "percentage": coupon.get("discount_percentage"),
            "amount": coupon.get("discount_amount"),
            "currency_code": coupon.get("currency_code"),
            "duration_type": coupon.get("duration_type"),
            "apply_on": coupon.get("apply_on"),
            "item_constraints": coupon.get("item_constraints"),
            "apply_till": applied.get("apply_till"),
        }
    for given in raw["subscription"].get("discounts") or ():
        if not given.get("coupon_id"):
            yield {**given, "apply_on": given.get("apply_on"), "name": given.get("invoice_name")}


def _map_discount(terms: Raw, subscription: Raw, items: list[Raw]) -> Iterator[tuple[str, Row]]:
    """Yield a discount of the subscription, or one per lowered item."""
    kind, duration = terms.get("type"), DURATIONS.get(str(terms.get("duration_type")))
    if kind not in ("percentage", "fixed_amount") or duration is None:
        raise MappingError(
            "discount_terms", f"{terms.get('id')}: type {kind!r}, {terms.get('duration_type')!r}"
        )
    row = {
        "subscription_source_id": subscription["id"],
        "name": terms.get("name"),
        "percent_off": terms.get("percentage") if kind == "percentage" else None,
        "amount_off": terms.get("amount") if kind == "fixed_amount" else None,
        "currency": terms.get("currency_code") if kind == "fixed_amount" else None,
        "duration": duration,
        "starts_at": _read_time(terms.get("created_at") or _find_start(subscription)),
        "ends_at": _read_time(terms.get("apply_till")),
    }
    if terms.get("apply_on") == "invoice_amount":
        yield "", row
        return
    for entry in items:
        if _lowers(terms, entry):
            id = entry["item_price_id"]
            yield f":{id}", {**row, "subscription_item_source_id": f"{subscription['id']}:{id}"}


def _lowers(terms: Raw, entry: Raw) -> bool:
    """Return whether a discount of specified items lowers this one."""
    if "item_constraints" not in terms:
        return bool(terms.get("item_price_id") == entry.get("item_price_id"))
    rules = {rule.get("item_type"): rule for rule in terms["item_constraints"] or ()}
    rule = rules.get(entry.get("item_type")) or {"constraint": "none"}
    if rule["constraint"] == "criteria":
        raise MappingError("discount_terms", f"{terms['id']} goes by criteria, which are not read")
    specific = entry.get("item_price_id") in (rule.get("item_price_ids") or ())
    return bool(rule["constraint"] == "all" or specific)


def _find_start(subscription: Raw) -> Any:
    names = ("start_date", "started_at", "created_at")
    return next((subscription[name] for name in names if subscription.get(name)), None)


def _read_time(seconds: Any) -> datetime | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise MappingError("bad_time", f"{seconds!r} is not a time since 1970") from None


def _read_count(part: Raw, name: str, default: Any) -> Any:
    """Read a number of units; with decimals it is an exact text."""
    value = part.get(f"{name}_in_decimal")
    value = part.get(name) if value is None else value
    return default if value is None else _read_decimal(value)


def _read_money(part: Raw, name: str, currency: Any) -> Decimal | None:
    """Read minor units, or a text of major units with decimals."""
    exact = part.get(f"{name}_in_decimal")
    if exact is not None:
        return _read_decimal(exact).scaleb(CURRENCY_EXPONENT.get(str(currency).upper(), 2))
    return None if part.get(name) is None else _read_decimal(part[name])


def _read_decimal(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise MappingError("bad_number", f"{value!r} is not a number") from None
    if isinstance(value, bool) or not number.is_finite():
        raise MappingError("bad_number", f"{value!r} is not a number")
    return number


def _write_number(number: Decimal | None) -> int | str | None:
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else format(number, "f")
