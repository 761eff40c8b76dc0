"""Stripe's objects in the shape of version 2026-10-28.endive, except invoices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.stripe.books import Books, find_current_period, get_customer_id
from cs_sync_sandbox.stripe.query import HIDDEN
from cs_sync_sandbox.world.records import (
    Company,
    Coupon,
    Discount,
    ItemVersion,
    Price,
    Product,
    Subscription,
)

VERSION = "2026-10-28.endive"
EMBEDDED = 10  # how many rows of a nested list an object carries
ACCOUNT = {
    "id": "acct_1AcmeSandbox",
    "object": "account",
    "business_profile": {"name": "Acme"},
    "country": "DE",
    "default_currency": "eur",
    "email": "finance@acme.example",
    "settings": {"dashboard": {"display_name": "Acme", "timezone": "Europe/Berlin"}},
    "type": "standard",
}


def convert_unix(moment: datetime | None) -> int | None:
    """Return unix seconds, or None for None."""
    return int(moment.timestamp()) if moment else None


def stamp(moment: datetime) -> int:
    """Return unix seconds."""
    return int(moment.timestamp())


def make_nested_list(rows: list[Json], url: str, limit: int = EMBEDDED) -> Json:
    """Return an embedded list: its first rows, and whether there are more."""
    return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit, "url": url}


def make_customer(books: Books, company: Company) -> Json:
    """Return a customer, or what is left of a deleted one."""
    id_ = get_customer_id(company.key)
    if company.stripe_deleted_at:
        return {"id": id_, "object": "customer", "deleted": True}
    metadata = {"account_id": company.key} if "stripe" in company.key_in else {}
    return {
        "id": id_, "object": "customer", "address": None, "balance": 0,
        "business_name": company.name, "created": stamp(company.created_at),
        "currency": company.currency, "default_source": None,
        "delinquent": company.key in books.owing,
        "description": None, "discount": None,
        "email": None if company.number % 41 == 0 else company.billing_email,
        "invoice_prefix": f"ACME{company.number:04d}",
        "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None,
            "rendering_options": None,
        },
        "livemode": False, "metadata": metadata, "name": company.name, "phone": None,
        "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None,
    }  # fmt: skip


def make_product(_: Books, record: Product) -> Json:
    """Return a product."""
    return {
        "id": record.id, "object": "product", "active": True,
        "created": stamp(record.created_at), "default_price": None, "description": None,
        "images": [], "livemode": False, "marketing_features": [], "metadata": {},
        "name": record.name, "package_dimensions": None, "shippable": None,
        "statement_descriptor": None, "tax_code": None, "type": "service",
        "unit_label": record.unit_label, "updated": stamp(record.created_at), "url": None,
    }  # fmt: skip


def price(_: Books, record: Price) -> Json:
    """Make a price.

    What only shows when expanded is there and taken away later.
    """
    amounts = _make_amounts(record)
    recurring = None
    if record.interval:
        recurring = {
            "interval": record.interval, "interval_count": 1,
            "meter": "mtr_api_calls" if record.metered else None,
            "trial_period_days": None,
            "usage_type": "metered" if record.metered else "licensed",
        }  # fmt: skip
    return {
        "id": record.id, "object": "price", "active": record.active,
        "billing_scheme": "tiered" if record.tiers else "per_unit",
        "created": stamp(record.created_at), "currency": record.currency,
        "currency_options": {record.currency: amounts}, "livemode": False,
        "lookup_key": record.id.removeprefix("price_"), "metadata": {}, "nickname": None,
        "product": record.product_id, "recurring": recurring,
        "tiers_mode": "volume" if record.tiers else None, "transform_quantity": None,
        "type": "recurring" if recurring else "one_time", **amounts,
    }  # fmt: skip


def _make_amounts(record: Price) -> Json:
    """Return what a price costs in its currency, tiers included."""
    amount = record.unit_amount
    whole = amount is not None and amount == amount.to_integral_value()
    return {
        "custom_unit_amount": None, "tax_behavior": "exclusive",
        "tiers": [
            {
                "flat_amount": None, "flat_amount_decimal": None, "unit_amount": t.unit_amount,
                "unit_amount_decimal": str(t.unit_amount), "up_to": t.up_to,
            }
            for t in record.tiers
        ],
        "unit_amount": int(amount) if whole and amount is not None else None,
        "unit_amount_decimal": f"{amount.normalize():f}" if amount is not None else None,
    }  # fmt: skip


def make_coupon(books: Books, record: Coupon) -> Json:
    """Make a coupon.

    What only shows when expanded is there and taken away later.
    """
    body: Json = {
        "id": record.id, "object": "coupon", "amount_off": record.amount_off,
        "created": stamp(record.created_at), "currency": record.currency,
        "duration": record.duration, "duration_in_months": record.months, "livemode": False,
        "max_redemptions": None, "metadata": {}, "name": record.name,
        "percent_off": float(record.percent_off) if record.percent_off is not None else None,
        "redeem_by": None, "times_redeemed": books.redemptions.get(record.id, 0), "valid": True,
    }  # fmt: skip
    if record.amount_off is not None:
        body["currency_options"] = {str(record.currency): {"amount_off": record.amount_off}}
    if record.product_ids:
        body["applies_to"] = {"products": list(record.product_ids)}
    return body


def make_discount(_: Books, record: tuple[Subscription, Discount]) -> Json:
    """Return a discount; its coupon is an id under `source`."""
    subscription, applied = record
    return {
        "id": applied.id, "object": "discount", "checkout_session": None,
        "customer": get_customer_id(subscription.account_key), "customer_account": None,
        "end": convert_unix(applied.end), "invoice": None, "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": applied.coupon_id, "type": "coupon"}, "start": stamp(applied.start),
        "subscription": subscription.id, "subscription_item": applied.item_id,
    }  # fmt: skip


def list_live_discounts(books: Books, record: Subscription, now: int) -> list[Discount]:
    """List the discounts still attached.

    A `once` one goes with the first paid invoice.
    """
    discounts = []
    for candidate in record.discounts:
        once = books.coupons[candidate.coupon_id].duration == "once"
        if candidate.end and candidate.end.timestamp() <= now:
            continue
        if candidate.start.timestamp() <= now and not (once and record.anchor.timestamp() < now):
            discounts.append(candidate)
    return discounts


def make_item(books: Books, record: Subscription, version: ItemVersion, now: int) -> Json:
    """Return one item as it is now, price included."""
    start, end = find_current_period(record, now)
    body: Json = {
        "id": version.item_id, "object": "subscription_item", "billing_thresholds": None,
        "created": stamp(_find_first_version(record, version).valid_from),
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [
            d.id for d in list_live_discounts(books, record, now) if d.item_id == version.item_id
        ],
        "metadata": {}, "price": price(books, books.prices[version.price_id]),
        "subscription": record.id, "tax_rates": [],
    }  # fmt: skip
    for hidden in HIDDEN:  # three levels below a list's data: too deep to expand
        body["price"].pop(hidden, None)
    if version.quantity is not None:
        body["quantity"] = version.quantity
    return body


def list_items(books: Books, record: Subscription, now: int) -> list[Json]:
    """List every current item.

    Of an ended subscription, the last ones it had.
    """
    last: dict[str, ItemVersion] = {v.item_id: v for v in record.items}
    return [make_item(books, record, version, now) for version in last.values()]


def make_subscription(books: Books, record: Subscription, now: int) -> Json:
    """Return a subscription; periods stand on its items, discounts are ids."""
    leaving = record.leaving
    at_end = leaving is not None and leaving.how == "period_end"
    requested = leaving is not None and leaving.how != "payment_failed"
    canceled = leaving is not None and (requested or record.status == "canceled")
    trial_start = stamp(record.started_at) if record.trial_end else None
    return {
        "id": record.id, "object": "subscription", "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": stamp(record.anchor), "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [], "billing_thresholds": None,
        "cancel_at": convert_unix(leaving.ends_at) if leaving and at_end else None,
        "cancel_at_period_end": at_end,
        "canceled_at": _find_canceled_at(record) if canceled else None,
        "cancellation_details": _make_cancellation(record),
        "collection_method": "send_invoice" if record.send_invoice else "charge_automatically",
        "created": stamp(record.started_at), "currency": record.currency,
        "customer": get_customer_id(record.account_key), "customer_account": None,
        "days_until_due": 30 if record.send_invoice else None, "default_payment_method": None,
        "default_source": None, "default_tax_rates": [], "description": None,
        "discounts": [
            d.id for d in list_live_discounts(books, record, now) if d.item_id is None
        ],
        "ended_at": convert_unix(record.ended_at),
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": make_nested_list(
            list_items(books, record, now), f"/v1/subscription_items?subscription={record.id}"
        ),
        "latest_invoice": books.latest_invoice.get(record.id), "livemode": False,
        "metadata": {}, "next_pending_invoice_item_invoice": None, "on_behalf_of": None,
        "pause_collection": {"behavior": record.pause_behavior, "resumes_at": None}
        if record.pause_behavior else None,
        "payment_settings": None, "pending_invoice_item_interval": None,
        "pending_setup_intent": None, "pending_update": None, "schedule": None,
        "start_date": stamp(record.started_at), "status": record.status, "test_clock": None,
        "transfer_data": None, "trial_end": convert_unix(record.trial_end),
        "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
        "trial_start": trial_start,
    }  # fmt: skip


def _find_first_version(record: Subscription, version: ItemVersion) -> ItemVersion:
    return next(v for v in record.items if v.item_id == version.item_id)


def _find_canceled_at(record: Subscription) -> int | None:
    leaving = record.leaving
    if leaving is None:
        return None
    return stamp(leaving.ends_at if leaving.how == "payment_failed" else leaving.asked_at)


def _make_cancellation(record: Subscription) -> dict[str, Any]:
    leaving = record.leaving
    if leaving is None or (leaving.how == "payment_failed" and record.status != "canceled"):
        return {"comment": None, "feedback": None, "reason": None}
    failed = leaving.how == "payment_failed"
    reason = "payment_failed" if failed else "cancellation_requested"
    return {"comment": leaving.comment, "feedback": leaving.feedback, "reason": reason}
