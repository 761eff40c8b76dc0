"""From a subscription to its items and its discount; pure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cs_sync import MappingError, Rejection, Row
from cs_sync_schemas import Discount, Record, SubscriptionItem

Raw = Mapping[str, Any]
Made = tuple[type[Record], Row] | Rejection


def map_subscription(raw: Raw, config: Any) -> Iterator[Made]:  # noqa: ARG001 - the engine's call
    """Yield the recurring items and the discount of a subscription."""
    for entry in raw.get("items") or ():
        price = entry.get("price") or {}
        id = f"{raw['id']}:{price.get('id')}"
        if not _recurs(entry):
            continue
        try:
            yield SubscriptionItem, {"source_id": id, **_map_item(entry, raw), "raw": entry}
        except MappingError as error:
            yield Rejection(SubscriptionItem, id, error.code, str(error), entry)
    applied = raw.get("discount")
    if applied:
        id = f"{raw['id']}:{applied.get('id')}"
        try:
            for suffix, row in _map_discount(applied, raw):
                yield Discount, {"source_id": id + suffix, **row, "raw": applied}
        except MappingError as error:
            yield Rejection(Discount, id, error.code, str(error), applied)


def _recurs(entry: Raw) -> bool:
    return entry.get("recurring") is not False and entry.get("status") != "inactive"


def _map_item(entry: Raw, raw: Raw) -> Row:
    price = entry.get("price") or {}
    cycle = price.get("billing_cycle") or raw.get("billing_cycle") or {}
    return {
        "subscription_source_id": raw["id"],
        "valid_from": entry.get("created_at") or raw.get("started_at") or raw.get("created_at"),
        "valid_to": raw.get("canceled_at") if raw.get("status") == "canceled" else None,
        "product": price.get("product_id"),
        "price": price.get("id"),
        "unit_amount": _find_amount(price, raw.get("currency_code")),
        "quantity": entry.get("quantity", 1),
        "interval": cycle.get("interval"),
        "interval_count": cycle.get("frequency"),
        "is_snapshot": True,
    }


def _find_amount(price: Raw, currency: Any) -> Decimal:
    """Return a unit's price in the subscription's currency, perhaps an override's.

    Paddle converts prices that have neither by its own rate, which it does not show here.
    """
    shown = [price.get("unit_price") or {}]
    shown += [each.get("unit_price") or {} for each in price.get("unit_price_overrides") or ()]
    amounts = {each.get("amount") for each in shown if each.get("currency_code") == currency}
    if shown[0].get("currency_code") == currency:
        amounts = {shown[0].get("amount")}
    if len(amounts) != 1:
        raise MappingError("price_currency", f"{price.get('id')} shows no one amount in {currency}")
    return _read_amount(amounts.pop())


def _map_discount(applied: Raw, raw: Raw) -> Iterator[tuple[str, Row]]:
    """Yield a discount of the subscription, or one per lowered item."""
    terms = raw["_discounts"].get(str(applied.get("id")))
    if terms is None:
        raise MappingError("discount_missing", f"discount {applied.get('id')} cannot be read")
    kind, limit = terms.get("type"), terms.get("maximum_recurring_intervals")
    if kind not in ("percentage", "flat", "flat_per_seat"):
        raise MappingError("discount_terms", f"{terms['id']}: type {kind!r} is unknown")
    duration = "once" if not terms.get("recur") else "forever" if limit is None else "repeating"
    amount = _read_amount(terms.get("amount"))
    row = {
        "subscription_source_id": raw["id"],
        "name": terms.get("description") or terms.get("code"),
        "duration": duration,
        "percent_off": amount if kind == "percentage" else None,
        "currency": None if kind == "percentage" else terms.get("currency_code"),
        "starts_at": applied.get("starts_at") or raw.get("started_at") or raw.get("created_at"),
        "ends_at": applied.get("ends_at"),
    }
    recurring = [entry for entry in raw.get("items") or () if _recurs(entry)]
    lowered = [entry for entry in recurring if _lowers(terms, entry)]
    if kind != "flat_per_seat" and lowered == recurring:
        yield "", {**row, "amount_off": None if kind == "percentage" else _require_whole(amount)}
        return
    if kind == "flat" and len(lowered) > 1:
        raise MappingError("discount_terms", f"{terms['id']}: one amount off several of the items")
    for entry in lowered:
        id, seats = entry["price"]["id"], Decimal(str(entry.get("quantity", 1)))
        off = amount * seats if kind == "flat_per_seat" else amount
        to = {"subscription_item_source_id": f"{raw['id']}:{id}"}
        amount_off = None if kind == "percentage" else _require_whole(off)
        yield f":{id}", {**row, **to, "amount_off": amount_off}


def _lowers(terms: Raw, entry: Raw) -> bool:
    only, price = terms.get("restrict_to"), entry.get("price") or {}
    return not only or bool({price.get("id"), price.get("product_id")} & set(only))


def _read_amount(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise MappingError("bad_amount", f"{value!r} is not an amount") from None
    if isinstance(value, bool) or not number.is_finite():
        raise MappingError("bad_amount", f"{value!r} is not an amount")
    return number


def _require_whole(amount: Decimal) -> int:
    if amount != amount.to_integral_value():
        raise MappingError("bad_amount", f"{amount} is not a whole number of minor units")
    return int(amount)
