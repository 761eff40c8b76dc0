"""Stripe's lists, cursors, filters, expansion, limits and refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette

from cs_sync_sandbox import World, keys


def every(stripe: Any, name: str, **params: Any) -> list[dict[str, Any]]:
    """Return all rows of a list, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        body = stripe.get(f"/{name}", limit=100, **params).json()
        rows += body["data"]
        if not body["has_more"]:
            return rows
        params["starting_after"] = body["data"][-1]["id"]


def test_lists_are_newest_first_and_complete(stripe: Any, world: World) -> None:
    invoices = every(stripe, "invoices")
    assert len(invoices) == len(world.invoices)
    assert len({i["id"] for i in invoices}) == len(invoices)
    created = [i["created"] for i in invoices]
    assert created == sorted(created, reverse=True)


def test_ending_before_pages_backwards(stripe: Any) -> None:
    first = stripe.get("/customers", limit=5).json()["data"]
    back = stripe.get("/customers", limit=2, ending_before=first[4]["id"]).json()
    assert [c["id"] for c in back["data"]] == [c["id"] for c in first[2:4]]
    assert back["has_more"]


def test_created_windows_split_a_list(stripe: Any, world: World) -> None:
    middle = int((world.now - timedelta(days=300)).timestamp())
    older = every(stripe, "customers", **{"created[lt]": middle})
    newer = every(stripe, "customers", **{"created[gte]": middle})
    assert older
    assert newer
    assert len(older) + len(newer) == len(every(stripe, "customers"))


def test_canceled_subscriptions_are_hidden_by_default(stripe: Any, world: World) -> None:
    shown = every(stripe, "subscriptions")
    assert {s["status"] for s in shown} >= {"active", "trialing", "past_due"}
    assert all(s["status"] != "canceled" for s in shown)
    assert len(every(stripe, "subscriptions", status="all")) == len(world.subscriptions)
    assert all(s["ended_at"] for s in every(stripe, "subscriptions", status="canceled"))


def test_only_ten_items_are_embedded(stripe: Any) -> None:
    many = [s for s in every(stripe, "subscriptions", status="all") if s["items"]["has_more"]]
    assert many
    assert len(many[0]["items"]["data"]) == 10
    rest = stripe.get("/subscription_items", subscription=many[0]["id"], limit=100).json()
    assert len(rest["data"]) > 10
    assert not rest["has_more"]


@pytest.mark.slow("builds a world")
def test_only_ten_lines_are_embedded(stripe: Any) -> None:
    long = next(i for i in every(stripe, "invoices") if i["lines"]["has_more"])
    lines = stripe.get(f"/invoices/{long['id']}/lines", limit=100).json()["data"]
    assert len(lines) > 10
    assert sum(line["amount"] for line in lines) == long["subtotal"]


def test_what_needs_expansion_is_absent_or_an_id_without(stripe: Any) -> None:
    assert all("tiers" not in p for p in every(stripe, "prices"))
    tiered = [p for p in every(stripe, "prices", **{"expand[]": "data.tiers"}) if p["tiers"]]
    assert [t["up_to"] for t in tiered[0]["tiers"]] == [10, 50, None]
    coupons = every(stripe, "coupons", **{"expand[]": "data.applies_to"})
    assert {c["id"] for c in coupons if "applies_to" in c} == {"TEAM25"}
    plain = every(stripe, "subscriptions", status="all")
    assert all(isinstance(d, str) for s in plain for d in s["discounts"])
    paths = ["data.discounts", "data.items.data.discounts"]
    full = every(stripe, "subscriptions", status="all", **{"expand[]": paths})
    actual = [d for s in full for d in s["discounts"]]
    actual += [d for s in full for item in s["items"]["data"] for d in item["discounts"]]
    assert actual
    assert all(d["source"]["coupon"] for d in actual)


@pytest.mark.parametrize(
    ("path", "params", "words"),
    [
        ("/customers", {"updated": 1}, "unknown parameter: updated"),
        ("/customers", {"limit": 101}, "between 1 and 100"),
        ("/customers", {"starting_after": "cus_x"}, "No such customer"),
        ("/prices", {"expand[]": "data.colour"}, "cannot be expanded"),
        ("/subscriptions", {"expand[]": "data.items.data.price.tiers"}, "more than 4 levels"),
        ("/events", {"types[]": ["a"] * 21}, "up to 20 event types"),
        ("/subscription_items", {}, "Missing required param"),
    ],
)
def test_a_wrong_request_is_a_400_that_says_why(
    stripe: Any, path: str, params: dict[str, Any], words: str
) -> None:
    answer = stripe.get(path, **params)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_a_deleted_customer_is_not_listed_but_leaves_a_trace(stripe: Any, world: World) -> None:
    gone = next(c for c in world.companies if c.stripe_deleted_at)
    id_ = f"cus_{gone.number:04d}"
    assert id_ not in {c["id"] for c in every(stripe, "customers")}
    assert stripe.get(f"/customers/{id_}").json() == {
        "id": id_,
        "object": "customer",
        "deleted": True,
    }
    assert stripe.get("/customers/cus_nobody").status_code == 404


def test_events_are_of_the_last_30_days_and_in_an_old_shape(stripe: Any, world: World) -> None:
    events = every(stripe, "events")
    since = (world.now - timedelta(days=30)).timestamp()
    assert len(events) > 60
    assert all(since <= e["created"] < world.now.timestamp() for e in events)
    assert {e["api_version"] for e in events} == {"2022-08-01"}
    updated = every(stripe, "events", **{"types[]": ["customer.subscription.updated"]})
    assert updated
    assert all("current_period_end" in e["data"]["object"] for e in updated)
    assert {e["type"] for e in events} >= {
        "customer.created",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "invoice.paid",
    }


def test_events_grow_old_as_time_passes(stripe: Any, clock: Any) -> None:
    before = len(every(stripe, "events"))
    clock.pass_time(10 * 86400)
    assert 0 < len(every(stripe, "events")) < before


def test_invoices_name_their_subscription_only_where_it_stands_now(stripe: Any) -> None:
    invoices = every(stripe, "invoices")
    cycle = next(i for i in invoices if i["billing_reason"] != "manual")
    assert "subscription" not in cycle
    assert cycle["parent"]["subscription_details"]["subscription"].startswith("sub_")
    manual = next(i for i in invoices if i["billing_reason"] == "manual")
    assert manual["parent"] is None


def test_keys_are_checked_and_may_lack_a_permission(
    app: Starlette, call: Callable[..., Any]
) -> None:
    assert call(app, "/stripe/v1", "sk_test_wrong").get("/customers").status_code == 401
    narrow = call(app, "/stripe/v1", keys.STRIPE_NARROW_KEY)
    assert narrow.get("/customers").status_code == 200
    refused = narrow.get("/invoices")
    assert refused.status_code == 403
    assert "rak_invoice_read" in refused.json()["error"]["message"]
    assert refused.headers["request-id"].startswith("req_")


def test_more_than_25_requests_a_second_are_refused(
    limited_app: Starlette, call: Callable[..., Any], clock: Any
) -> None:
    stripe = call(limited_app, "/stripe/v1", keys.STRIPE_KEY)
    answers = [stripe.get("/coupons") for _ in range(26)]
    assert [a.status_code for a in answers] == [200] * 25 + [429]
    assert answers[-1].json()["error"]["code"] == "rate_limit"
    assert answers[-1].headers["stripe-rate-limited-reason"] == "global-rate"
    clock.pass_time(1)
    assert stripe.get("/coupons").status_code == 200
