"""P10–P23: how other tools lose what Stripe holds, or time."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from cs_sync.contracts.http import Limit
from cs_sync.http import ManualClock, VendorHttp
from cs_sync.sync.result import derive_run_status
from cs_sync.testing import SyncHarness
from cs_sync.testing.fault_transport import FaultTransport
from cs_sync_hubspot.config import HubSpotConfig
from cs_sync_posthog.config import PostHogConfig
from cs_sync_schemas import (
    Discount,
    Invoice,
    InvoiceLine,
    Product,
    Subscription,
    SubscriptionItem,
)
from cs_sync_stripe import api
from cs_sync_stripe.source import StripeConfig, StripeSource
from cs_sync_zendesk.config import ZendeskConfig
from tests.known_failures.benches import ago, living, stored, unix
from tests.known_failures.books import (
    Books,
    invoice,
    item,
    line,
    listed,
    price,
    product,
    stripe,
    subscription,
)

SUBSCRIPTIONS, INVOICES, PRODUCTS = ["subscriptions"], ["invoices"], ["products"]
UPDATED = "customer.subscription.updated"

Reads = tuple[SyncHarness, Books]


@pytest.fixture
def reads(tmp_path: Path) -> Iterator[Reads]:
    with stripe(tmp_path) as actual:
        yield actual


def test_p10_a_missing_permission_is_partial_and_never_an_empty_stream(reads: Reads) -> None:
    bench, books = reads
    books.put("products", **product("prod_1", ago(bench, days=3)))
    books.put("subscriptions", **subscription("sub_1", ago(bench, days=3)))
    bench.sync()
    bench.advance_clock(minutes=60)
    books.refused = {"/v1/subscriptions": 403, "/v1/events": 403}
    run = bench.sync(full=True)
    assert run.status == "partial"
    assert run.outcomes["products"].status == "ok"
    assert run.outcomes["subscriptions"].status == "failed"
    assert "rak_subscription_read" in run.problems()
    assert living(bench, Subscription) == ["sub_1"], "what was read before is not buried"


@pytest.mark.parametrize("status", [400, 404])
def test_p10_no_refusal_of_a_list_is_ignored(reads: Reads, status: int) -> None:
    bench, books = reads
    books.refused = {"/v1/products": status}
    assert bench.sync(only=PRODUCTS).outcomes["products"].status == "failed"


def test_p11_a_cancellation_is_seen_although_lists_filter_by_creation(reads: Reads) -> None:
    bench, books = reads
    books.put("subscriptions", **subscription("sub_1", ago(bench, days=300)))
    bench.sync(only=SUBSCRIPTIONS)
    bench.advance_clock(minutes=60)
    now = bench.clock.now()
    books.put("subscriptions", id="sub_1", status="canceled", ended_at=unix(now))
    books.tell("customer.subscription.deleted", "sub_1", now)
    bench.advance_clock(minutes=1)
    bench.sync(only=SUBSCRIPTIONS)
    row = stored(bench, Subscription)["sub_1"]
    assert (row["status"], row["ended_at"]) == ("canceled", now)


def test_p12_what_an_event_carries_is_never_stored(reads: Reads) -> None:
    """It is rendered at the account's version: here the invoice has lost its subscription."""
    bench, books = reads
    parent = {"subscription_details": {"subscription": "sub_1"}}
    books.put("invoices", **invoice("in_1", ago(bench, days=3), [line("il_1")], parent=parent))
    bench.sync(only=INVOICES)
    bench.advance_clock(minutes=60)
    books.put("invoices", id="in_1", status="void")
    stale = {"status": "open", "subscription": None, "parent": None, "total": 1}
    books.tell("invoice.voided", "in_1", bench.clock.now(), **stale)
    bench.advance_clock(minutes=1)
    bench.sync(only=INVOICES)
    row = stored(bench, Invoice)["in_1"]
    assert (row["status"], row["total"]) == ("void", 4900)
    assert row["subscription_source_id"] == "sub_1"
    versions = {request.headers["stripe-version"] for request in books.requests}
    assert versions == {api.VERSION}


