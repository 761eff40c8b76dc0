"""Objects as Stripe's pinned version shows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.histories.agreed import Coupon, Discount, Item, Subscription
from tests.histories.prices import Json, Price
from tests.known_failures.benches import unix


def listed(rows: Sequence[Json]) -> Json:
    """A list inside an object."""
    return {"object": "list", "data": list(rows), "has_more": False}


def moment(at: datetime | None) -> int | None:
    """Unix seconds, where there is an instant."""
    return None if at is None else unix(at)


def coupon(record: Coupon) -> Json:
    """A coupon."""
    return {
        "id": record.id, "object": "coupon", "percent_off": record.percent,
        "amount_off": record.amount,
        "currency": "eur" if record.amount else None, "duration": record.duration,
        "duration_in_months": record.months, "name": record.id, "valid": True,
    }  # fmt: skip


def discount(record: Discount, sub: Subscription) -> Json:
    """A discount; since 2025-09 its coupon stands under `source`. One that is gone has no end."""
    gone: Json = {"deleted": True} if record.gone else {"end": moment(record.end)}
    return {
        "id": record.id, "object": "discount", "customer": sub.customer, "subscription": sub.id,
        "subscription_item": record.item, "source": {"type": "coupon", "coupon": record.coupon.id},
        "start": unix(record.start), "invoice": None, "invoice_item": None, **gone,
    }  # fmt: skip


def item(record: Item, sub: Subscription) -> Json:
    """An item with the period that it is charged for."""
    return {
        "id": record.id, "object": "subscription_item", "subscription": sub.id,
        "created": unix(record.created), "quantity": record.quantity, "price": record.price.shown(),
        "current_period_start": unix(sub.period[0]), "current_period_end": unix(sub.period[1]),
        "discounts": [discount(d, sub) for d in sub.discounts if d.item == record.id],
        "tax_rates": [],
    }  # fmt: skip


def subscription(sub: Subscription) -> Json:
    """A subscription as it is now."""
    trial = sub.trial or (None, None)
    reason = None if sub.canceled_at is None else "cancellation_requested"
    details = {"comment": None, "feedback": None, "reason": reason}
    return {
        "id": sub.id, "object": "subscription", "status": sub.status, "customer": sub.customer,
        "currency": "eur", "created": unix(sub.start), "start_date": unix(sub.start),
        "billing_cycle_anchor": moment(sub.anchor), "livemode": True,
        "cancel_at": unix(sub.period[1]) if sub.live and sub.ends_with_period else None,
        "cancel_at_period_end": sub.ends_with_period, "canceled_at": moment(sub.canceled_at),
        "ended_at": moment(sub.ended_at), "cancellation_details": details,
        "trial_start": moment(trial[0]), "trial_end": moment(trial[1]),
        "pause_collection": sub.pause, "latest_invoice": sub.latest_invoice,
        "schedule": None if sub.increase is None else f"sub_sched_{sub.id}",
        "discounts": [discount(d, sub) for d in sub.discounts if d.item is None],
        "items": listed([item(record, sub) for record in sub.items]),
    }  # fmt: skip


def line(
    id_: str, sub: Subscription, record: Item, amount: int, period: tuple[datetime, datetime],
    **more: Any,
) -> Json:  # fmt: skip
    """A line for an item; a proration's amount has its discounts in it."""
    proration = bool(more.pop("proration", False))
    details = {"subscription": sub.id, "subscription_item": record.id, "proration": proration}
    return {
        "id": id_, "object": "line_item", "amount": amount, "currency": "eur",
        "quantity": record.quantity, "discountable": not proration,
        "period": {"start": unix(period[0]), "end": unix(period[1])},
        "pricing": _pricing(record.price),
        "parent": {"type": "subscription_item_details", "subscription_item_details": details},
        "discount_amounts": [], "discounts": [], **more,
    }  # fmt: skip


def _pricing(price: Price) -> Json:
    details = {"price": price.id, "product": f"prod_{price.product}"}
    return {
        "type": "price_details",
        "unit_amount_decimal": str(price.amount),
        "price_details": details,
    }


def invoice(id_: str, sub: Subscription, lines: Sequence[Json], at: datetime, status: str) -> Json:
    """An invoice that was settled, or voided, as soon as it was made."""
    total = sum(
        record["amount"] - sum(cut["amount"] for cut in record["discount_amounts"])
        for record in lines
    )
    due, paid = max(total, 0), status == "paid"
    return {
        "id": id_, "object": "invoice", "number": id_.upper(), "status": status,
        "customer": sub.customer, "currency": "eur", "created": unix(at), "livemode": True,
        "period_start": unix(at), "period_end": unix(at), "total": total, "amount_due": due,
        "amount_paid": due if paid else 0, "amount_remaining": 0, "attempt_count": 1,
        "due_date": None, "discounts": [],
        "status_transitions": {
            "finalized_at": unix(at), "paid_at": unix(at) if paid else None,
            "voided_at": None if paid else unix(at),
        },
        "parent": {
            "type": "subscription_details", "subscription_details": {"subscription": sub.id},
        },
        "lines": listed(lines),
    }  # fmt: skip


def customer(id_: str, created: datetime) -> Json:
    """A customer that is an account of its own."""
    return {
        "id": id_, "object": "customer", "created": unix(created), "currency": "eur",
        "email": None, "name": id_, "discount": None, "metadata": {"account_id": id_},
        "livemode": True,
    }  # fmt: skip


def refund(id_: str, customer_id: str, amount: int, at: datetime) -> Json:
    """Money given back."""
    return {
        "id": id_, "object": "refund", "customer": customer_id, "amount": amount,
        "currency": "eur", "status": "succeeded", "reason": None, "created": unix(at),
    }  # fmt: skip
