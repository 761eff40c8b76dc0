"""Mapping of invoices with all their lines."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from cs_sync_schemas import Invoice, InvoiceLine
from cs_sync_stripe.mapping.discounts import map_line_discounts
from cs_sync_stripe.mapping.fields import (
    Lookup,
    Mapped,
    Raw,
    build_dashboard_url,
    get_id,
    map_or_reject,
    parse_timestamp,
    read_amount,
    require_field,
    require_id,
)


def map_invoice(raw: Raw, lookup: Lookup) -> Iterator[Mapped]:
    """Yield the invoice and its lines."""
    yield Invoice, _map_invoice_fields(raw)
    for entry in require_field(raw, "lines")["data"]:
        yield from map_or_reject(InvoiceLine, entry, partial(_map_line, invoice=raw, lookup=lookup))


def _map_invoice_fields(raw: Raw) -> dict[str, Any]:
    moments = raw.get("status_transitions") or {}
    issued = moments.get("finalized_at") or raw.get("effective_at") or require_field(raw, "created")
    amounts = ("total", "amount_due", "amount_paid", "amount_remaining")
    return {
        "source_id": raw["id"],
        "account_source_id": require_id(raw, "customer"),
        "subscription_source_id": _find_subscription(raw),
        "number": raw.get("number"),
        "status": require_field(raw, "status"),
        "currency": require_field(raw, "currency"),
        **{name: require_field(raw, name) for name in amounts},
        "attempt_count": raw.get("attempt_count") or 0,
        "issued_at": parse_timestamp(issued),
        "due_at": parse_timestamp(raw.get("due_date")),
        "paid_at": parse_timestamp(moments.get("paid_at")),
        "given_up_at": parse_timestamp(
            moments.get("voided_at") or moments.get("marked_uncollectible_at")
        ),
        "period_start": parse_timestamp(raw.get("period_start")),
        "period_end": parse_timestamp(raw.get("period_end")),
        "url": build_dashboard_url(raw, "invoices"),
        "raw": raw,
    }


def _find_subscription(raw: Raw) -> str | None:
    """Return the invoice's subscription; one-off invoices and quotes have none."""
    details = (raw.get("parent") or {}).get("subscription_details") or {}
    return get_id(details.get("subscription"))


def _map_line(entry: Raw, *, invoice: Raw, lookup: Lookup) -> Iterator[Mapped]:
    """Map one line; its price gives the billing interval."""
    pricing: Raw = entry.get("pricing") or {}
    details = pricing.get("price_details") or {}
    origin = _find_origin(entry)
    price_id = get_id(details.get("price"))
    recurring = ((lookup.price(price_id) if price_id else None) or {}).get("recurring") or {}
    period = entry.get("period") or {}
    yield (
        InvoiceLine,
        {
            "source_id": entry["id"],
            "invoice_source_id": invoice["id"],
            "subscription_source_id": get_id(origin.get("subscription")),
            "subscription_item_source_id": origin.get("subscription_item"),
            "product": get_id(details.get("product")),
            "price": price_id,
            "currency": require_field(entry, "currency"),
            "amount": require_field(entry, "amount"),
            "discount_amount": sum(cut["amount"] for cut in entry.get("discount_amounts") or []),
            "inclusive_tax_amount": _sum_inclusive_tax(entry, invoice),
            "discounts": map_line_discounts(entry, invoice, lookup),
            "quantity": read_amount(entry, "quantity"),
            "unit_amount": read_amount(pricing, "unit_amount"),
            "interval": recurring.get("interval"),
            "interval_count": recurring.get("interval_count"),
            "usage_type": recurring.get("usage_type", "licensed"),
            "is_proration": bool(origin.get("proration")),
            "period_start": parse_timestamp(period.get("start")),
            "period_end": parse_timestamp(period.get("end")),
            "raw": entry,
        },
    )


def _sum_inclusive_tax(entry: Raw, invoice: Raw) -> int | None:
    """Sum the tax inside the line's amount.

    None if Stripe could not compute it. `tax_amounts` is the form of versions before 2025-03-31.
    """
    taxes = entry.get("taxes") or entry.get("tax_amounts")
    automatic = invoice.get("automatic_tax") or {}
    if not taxes and automatic.get("status") in ("failed", "requires_location_inputs"):
        return None
    inside = (t for t in taxes or [] if t.get("tax_behavior") == "inclusive" or t.get("inclusive"))
    return sum(int(tax["amount"]) for tax in inside)


def _find_origin(entry: Raw) -> Raw:
    """Find the line's origin.

    A subscription item, or an invoice item (prorations too).
    """
    parent = entry.get("parent") or {}
    origin: Raw = (
        parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    )
    return origin