@pytest.mark.parametrize(
    "shape", [{"source": {"type": "coupon", "coupon": "HALF"}}, {"coupon": {"id": "HALF"}}]
)
def test_p12_both_shapes_of_a_discount_are_read(reads: Reads, shape: dict[str, Any]) -> None:
    bench, books = reads
    books.put("coupons", id="HALF", name="Half", percent_off=50.0, duration="forever")
    discount = {"id": "di_1", "start": unix(ago(bench, days=2)), "end": None, **shape}
    made = subscription("sub_1", ago(bench, days=3), discounts=[discount])
    books.put("subscriptions", **made)
    assert bench.sync(only=SUBSCRIPTIONS).status == "ok"
    assert stored(bench, Discount)["di_1"]["percent_off"] == 50


def test_p13_what_is_expanded_in_a_list_is_expanded_after_an_event(reads: Reads) -> None:
    """A Stripe that gives ids where nothing was asked to be expanded, as the real one does."""
    bench, books = reads
    books.put("coupons", id="HALF", name="Half", percent_off=50.0, duration="forever")
    tiers = [{"up_to": None, "unit_amount": 700, "flat_amount": None}]
    tiered = price("price_t", billing_scheme="tiered", unit_amount=None, tiers_mode="volume")
    books.put("prices", **tiered, tiers=tiers)
    discount = {"id": "di_1", "start": unix(ago(bench, days=2)), "end": None, "source": None}
    discount["source"] = {"type": "coupon", "coupon": "HALF"}
    items = listed([item("si_1", price=tiered, created=unix(ago(bench, days=3)))])
    whole = subscription("sub_1", ago(bench, days=3), items=items, discounts=[discount])
    books.put("subscriptions", **whole)

    def unexpanded(exchange: Any) -> httpx.Response:
        asked = [v for k, v in exchange.request.url.params.multi_items() if k.startswith("expand")]
        at_all = {name.removeprefix("data.") for name in asked}
        given = whole if "discounts" in at_all else {**whole, "discounts": ["di_1"]}
        books.put("subscriptions", **given)
        response: httpx.Response = exchange.answer()
        return response

    bench.sync(unexpanded, only=SUBSCRIPTIONS)
    before = bench.rows()
    assert stored(bench, SubscriptionItem)["si_1"]["tiers"]["tiers"][0]["unit_amount"] == 700
    bench.advance_clock(minutes=60)
    books.tell(UPDATED, "sub_1", bench.clock.now(), discounts=["di_1"])
    bench.advance_clock(minutes=1)
    assert bench.sync(unexpanded, only=SUBSCRIPTIONS).status == "ok"
    assert bench.rows() == before


def test_p14_a_gap_longer_than_events_are_kept_means_a_full_scan_that_is_announced(
    reads: Reads,
) -> None:
    bench, books = reads
    books.put("products", **product("prod_1", ago(bench, days=300)))
    books.put("products", **product("prod_2", ago(bench, days=200)))
    bench.sync(only=PRODUCTS)
    bench.advance_clock(minutes=60 * 24 * 25)
    short = bench.sync(only=PRODUCTS)
    assert not [event for event in short.events if event.name == "warning"]
    books.put("products", id="prod_1", name="Renamed, and its event is long gone")
    bench.advance_clock(minutes=60 * 24 * 27)
    run = bench.sync(only=PRODUCTS)
    assert stored(bench, Product)["prod_1"]["name"].startswith("Renamed")
    assert living(bench, Product) == ["prod_1", "prod_2"], "nothing older is overwritten"
    (warning,) = [event for event in run.events if event.name == "warning"]
    assert "all is read again" in warning.detail["message"]


def test_p15_a_deletion_is_a_tombstone_and_no_update(reads: Reads) -> None:
    bench, books = reads
    for name in ("prod_1", "prod_2"):
        books.put("products", **product(name, ago(bench, days=3)))
    bench.sync(only=PRODUCTS)
    bench.advance_clock(minutes=60)
    del books.objects["products"]["prod_1"]
    stub = {"id": "prod_2", "object": "product", "deleted": True}
    books.objects["products"]["prod_2"] = stub
    for name in ("prod_1", "prod_2"):
        books.tell("product.deleted", name, bench.clock.now(), name=name)
    bench.advance_clock(minutes=1)
    bench.sync(only=PRODUCTS)
    assert living(bench, Product) == []
    assert sorted(stored(bench, Product)) == ["prod_1", "prod_2"]


