"""Mapping of subscriptions with all their items and discounts."""

from functools import partial
from typing import Any

from cs_sync_schemas import Subscription, SubscriptionItem
from cs_sync_stripe.mapping.catalogue import find_price, map_price
from cs_sync_stripe.mapping.discounts import map_discounts
from cs_sync_stripe.mapping.fields import (
    Lookup,
    Mapped,
    Raw,
    build_dashboard_url,
    map_or_reject,
    parse_decimal,
    parse_timestamp,
    read_amount,
    require_field,
    require_id,
)

CREATED_TOGETHER_SECONDS = 60
"""Seconds within which an item counts as created with its subscription."""


def map_subscription(raw: Raw, lookup: Lookup) -> list[Mapped]:
    """Map the subscription, its current items, and the discounts of both."""
    currency = require_field(raw, "currency")
    mapped: list[Mapped] = [(Subscription, _map_subscription_fields(raw))]
    mapped += map_discounts(raw, {"subscription_source_id": raw["id"]}, currency, lookup)
    item = partial(_map_item, subscription=raw, lookup=lookup)
    for entry in require_field(raw, "items")["data"]:
        mapped += map_or_reject(SubscriptionItem, entry, item)
    return mapped


def _map_subscription_fields(raw: Raw) -> dict[str, Any]:
    pause = raw.get("pause_collection") or {}
    return {
        "source_id": raw["id"],
        "account_source_id": require_id(raw, "customer"),
        "status": require_field(raw, "status"),
        "started_at": parse_timestamp(require_field(raw, "start_date")),
        "trial_start": parse_timestamp(raw.get("trial_start")),
        "trial_end": parse_timestamp(raw.get("trial_end")),
        "cancel_at": parse_timestamp(_find_cancel_at(raw)),
        "canceled_at": parse_timestamp(raw.get("canceled_at")),
        "ended_at": parse_timestamp(raw.get("ended_at")),
        "cancel_reason": _find_cancel_reason(raw.get("cancellation_details") or {}),
        "collection_paused": pause.get("behavior"),
        "resumes_at": parse_timestamp(pause.get("resumes_at")),
        "currency": raw["currency"],
        "url": build_dashboard_url(raw, "subscriptions"),
        "raw": raw,
    }


def _find_cancel_at(raw: Raw) -> int | None:
    """Find the scheduled end in Unix seconds.

    Items' periods may differ, the last counts.
    """
    if (fixed := raw.get("cancel_at")) is not None:
        return int(fixed)
    if not raw.get("cancel_at_period_end"):
        return None
    ends = [entry.get("current_period_end") for entry in raw["items"]["data"]]
    return max((int(end) for end in ends if end is not None), default=None)


def _find_cancel_reason(details: Raw) -> str | None:
    """Return the customer's choice; else Stripe's reason; else the customer's comment."""
    reason = details.get("feedback") or details.get("reason") or details.get("comment")
    return str(reason) if reason else None


def _map_item(entry: Raw, *, subscription: Raw, lookup: Lookup) -> list[Mapped]:
    currency, quantity = subscription["currency"], read_amount(entry, "quantity")
    row = map_price(find_price(require_field(entry, "price"), currency, lookup))
    row["source_id"] = entry["id"]
    row["subscription_source_id"] = subscription["id"]
    row["valid_from"] = parse_timestamp(_find_valid_from(entry, subscription))
    row["valid_to"] = parse_timestamp(subscription.get("ended_at"))
    if quantity is not None:  # metered items have none
        row["quantity"] = quantity
    row["inclusive_tax_percent"] = _sum_inclusive_tax_rates(entry, subscription)
    row["is_snapshot"] = True
    row["raw"] = entry
    to = {"subscription_source_id": row["subscription_source_id"]}
    to["subscription_item_source_id"] = row["source_id"]
    return [(SubscriptionItem, row), *map_discounts(entry, to, currency, lookup)]


def _find_valid_from(entry: Raw, subscription: Raw) -> int:
    """Return the item's start: with a back-dated subscription if created together."""
    created, start = int(require_field(entry, "created")), int(subscription["start_date"])
    with_it = created <= int(subscription.get("created", start)) + CREATED_TOGETHER_SECONDS
    return min(created, start) if with_it else created


def _sum_inclusive_tax_rates(entry: Raw, subscription: Raw) -> Any:
    """Sum the percent of tax in the amount.

    Of the item's rates, else the subscription's.
    """
    rates = entry.get("tax_rates") or subscription.get("default_tax_rates")
    if not rates:
        return None
    inside = [parse_decimal(rate["percentage"]) for rate in rates if rate.get("inclusive")]
    return sum(percent for percent in inside if percent is not None) if inside else None
