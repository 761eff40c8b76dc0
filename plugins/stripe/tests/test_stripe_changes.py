"""What events tell of subscriptions: only what has one shape in every version."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cs_sync import Page, Window
from cs_sync_schemas import SubscriptionChange

Rows = Callable[[list[Page], Any], list[dict[str, Any]]]
UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
UPDATED = "customer.subscription.updated"


def before(vendor: Any, objects: Any, pages: Any, rows: Rows, *events: Any) -> list[Any]:
    """What is stored of these events, by a first sync and by a later one alike."""
    vendor.lists["events"] = [
        objects.event(kind, {"id": "sub_1", "currency": "eur"}, objects.START + n, **data)
        for n, (kind, data) in enumerate(events)
    ]
    since = datetime(2026, 1, 1, tzinfo=UTC)
    first = rows(pages("subscription_changes", Window(None, UNTIL)), SubscriptionChange)
    later = Window(since, UNTIL, backfill=False)
    assert rows(pages("subscription_changes", later), SubscriptionChange) == first
    assert len(vendor.requests) == 2, "nothing is read beside the events"
    assert {row["subscription_source_id"] for row in first} <= {"sub_1"}
    return [row["before"] for row in first]


def test_pauses_and_statuses_are_told(vendor: Any, objects: Any, pages: Any, rows: Rows) -> None:
    void = {"behavior": "void", "resumes_at": None}
    events = [
        (UPDATED, {"previous_attributes": {"pause_collection": None}}),
        (UPDATED, {"previous_attributes": {"pause_collection": void}}),
        (UPDATED, {"previous_attributes": {"pause_collection": {"resumes_at": 5}}}),
        ("customer.subscription.paused", {"previous_attributes": {"status": "trialing"}}),
        ("customer.subscription.resumed", {}),
        (UPDATED, {"previous_attributes": {"cancel_at_period_end": False}}),
    ]
    assert before(vendor, objects, pages, rows, *events) == [
        {"collection_paused": None},
        {"collection_paused": "void"},
        {"status": "trialing"},
        {"status": "paused"},
    ]


def test_items_are_told_in_old_and_new_versions(
    vendor: Any, objects: Any, pages: Any, rows: Rows
) -> None:
    plan = {"id": "price_pro", "object": "plan", "amount": 4900, "interval": "month"}
    old = {"id": "si_1", "quantity": 3, "plan": plan}
    tiered = objects.item("si_2", price=objects.price("price_t", billing_scheme="tiered"))
    events = [
        (UPDATED, {"previous_attributes": {"items": {"data": [old, tiered]}}}),
        (UPDATED, {"previous_attributes": {"items": {"data": [objects.item(quantity=4)]}}}),
        (UPDATED, {"previous_attributes": {"quantity": 4, "plan": plan}}),
    ]
    first, second, third = before(vendor, objects, pages, rows, *events)
    assert first["items"] == [
        {"source_id": "si_1", "price": "price_pro", "quantity": "3"},
        {"source_id": "si_2", "price": "price_t", "quantity": "12"},
    ]
    (item,) = second["items"]
    assert (item["quantity"], item["unit_amount"], item["interval"]) == ("4", "4900", "month")
    assert third == {"items": None}


def test_a_renewal_is_no_change_of_items(vendor: Any, objects: Any, pages: Any, rows: Rows) -> None:
    """Since periods stand on the items, these are named whenever one begins."""
    was, now = objects.item(), objects.item(current_period_start=objects.START + 31 * 86_400)
    more = objects.item(quantity=13)
    vendor.lists["events"] = [
        objects.event(
            UPDATED, objects.subscription(items=[item]), objects.START + n,
            previous_attributes={"items": {"object": "list", "data": [was]}},
        )
        for n, item in enumerate((now, more))
    ]  # fmt: skip
    (change,) = rows(pages("subscription_changes", Window(None, UNTIL)), SubscriptionChange)
    assert [item["quantity"] for item in change["before"]["items"]] == ["12"]
    assert [item["quantity"] for item in change["after"]] == ["13"]