@pytest.mark.parametrize("days", [1, 40])
def test_p15_a_deletion_that_no_event_tells_is_learnt_from_a_full_read(
    reads: Reads, days: int
) -> None:
    """Asked for, or made because events are no longer kept: what exists, and nothing else."""
    bench, books = reads
    at = ago(bench, days=3)
    books.put("products", **{**product("prod_1", at), "active": False})
    books.put("products", **product("prod_2", at))
    ended = {"status": "canceled", "ended_at": unix(at)}
    books.put("subscriptions", **subscription("sub_ended", at, **ended))
    books.put("subscriptions", **subscription("sub_gone", at))
    for name in ("in_1", "in_2"):
        books.put("invoices", **invoice(name, at, [line(f"il_{name}")]))
    bench.sync()
    assert stored(bench, SubscriptionItem)["si_sub_gone"]["valid_to"] is None
    bench.advance_clock(minutes=60)
    for kind, name in (("products", "prod_2"), ("subscriptions", "sub_gone"), ("invoices", "in_2")):
        del books.objects[kind][name]
    bench.advance_clock(minutes=60 * 24 * days)
    for full in (days == 1, False):
        assert bench.sync(full=full).status == "ok"
        assert living(bench, Product) == ["prod_1"], "archived, and there"
        assert living(bench, Subscription) == ["sub_ended"]
        assert stored(bench, SubscriptionItem)["si_sub_gone"]["valid_to"] is not None
        assert (living(bench, Invoice), living(bench, InvoiceLine)) == (["in_1"], ["il_in_1"])
        bench.advance_clock(minutes=60)


def test_p16_canceled_subscriptions_are_in_the_first_read(reads: Reads) -> None:
    bench, books = reads
    ended = unix(ago(bench, days=100))
    gone = subscription("sub_gone", ago(bench, days=300), status="canceled", ended_at=ended)
    books.put("subscriptions", **gone)
    books.put("subscriptions", **subscription("sub_here", ago(bench, days=200)))
    bench.sync(only=SUBSCRIPTIONS)
    actual = {name: row["status"] for name, row in stored(bench, Subscription).items()}
    assert actual == {"sub_gone": "canceled", "sub_here": "active"}


def test_p17_more_than_ten_lines_and_items_are_read_in_order_and_only_where_needed(
    reads: Reads,
) -> None:
    bench, books = reads
    at = ago(bench, days=3)
    lines = [line(f"il_{number:03}", number) for number in range(130)]
    books.put("invoices", **invoice("in_long", at, lines))
    books.put("invoices", **invoice("in_short", at, lines[:1]))
    books.nested["/v1/invoices/in_long/lines"] = lines
    items = [item(f"si_{number:02}", created=unix(at)) for number in range(12)]
    books.put("subscriptions", **subscription("sub_1", at, items=listed(items)))
    books.nested["/v1/subscription_items"] = items
    assert bench.sync(only=[*INVOICES, *SUBSCRIPTIONS]).status == "ok"
    rows = stored(bench, InvoiceLine)
    assert {name: row["amount"] for name, row in rows.items()} == {
        **{f"il_{number:03}": number for number in range(130)},
        "il_000": 0,
    }
    assert len(living(bench, SubscriptionItem)) == 12
    asked = [path for path in books.paths() if path.endswith("/lines")]
    assert asked == ["/v1/invoices/in_long/lines"] * 2, "two pages of one invoice, no other call"


def test_p18_a_child_that_vanished_is_a_tombstone_and_no_crash(reads: Reads) -> None:
    bench, books = reads
    at = ago(bench, days=3)
    lines = [line(f"il_{number:02}") for number in range(12)]
    books.put("invoices", **invoice("in_1", at, lines))
    books.put("invoices", **invoice("in_2", at, [line("il_other")]))
    books.nested["/v1/invoices/in_1/lines"] = lines
    bench.sync(only=INVOICES)
    bench.advance_clock(minutes=60)
    del books.nested["/v1/invoices/in_1/lines"]  # deleted between the object and its lines
    books.tell("invoice.updated", "in_1", bench.clock.now())
    books.put("invoices", id="in_2", lines=listed([]))
    books.tell("invoice.updated", "in_2", bench.clock.now())
    bench.advance_clock(minutes=1)
    assert bench.sync(only=INVOICES).status == "ok"
    assert living(bench, Invoice) == ["in_2"]
    assert living(bench, InvoiceLine) == []


