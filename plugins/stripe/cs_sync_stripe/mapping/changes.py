"""Changes of subscriptions, as events tell them for a while.

An event is rendered in the version that the account had then. What is taken from it has the same
shape in every version: when it happened, statuses, pauses of collection, and of items their id,
quantity and price, which never changes once it is made.
"""

from collections.abc import Iterator
from typing import Any

from cs_sync_schemas import SubscriptionChange
from cs_sync_stripe.mapping.catalogue import price_fields
from cs_sync_stripe.mapping.fields import Mapped, Raw, amount, moment, need

CHANGES_ITEMS = frozenset({"items", "quantity", "plan"})
"""Previous attributes of a subscription that tell of its items; the last two in old versions."""

_STATUS_BEFORE = {
    "customer.subscription.paused": "active",
    "customer.subscription.resumed": "paused",
}


def change(event: Raw) -> Iterator[Mapped]:
    """What differed before an event; nothing where only what does not count did."""
    data = need(event, "data")
    previous = data.get("previous_attributes") or {}
    before = _before(previous, data["object"])
    after = _items(data["object"].get("items"), data["object"]) if before.get("items") else None
    if after is not None and _same(before["items"], after):
        del before["items"]  # a renewal gives them another period
    if status := _STATUS_BEFORE.get(event["type"]):
        before.setdefault("status", status)
    if before or not previous:
        yield (
            SubscriptionChange,
            {
                "source_id": event["id"],
                "subscription_source_id": need(data["object"], "id"),
                "happened_at": moment(need(event, "created")),
                "before": before,
                "after": after,
                "raw": event,
            },
        )


def _before(previous: Raw, subject: Raw) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if "status" in previous:
        before["status"] = previous["status"]
    if "pause_collection" in previous:
        pause = previous["pause_collection"] or {"behavior": None}
        if "behavior" in pause:  # else another of its fields changed
            before["collection_paused"] = pause["behavior"]
    if CHANGES_ITEMS & previous.keys():
        before["items"] = _items(previous.get("items"), subject)
    return before


def _items(listed: Raw | None, subject: Raw) -> list[dict[str, Any]] | None:
    """The items of a list; None where it does not show them all."""
    if not listed or listed.get("has_more"):
        return None
    return [_item(entry, subject) for entry in listed.get("data") or ()] or None


def _same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    told = ("source_id", "price", "quantity")
    return sorted([str(row[name]) for name in told] for row in one) == sorted(
        [str(row[name]) for name in told] for row in other
    )


def _item(entry: Raw, subject: Raw) -> dict[str, Any]:
    price = entry.get("price") or entry.get("plan") or {}
    quantity = amount(entry, "quantity")
    return {
        "source_id": need(entry, "id"),
        "price": price.get("id"),
        "quantity": "1" if quantity is None else format(quantity, "f"),
        **(_flat_price(price) if price.get("currency") == subject.get("currency") else {}),
    }


def _flat_price(price: Raw) -> dict[str, Any]:
    """What the price says where its amount is all there is to it."""
    fields = price_fields(price) if "recurring" in price else {}
    if fields.get("unit_amount") is None or price.get("billing_scheme") == "tiered":
        return {}
    return {**fields, "unit_amount": format(fields["unit_amount"], "f")}
