"""Subscriptions with all their items and discounts."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from cs_sync_schemas import Subscription, SubscriptionItem
from cs_sync_stripe.mapping.catalogue import price_fields, price_in
from cs_sync_stripe.mapping.discounts import discounts
from cs_sync_stripe.mapping.fields import (
    Lookup,
    Mapped,
    Raw,
    amount,
    dashboard,
    exact,
    map_or_reject,
    moment,
    need,
    need_id,
)

BORN_TOGETHER = 60
"""Seconds within which an item counts as created with its subscription."""


def subscription(raw: Raw, lookup: Lookup) -> Iterator[Mapped]:
    """The subscription, its items as they are now, and the discounts of both."""
    currency = need(raw, "currency")
    yield Subscription, _fields(raw)
    yield from discounts(raw, {"subscription_source_id": raw["id"]}, currency, lookup)
    item = partial(_item, subscription=raw, lookup=lookup)
    for entry in need(raw, "items")["data"]:
        yield from map_or_reject(SubscriptionItem, entry, item)


def _fields(raw: Raw) -> dict[str, Any]:
    pause = raw.get("pause_collection") or {}
    return {
        "source_id": raw["id"],
        "account_source_id": need_id(raw, "customer"),
        "status": need(raw, "status"),
        "started_at": moment(need(raw, "start_date")),
        "trial_start": moment(raw.get("trial_start")),
        "trial_end": moment(raw.get("trial_end")),
        "cancel_at": moment(_cancel_at(raw)),
        "canceled_at": moment(raw.get("canceled_at")),
        "ended_at": moment(raw.get("ended_at")),
        "cancel_reason": _cancel_reason(raw.get("cancellation_details") or {}),
        "collection_paused": pause.get("behavior"),
        "resumes_at": moment(pause.get("resumes_at")),
        "currency": raw["currency"],
        "url": dashboard(raw, "subscriptions"),
        "raw": raw,
    }


def _cancel_at(raw: Raw) -> int | None:
    """The scheduled end in Unix seconds; periods stand on the items, which may differ."""
    if (fixed := raw.get("cancel_at")) is not None:
        return int(fixed)
    if not raw.get("cancel_at_period_end"):
        return None
    ends = [entry.get("current_period_end") for entry in raw["items"]["data"]]
    return max((int(end) for end in ends if end is not None), default=None)


def _cancel_reason(details: Raw) -> str | None:
    """What the customer chose; else what Stripe knows; else what the customer wrote."""
    said = details.get("feedback") or details.get("reason") or details.get("comment")
    return str(said) if said else None


def _item(entry: Raw, *, subscription: Raw, lookup: Lookup) -> Iterator[Mapped]:
    currency = subscription["currency"]
    quantity = amount(entry, "quantity")
    yield (
        SubscriptionItem,
        {
            "source_id": entry["id"],
            "subscription_source_id": subscription["id"],
            "valid_from": moment(_valid_from(entry, subscription)),
            "valid_to": moment(subscription.get("ended_at")),
            **({} if quantity is None else {"quantity": quantity}),  # metered items have none
            **price_fields(price_in(need(entry, "price"), currency, lookup)),
            "inclusive_tax_percent": _inclusive_tax(entry, subscription),
            "is_snapshot": True,
            "raw": entry,
        },
    )
    to = {
        "subscription_source_id": subscription["id"],
        "subscription_item_source_id": entry["id"],
    }
    yield from discounts(entry, to, currency, lookup)


def _valid_from(entry: Raw, subscription: Raw) -> int:
    """When the item began; one created with a back-dated subscription began with it."""
    created, start = int(need(entry, "created")), int(subscription["start_date"])
    with_it = created <= int(subscription.get("created", start)) + BORN_TOGETHER
    return min(created, start) if with_it else created


def _inclusive_tax(entry: Raw, subscription: Raw) -> Any:
    """Percent of tax inside the amount: the item's own rates, else the subscription's."""
    rates = entry.get("tax_rates") or subscription.get("default_tax_rates") or []
    inside = [exact(rate["percentage"]) for rate in rates if rate.get("inclusive")]
    return sum(percent for percent in inside if percent is not None) if inside else None