def test_p19_no_call_names_more_than_twenty_types(reads: Reads) -> None:
    """The fake refuses such a call with 400, as Stripe does."""
    bench, books = reads
    bench.sync()
    bench.advance_clock(minutes=60)
    assert bench.sync().status == "ok"
    asked = [r for r in books.requests if r.url.path == "/v1/events"]
    assert len(asked) == len(bench.streams) + 1, "changes are told by events from the first run"
    endpoints = [value for value in vars(api).values() if isinstance(value, api.Endpoint)]
    assert max(len(endpoint.events) for endpoint in endpoints) <= 20


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_p20_of_two_events_of_one_second_neither_wins(reads: Reads, order: Any) -> None:
    bench, books = reads
    books.put("subscriptions", **subscription("sub_1", ago(bench, days=30)))
    bench.sync(only=SUBSCRIPTIONS)
    bench.advance_clock(minutes=60)
    books.put("subscriptions", id="sub_1", status="past_due")
    for place in order:
        status = ("active", "past_due")[place]
        books.tell(UPDATED, "sub_1", bench.clock.now(), status=status)
    bench.advance_clock(minutes=1)
    bench.sync(only=SUBSCRIPTIONS)
    assert stored(bench, Subscription)["sub_1"]["status"] == "past_due"


class Crowd(FaultTransport):
    """Answers the first request for products, and then nobody until as many are under way as
    Stripe lets run.
    """

    def __init__(self, books: Books, now: Callable[[], datetime]) -> None:
        super().__init__(books, now)
        self.numbers, self.met = count(), threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/products" and (number := next(self.numbers)):
            if number == StripeSource.concurrency:
                self.met.set()
            # A busy machine lets in one reader after another.
            assert self.met.wait(120), f"only {number} requests are under way"
        return self.vendor_answers(request)


def test_p21_a_first_read_runs_as_wide_as_the_vendor_allows(reads: Reads) -> None:
    """How fast that is, `make bench` measures."""
    bench, books = reads
    for number in range(120):
        books.put("products", **product(f"prod_{number}", ago(bench, days=1 + number * 20)))
    bench.wire = crowd = Crowd(books, bench.clock.now)
    assert bench.sync(side_by_side=True).problems() == ""
    assert crowd.met.is_set()
    assert len(living(bench, Product)) == 120


@pytest.mark.parametrize("config", [StripeConfig, HubSpotConfig, ZendeskConfig, PostHogConfig])
def test_p22_there_is_no_setting_of_workers(config: type[BaseModel]) -> None:
    words = ("worker", "concurren", "thread", "parallel", "rate", "limit")
    assert not [name for name in config.model_fields for word in words if word in name]


def test_p22_a_surprise_429_halves_the_pace_and_good_answers_win_it_back() -> None:
    """A vendor that allows 5 a second where 10 are published is found out, and kept to."""
    clock, taken, refusals = ManualClock(), list[float](), list[int]()

    def answer(request: httpx.Request) -> httpx.Response:
        now = clock.now().timestamp()
        if sum(at > now - 1 for at in taken) >= 5:
            refusals.append(len(taken))
            return httpx.Response(429)
        taken.append(now)
        return httpx.Response(200, json={})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    vendor_http = VendorHttp(
        "v", [Limit(10, 1.0)], now=clock.now, sleep=clock.sleep, rng=lambda: 0.5, client=client
    ).at("https://v.example")
    began = clock.now()
    for _ in range(200):
        vendor_http.get("/x")
    seconds = (clock.now() - began).total_seconds()
    assert len(taken) == 200, "nothing is lost"
    assert seconds < 2 * 200 / 5, "and it is not half as slow as it could be"
    assert len(refusals) < 200 / 5


def test_p23_a_run_is_ok_only_if_every_stream_is(reads: Reads) -> None:
    """One stream is throttled for good: it fails by name, its cursor stays, the rest goes on."""
    bench, books = reads
    books.put("products", **product("prod_1", ago(bench, days=3)))
    bench.sync()
    before = set(bench.read_positions())
    bench.advance_clock(minutes=60)

    def throttled(exchange: Any) -> httpx.Response:
        if exchange.sent.stream == "products":
            return httpx.Response(429, headers={"Retry-After": "86400"})
        response: httpx.Response = exchange.answer()
        return response

    run = bench.sync(throttled)
    statuses = {name: outcome.status for name, outcome in run.outcomes.items()}
    assert statuses == dict.fromkeys(statuses, "ok") | {"products": "failed"}
    assert derive_run_status(run.outcomes.values()) == "partial"
    stayed = before & set(bench.read_positions())
    assert {stream for stream, partition, *_ in stayed if partition == "''"} == {"'products'"}
