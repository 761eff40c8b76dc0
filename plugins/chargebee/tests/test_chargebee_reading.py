"""What Chargebee answers, in its own shapes, becomes records; its parameters are the documented."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from cs_sync import Page, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_chargebee import cs_sync_sources
from cs_sync_schemas import Discount, Product, SourceAccount, Subscription, SubscriptionItem

UNTIL = datetime(2026, 11, 20, 9, tzinfo=UTC)
ALL = Window(None, UNTIL)
CHANGED = Window(datetime(2026, 11, 19, 8, tzinfo=UTC), UNTIL, backfill=False)
SITE = "https://acme-test.chargebee.com"

CUSTOMER = {
    "id": "__test__8as", "first_name": "Ana", "last_name": "Lopez", "company": "Acme GmbH",
    "email": "billing@acme.example", "created_at": 1767225600, "updated_at": 1767225700,
    "deleted": False, "meta_data": {"account_id": "42"}, "object": "customer",
}  # fmt: skip
SUBSCRIPTION = {
    "id": "sub1", "customer_id": "__test__8as", "currency_code": "EUR", "status": "active",
    "billing_period": 1, "billing_period_unit": "month", "start_date": 1767225600,
    "created_at": 1767225000, "updated_at": 1767226000, "deleted": False, "mrr": 17100,
    "object": "subscription", "due_invoices_count": 0,
    "subscription_items": [
        {
            "item_price_id": "pro-EUR-monthly", "item_type": "plan", "quantity": 10,
            "unit_price": 1900, "amount": 19000, "free_quantity": 0, "object": "subscription_item",
        },
        {"item_price_id": "setup-EUR", "item_type": "charge", "unit_price": 5000},
    ],
    "coupons": [{"coupon_id": "TEN", "applied_count": 3, "apply_till": 1798761600}],
}  # fmt: skip
PRICE = {
    "id": "pro-EUR-monthly", "item_id": "pro", "pricing_model": "per_unit", "price": 1900,
    "period": 1, "period_unit": "month", "currency_code": "EUR", "object": "item_price",
}  # fmt: skip
COUPON = {
    "id": "TEN", "name": "Launch", "discount_type": "percentage", "discount_percentage": 10.0,
    "duration_type": "limited_period", "apply_on": "invoice_amount", "object": "coupon",
}  # fmt: skip

Read = Callable[..., list[Page]]


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def read(requests: list[httpx.Request]) -> Read:
    """Read a stream of a Chargebee that has these objects, by the names of its lists."""

    def read_stream(name: str, window: Window = ALL, **lists: list[Any]) -> list[Page]:
        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            path = request.url.path.removeprefix("/api/v2/")
            return httpx.Response(200, json={"list": [{path[:-1]: o} for o in lists[path]]})

        clock, client = ManualClock(), httpx.Client(transport=httpx.MockTransport(answer))
        [kind] = cs_sync_sources()
        http = VendorHttp("chargebee", now=clock.now, sleep=clock.sleep, client=client)
        settings = {"base_url": f"{SITE}/", "api_key": "-".join("abcdef")}
        source = kind(kind.Config.model_validate(settings), http)
        [stream] = [stream for stream in source.streams() if stream.name == name]
        return list(stream.read(window))

    return read_stream


def read_subscription(read: Read, price: Any = PRICE, coupon: Any = COUPON, **fields: Any) -> Page:
    subscription = {**SUBSCRIPTION, **fields}
    [page] = read(
        "subscriptions", subscriptions=[subscription], item_prices=[price], coupons=[coupon]
    )
    return page


def only_row(page: Page, record: Any) -> dict[str, Any]:
    [row] = page.records[record]
    return {name: value for name, value in row.items() if name != "raw" and value is not None}


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_a_customer(read: Read, requests: list[httpx.Request]) -> None:
    [page] = read("customers", CHANGED, customers=[CUSTOMER, {"id": "x", "deleted": True}])
    assert only_row(page, SourceAccount) == {
        "source_id": "__test__8as", "name": "Acme GmbH", "email": "billing@acme.example",
        "attributes": {"account_id": "42"}, "created_at": at(1767225600),
        "updated_at": at(1767225700), "url": f"{SITE}/d/customers/__test__8as",
    }  # fmt: skip
    assert page.deleted == {SourceAccount: ["x"]}
    assert dict(requests[0].url.params) == {
        "include_deleted": "true", "sort_by[asc]": "updated_at", "limit": "100",
        "updated_at[after]": "1795075200",
    }  # fmt: skip


def test_a_person_is_named_where_there_is_no_company(read: Read) -> None:
    person = {**CUSTOMER, "company": None, "last_name": None}
    [page] = read("customers", customers=[person])
    assert only_row(page, SourceAccount)["name"] == "Ana"


def test_an_item_is_a_product(read: Read) -> None:
    item = {"id": "pro", "name": "pro", "external_name": "Pro", "status": "archived"}
    [page] = read("items", items=[item])
    expected = {"source_id": "pro", "name": "Pro", "is_active": False}
    assert only_row(page, Product) == expected


def test_a_subscription_with_its_item_and_coupon(read: Read) -> None:
    page = read_subscription(read)
    assert only_row(page, Subscription) == {
        "source_id": "sub1", "account_source_id": "__test__8as", "status": "active",
        "started_at": at(1767225600), "currency": "EUR", "updated_at": at(1767226000),
        "url": f"{SITE}/d/subscriptions/sub1",
    }  # fmt: skip
    assert only_row(page, SubscriptionItem) == {
        "source_id": "sub1:pro-EUR-monthly", "subscription_source_id": "sub1",
        "valid_from": at(1767225600), "product": "pro", "price": "pro-EUR-monthly",
        "unit_amount": Decimal(1900), "quantity": Decimal(10), "interval": "month",
        "interval_count": 1, "usage_type": "licensed", "is_snapshot": True,
    }  # fmt: skip
    assert only_row(page, Discount) == {
        "source_id": "sub1:TEN", "subscription_source_id": "sub1", "name": "Launch",
        "percent_off": 10.0, "duration": "repeating", "starts_at": at(1767225600),
        "ends_at": at(1798761600),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "ours"),
    [
        ({"status": "in_trial"}, {"status": "trialing"}),
        ({"due_invoices_count": 1}, {"status": "past_due"}),
        (
            {"status": "non_renewing", "cancelled_at": 5, "cancel_schedule_created_at": 4},
            {"status": "active", "cancel_at": at(5), "canceled_at": at(4)},
        ),
        (
            {"status": "cancelled", "cancelled_at": 5, "cancel_reason": "not_paid"},
            {"status": "canceled", "ended_at": at(5), "canceled_at": at(5),
             "cancel_reason": "not_paid"},
        ),
        ({"status": "paused", "pause_date": 6}, {"status": "paused", "paused_at": at(6)}),
    ],
)  # fmt: skip
def test_the_state_of_a_subscription(read: Read, fields: Any, ours: Any) -> None:
    row = only_row(read_subscription(read, **fields), Subscription)
    names = {"status", "cancel_at", "canceled_at", "ended_at", "cancel_reason", "paused_at"}
    assert {name: row[name] for name in names & row.keys()} == ours


@pytest.mark.parametrize(
    ("price", "coupon", "code"),
    [
        ({"id": "other"}, COUPON, "price_missing"),
        ({**PRICE, "pricing_model": "package"}, COUPON, "pricing_model"),
        ({**PRICE, "pricing_model": "tiered"}, COUPON, "tiers_missing"),
        (PRICE, {**COUPON, "discount_type": "offer_quantity"}, "discount_terms"),
        (PRICE, {**COUPON, "id": "other"}, "discount_terms"),
    ],
)
def test_what_is_not_understood_is_rejected_and_the_rest_stays(
    read: Read, price: Any, coupon: Any, code: str
) -> None:
    page = read_subscription(read, price, coupon)
    [rejection] = page.rejected
    assert (rejection.code, len(page.records[Subscription])) == (code, 1)


def test_a_coupon_that_goes_by_criteria_is_rejected(read: Read) -> None:
    rule = {"item_type": "plan", "constraint": "criteria"}
    coupon = {**COUPON, "apply_on": "each_specified_item", "item_constraints": [rule]}
    [rejection] = read_subscription(read, coupon=coupon).rejected
    assert "goes by criteria" in rejection.reason
