"""Invoices with all their lines."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from cs_sync_schemas import Invoice, InvoiceLine
from cs_sync_stripe.mapping.discounts import taken_off
from cs_sync_stripe.mapping.fields import (
    Lookup,
    Mapped,
    Raw,
    amount,
    dashboard,
    id_of,
    map_or_reject,
    moment,
    need,
    need_id,
)


def invoice(raw: Raw, lookup: Lookup) -> Iterator[Mapped]:
    """The invoice and its lines."""
    yield Invoice, _fields(raw)
    for entry in need(raw, "lines")["data"]:
        yield from map_or_reject(InvoiceLine, entry, partial(_line, invoice=raw, lookup=lookup))


def _fields(raw: Raw) -> dict[str, Any]:
    moments = raw.get("status_transitions") or {}
    issued = moments.get("finalized_at") or raw.get("effective_at") or need(raw, "created")
    amounts = ("total", "amount_due", "amount_paid", "amount_remaining")
    return {
        "source_id": raw["id"],
        "account_source_id": need_id(raw, "customer"),
        "subscription_source_id": _subscription(raw),
        "number": raw.get("number"),
        "status": need(raw, "status"),
        "currency": need(raw, "currency"),
        **{name: need(raw, name) for name in amounts},
        "attempt_count": raw.get("attempt_count") or 0,
        "issued_at": moment(issued),
        "due_at": moment(raw.get("due_date")),
        "paid_at": moment(moments.get("paid_at")),
        "given_up_at": moment(moments.get("voided_at") or moments.get("marked_uncollectible_at")),
        "period_start": moment(raw.get("period_start")),
        "period_end": moment(raw.get("period_end")),
        "url": dashboard(raw, "invoices"),
        "raw": raw,
    }


def _subscription(raw: Raw) -> str | None:
    """The subscription that caused it; one-off invoices and quotes have none."""
    details = (raw.get("parent") or {}).get("subscription_details") or {}
    return id_of(details.get("subscription"))


def _line(entry: Raw, *, invoice: Raw, lookup: Lookup) -> Iterator[Mapped]:
    """One line; the price tells what its amount repeats with."""
    pricing: Raw = entry.get("pricing") or {}
    details = pricing.get("price_details") or {}
    origin = _origin(entry)
    price_id = id_of(details.get("price"))
    recurring = ((lookup.price(price_id) if price_id else None) or {}).get("recurring") or {}
    period = entry.get("period") or {}
    yield (
        InvoiceLine,
        {
            "source_id": entry["id"],
            "invoice_source_id": invoice["id"],
            "subscription_source_id": id_of(origin.get("subscription")),
            "subscription_item_source_id": origin.get("subscription_item"),
            "product": id_of(details.get("product")),
            "price": price_id,
            "currency": need(entry, "currency"),
            "amount": need(entry, "amount"),
            "discount_amount": sum(cut["amount"] for cut in entry.get("discount_amounts") or []),
            "inclusive_tax_amount": _inclusive_tax(entry, invoice),
            "discounts": taken_off(entry, invoice, lookup),
            "quantity": amount(entry, "quantity"),
            "unit_amount": amount(pricing, "unit_amount"),
            "interval": recurring.get("interval"),
            "interval_count": recurring.get("interval_count"),
            "usage_type": recurring.get("usage_type", "licensed"),
            "is_proration": bool(origin.get("proration")),
            "period_start": moment(period.get("start")),
            "period_end": moment(period.get("end")),
            "raw": entry,
        },
    )


def _inclusive_tax(entry: Raw, invoice: Raw) -> int | None:
    """Tax inside the line's amount; unknown where Stripe could not compute it.

    `tax_amounts` is how versions before 2025-03-31 showed it.
    """
    taxes = entry.get("taxes") or entry.get("tax_amounts")
    automatic = invoice.get("automatic_tax") or {}
    if not taxes and automatic.get("status") in ("failed", "requires_location_inputs"):
        return None
    inside = (t for t in taxes or [] if t.get("tax_behavior") == "inclusive" or t.get("inclusive"))
    return sum(int(tax["amount"]) for tax in inside)


def _origin(entry: Raw) -> Raw:
    """What the line came from: an item of a subscription, or an invoice item (prorations too)."""
    parent = entry.get("parent") or {}
    found: Raw = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    return found
