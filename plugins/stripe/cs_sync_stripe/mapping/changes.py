"""Mapping of subscription changes from events, which Stripe keeps for a limited time.

An event has the account's API version of its time. The fields used have the same shape
in every version: time, statuses, pauses of collection, and of items id, quantity and
price, which is immutable.
"""

from collections.abc import Iterator
from typing import Any

from cs_sync_schemas import SubscriptionChange
from cs_sync_stripe.mapping.catalogue import map_price
from cs_sync_stripe.mapping.fields import Mapped, Raw, parse_timestamp, read_amount, require_field

ITEM_ATTRIBUTES = frozenset({"items", "quantity", "plan"})
"""Previous attributes of a subscription that tell of its items; the last two in old versions."""

_STATUS_BEFORE = {
    "customer.subscription.paused": "active",
    "customer.subscription.resumed": "paused",
}


def map_change(event: Raw) -> Iterator[Mapped]:
    """Yield the values before an event; nothing for irrelevant changes."""
    data = require_field(event, "data")
    previous = data.get("previous_attributes") or {}
    before = _map_previous(previous, data["object"])
    after = _map_items(data["object"].get("items"), data["object"]) if before.get("items") else None
    if after is not None and _is_same_items(before["items"], after):
        del before["items"]  # a renewal gives them another period
    if status := _STATUS_BEFORE.get(event["type"]):
        before.setdefault("status", status)
    if before or not previous:
        yield (
            SubscriptionChange,
            {
                "source_id": event["id"],
                "subscription_source_id": require_field(data["object"], "id"),
                "happened_at": parse_timestamp(require_field(event, "created")),
                "before": before,
                "after": after,
                "raw": event,
            },
        )


def _map_previous(previous: Raw, subject: Raw) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if "status" in previous:
        before["status"] = previous["status"]
    if "pause_collection" in previous:
        pause = previous["pause_collection"] or {"behavior": None}
        if "behavior" in pause:  # else another of its fields changed
            before["collection_paused"] = pause["behavior"]
    if ITEM_ATTRIBUTES & previous.keys():
        before["items"] = _map_items(previous.get("items"), subject)
    return before


def _map_items(listed: Raw | None, subject: Raw) -> list[dict[str, Any]] | None:
    """Map the items of a list; None if the list is incomplete."""
    if not listed or listed.get("has_more"):
        return None
    return [_map_changed_item(entry, subject) for entry in listed.get("data") or ()] or None


def _is_same_items(first: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    compared = ("source_id", "price", "quantity")
    return sorted([str(row[name]) for name in compared] for row in first) == sorted(
        [str(row[name]) for name in compared] for row in other
    )


def _map_changed_item(entry: Raw, subject: Raw) -> dict[str, Any]:
    price = entry.get("price") or entry.get("plan") or {}
    quantity = read_amount(entry, "quantity")
    return {
        "source_id": require_field(entry, "id"),
        "price": price.get("id"),
        "quantity": "1" if quantity is None else format(quantity, "f"),
        **(_map_flat_price(price) if price.get("currency") == subject.get("currency") else {}),
    }


def _map_flat_price(price: Raw) -> dict[str, Any]:
    """Map a price that consists of a single amount; empty for others."""
    fields = map_price(price) if "recurring" in price else {}
    if fields.get("unit_amount") is None or price.get("billing_scheme") == "tiered":
        return {}
    return {**fields, "unit_amount": format(fields["unit_amount"], "f")}
