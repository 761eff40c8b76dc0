"""Stripe's event feed: what happened when, its objects in the shape of an old API version.

Real accounts render events in the version they were created with. Bodies here keep to 2022-08-01,
where much stood elsewhere, so that a client that stores them instead of re-reading is found out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.stripe.books import Books, find_current_period, get_customer_id
from cs_sync_sandbox.stripe.objects import stamp
from cs_sync_sandbox.world.records import Company, Invoice, ItemVersion, Subscription

KEPT = timedelta(days=30)
OLD_VERSION = "2022-08-01"


def list_events(books: Books) -> list[Json]:
    """List the events of the last 30 days, newest first.

    Before the world's now.
    """
    world = books.world
    since = world.now - KEPT
    collected: list[tuple[datetime, str, Json, Json | None]] = []
    for company in books.customers.values():
        collected += _list_customer_events(company)
    for subscription in world.subscriptions:
        collected += _list_subscription_events(subscription)
    for invoice in world.invoices:
        collected += _list_invoice_events(invoice)
    recent = sorted(
        (e for e in collected if since <= e[0] < world.now),
        key=lambda e: (e[0], e[1]),
        reverse=True,
    )
    return [_make_event(len(recent) - index, *event) for index, event in enumerate(recent)]


def _make_event(number: int, at: datetime, kind: str, body: Json, previous: Json | None) -> Json:
    data: Json = {"object": body}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": f"evt_{stamp(at)}{number:05d}", "object": "event", "api_version": OLD_VERSION,
        "created": stamp(at), "data": data, "livemode": False, "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None}, "type": kind,
    }  # fmt: skip


def _list_customer_events(company: Company) -> Iterator[tuple[datetime, str, Json, None]]:
    body = {
        "id": get_customer_id(company.key),
        "object": "customer",
        "email": company.billing_email,
    }
    yield company.created_at, "customer.created", body, None
    if company.stripe_deleted_at:
        yield company.stripe_deleted_at, "customer.deleted", body, None


def _list_subscription_events(
    record: Subscription,
) -> Iterator[tuple[datetime, str, Json, Json | None]]:
    yield (
        record.started_at,
        "customer.subscription.created",
        _make_old_subscription(record, "trialing"),
        None,
    )
    kind, last = "customer.subscription.updated", dict[str, ItemVersion]()
    if record.trial_end:
        before: Json = {"status": "trialing"}
        yield record.trial_end, kind, _make_old_subscription(record, "active"), before
    for version in record.items:
        if version.item_id in last:
            changed = _make_previous_item(last[version.item_id], version)
            yield version.valid_from, kind, _make_old_subscription(record, "active"), changed
        last[version.item_id] = version
    leaving = record.leaving
    if leaving and leaving.how == "period_end":
        before = {"cancel_at_period_end": False, "canceled_at": None}
        yield leaving.asked_at, kind, _make_old_subscription(record, "active"), before
    if record.ended_at:
        yield (
            record.ended_at,
            "customer.subscription.deleted",
            _make_old_subscription(record, "canceled"),
            None,
        )


def _make_previous_item(old: ItemVersion, new: ItemVersion) -> Json:
    """Return what an item was before a change, as `previous_attributes` says it."""
    before: Json = {}
    if old.quantity != new.quantity:
        before["quantity"] = old.quantity
    if old.price_id != new.price_id:
        before["plan"] = {"id": old.price_id, "object": "plan"}
    return before


def _list_invoice_events(record: Invoice) -> Iterator[tuple[datetime, str, Json, None]]:
    body = {
        "id": record.id, "object": "invoice", "paid": record.status == "paid",
        "subscription": record.subscription_id, "tax": None, "total": record.total,
    }  # fmt: skip
    yield record.created_at, "invoice.created", body, None
    if record.finalized_at:
        yield record.finalized_at, "invoice.finalized", body, None
        if record.attempts > 1:
            failed = record.finalized_at + timedelta(seconds=5)
            yield failed, "invoice.payment_failed", body, None
    if record.paid_at:
        yield record.paid_at, "invoice.paid", body, None
    if record.closed_at:
        word = "voided" if record.status == "void" else "marked_uncollectible"
        yield record.closed_at, f"invoice.{word}", body, None


def _make_old_subscription(record: Subscription, status: str) -> Json:
    """Return the subscription as API version 2022 shows it."""
    start, end = find_current_period(record, stamp(record.started_at))
    return {
        "id": record.id, "object": "subscription", "current_period_end": end,
        "current_period_start": start, "customer": get_customer_id(record.account_key),
        "discount": None, "plan": {"id": record.items[-1].price_id, "object": "plan"},
        "quantity": record.items[-1].quantity, "status": status,
    }  # fmt: skip
