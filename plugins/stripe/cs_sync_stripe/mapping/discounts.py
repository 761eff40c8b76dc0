"""Mapping of discounts of customers, subscriptions and items."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from cs_sync import MappingError
from cs_sync_schemas import Discount
from cs_sync_stripe.mapping.catalogue import map_coupon
from cs_sync_stripe.mapping.fields import (
    Lookup,
    Mapped,
    Raw,
    get_id,
    map_or_reject,
    parse_timestamp,
    require_field,
)


def map_discounts(
    owner: Raw, to: dict[str, str], currency: str | None, lookup: Lookup
) -> list[Mapped]:
    """Map the discounts of one customer, subscription or item.

    Args:
        owner: The object.
        to: The discount's reference to it, field → id.
        currency: The charged currency.
        lookup: Reads prices and coupons.
    """
    discounts = owner.get("discounts")
    if not discounts:  # customers have one; so had subscriptions in older versions
        single = owner.get("discount")
        discounts = [single] if single else []
    if not discounts:
        return []
    mapper = partial(_map_discount, to=to, currency=currency, lookup=lookup)
    return [made for raw in discounts for made in map_or_reject(Discount, raw, mapper)]


def map_ended_discount(event: Raw, lookup: Lookup) -> Iterator[Mapped]:
    """Yield the last version of a removed discount, from its event.

    Only here is the event's own object used: a discount cannot be read by its id, and
    without its end it would seem to go on for ever. Its shape depends on the account's API
    version.
    """
    raw = event["data"]["object"]
    raw = {**raw, "end": min(raw.get("end") or event["created"], event["created"])}
    to = {field: get_id(raw[name]) for name, field in _SUBSCRIPTION_FIELDS.items() if raw.get(name)}
    to = to or {"account_source_id": get_id(raw.get("customer"))}
    mapper = partial(_map_discount, to=to, currency=None, lookup=lookup)
    yield from map_or_reject(Discount, raw, mapper)


def map_line_discounts(line: Raw, invoice: Raw, lookup: Lookup) -> list[Raw]:
    """Map each discount's amount on a line, with known terms.

    A subscription no longer lists expired discounts; the invoices that they reduced still
    do.
    """
    shown = [*(invoice.get("discounts") or ()), *(line.get("discounts") or ())]
    expanded = {raw["id"]: raw for raw in shown if isinstance(raw, dict)}
    discounts = []
    for cut in line.get("discount_amounts") or ():
        id = get_id(cut["discount"])
        terms = (
            _map_terms(expanded[id], require_field(line, "currency"), lookup)
            if id in expanded
            else {}
        )
        discounts.append({"id": id, "amount": cut["amount"], **terms})
    return discounts


def _map_terms(raw: Raw, currency: str, lookup: Lookup) -> Raw:
    """Map a discount's terms to JSON values.

    Empty if the coupon was deleted.
    """
    try:
        start, coupon = parse_timestamp(require_field(raw, "start")), _find_coupon(raw, lookup)
        fields = map_coupon(coupon, currency, lookup)
    except MappingError:
        return {}
    percent = fields["percent_off"]
    return {
        "duration": fields["duration"],
        "months": coupon.get("duration_in_months"),
        "percent_off": None if percent is None else format(percent, "f"),
        "amount_off": fields["amount_off"],
        "products": fields["products"],
        "item": raw.get("subscription_item"),
        "starts_at": _format_instant(start),
        "ends_at": _format_instant(parse_timestamp(raw.get("end"))),
    }


def _format_instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


_SUBSCRIPTION_FIELDS = {
    "subscription": "subscription_source_id",
    "subscription_item": "subscription_item_source_id",
}


def _map_discount(
    raw: Raw, *, to: dict[str, Any], currency: str | None, lookup: Lookup
) -> Iterator[Mapped]:
    yield (
        Discount,
        {
            "source_id": raw["id"],
            **to,
            **map_coupon(_find_coupon(raw, lookup), currency, lookup),
            "starts_at": parse_timestamp(require_field(raw, "start")),
            "ends_at": parse_timestamp(raw.get("end")),
            "is_fallback": "account_source_id" in to,
            "raw": raw,
        },
    )


def _find_coupon(raw: Raw, lookup: Lookup) -> Raw:
    """Return the coupon: under `source` since 2025-09, inside the discount before."""
    coupon = (raw.get("source") or {}).get("coupon") or raw.get("coupon")
    id = get_id(coupon)
    if id is None:
        raise MappingError("missing_field", f"discount {raw['id']} names no coupon")
    resolved = lookup.coupon(id)
    if resolved is None and isinstance(coupon, dict):
        return coupon  # deleted since; the discount goes on
    if resolved is None:
        raise MappingError("coupon_missing", f"coupon {id} was deleted and cannot be read any more")
    return resolved
