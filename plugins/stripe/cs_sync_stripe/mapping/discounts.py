"""Discounts of customers, subscriptions and items."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from cs_sync_schemas import Discount
from cs_sync_stripe.mapping.catalogue import coupon_fields
from cs_sync_stripe.mapping.fields import (
    Lookup,
    Mapped,
    Raw,
    Unmappable,
    id_of,
    map_or_reject,
    moment,
    need,
)


def discounts(owner: Raw, to: dict[str, str], currency: str | None, lookup: Lookup) -> list[Mapped]:
    """The discounts on one customer, subscription or item; `to` is how they refer to it."""
    found = owner.get("discounts")
    if not found:  # customers have one; so had subscriptions in older versions
        single = owner.get("discount")
        found = [single] if single else []
    if not found:
        return []
    mapper = partial(_discount, to=to, currency=currency, lookup=lookup)
    return [made for raw in found for made in map_or_reject(Discount, raw, mapper)]


def ended_discount(event: Raw, lookup: Lookup) -> Iterator[Mapped]:
    """The last version of a discount that was taken away, from the event that says so.

    The one place where the event's own object is used: a discount cannot be read by its id, and
    without its end it would seem to go on for ever. Its shape depends on the account's version.
    """
    raw = event["data"]["object"]
    raw = {**raw, "end": min(raw.get("end") or event["created"], event["created"])}
    to = {field: id_of(raw[name]) for name, field in _OF_SUBSCRIPTION.items() if raw.get(name)}
    to = to or {"account_source_id": id_of(raw.get("customer"))}
    mapper = partial(_discount, to=to, currency=None, lookup=lookup)
    yield from map_or_reject(Discount, raw, mapper)


def taken_off(line: Raw, invoice: Raw, lookup: Lookup) -> list[Raw]:
    """What each discount took off a line of an invoice, and the terms of those still told there.

    A subscription shows no discount that is over; the invoices that it lowered go on to name it.
    """
    shown = [*(invoice.get("discounts") or ()), *(line.get("discounts") or ())]
    told = {raw["id"]: raw for raw in shown if isinstance(raw, dict)}
    found = []
    for cut in line.get("discount_amounts") or ():
        id = id_of(cut["discount"])
        terms = _terms(told[id], need(line, "currency"), lookup) if id in told else {}
        found.append({"id": id, "amount": cut["amount"], **terms})
    return found


def _terms(raw: Raw, currency: str, lookup: Lookup) -> Raw:
    """What was agreed, as JSON keeps it; nothing where the coupon is gone."""
    try:
        start, coupon = moment(need(raw, "start")), _coupon(raw, lookup)
        fields = coupon_fields(coupon, currency, lookup)
    except Unmappable:
        return {}
    percent = fields["percent_off"]
    return {
        "duration": fields["duration"],
        "months": coupon.get("duration_in_months"),
        "percent_off": None if percent is None else format(percent, "f"),
        "amount_off": fields["amount_off"],
        "products": fields["products"],
        "item": raw.get("subscription_item"),
        "starts_at": _text(start),
        "ends_at": _text(moment(raw.get("end"))),
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


_OF_SUBSCRIPTION = {
    "subscription": "subscription_source_id",
    "subscription_item": "subscription_item_source_id",
}


def _discount(
    raw: Raw, *, to: dict[str, Any], currency: str | None, lookup: Lookup
) -> Iterator[Mapped]:
    yield (
        Discount,
        {
            "source_id": raw["id"],
            **to,
            **coupon_fields(_coupon(raw, lookup), currency, lookup),
            "starts_at": moment(need(raw, "start")),
            "ends_at": moment(raw.get("end")),
            "is_fallback": "account_source_id" in to,
            "raw": raw,
        },
    )


def _coupon(raw: Raw, lookup: Lookup) -> Raw:
    """The coupon: under `source` since 2025-09, inside the discount before."""
    coupon = (raw.get("source") or {}).get("coupon") or raw.get("coupon")
    id = id_of(coupon)
    if id is None:
        raise Unmappable("missing_field", f"discount {raw['id']} names no coupon")
    found = lookup.coupon(id)
    if found is None and isinstance(coupon, dict):
        return coupon  # deleted since; the discount goes on
    if found is None:
        raise Unmappable("coupon_missing", f"coupon {id} was deleted and cannot be read any more")
    return found
