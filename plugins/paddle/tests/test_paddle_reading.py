"""What Paddle answers, in its own shapes, becomes records; its parameters are the documented."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from cs_sync import Page, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_paddle import cs_sync_sources
from cs_sync_schemas import Discount, Product, SourceAccount, Subscription, SubscriptionItem

ALL = Window(None, datetime(2026, 11, 20, 9, tzinfo=UTC))
START = datetime(2026, 1, 1, tzinfo=UTC)
BEGUN = "2026-01-01T00:00:00.000Z"

CUSTOMER = {
    "id": "ctm_1", "status": "active", "custom_data": {"account_id": "42"}, "name": "Acme GmbH",
    "email": "billing@acme.example", "marketing_consent": False, "locale": "en",
    "created_at": BEGUN, "updated_at": BEGUN, "import_meta": None,
}  # fmt: skip
PRICE: dict[str, Any] = {
    "id": "pri_1", "product_id": "pro_1", "type": "standard", "description": "Monthly",
    "billing_cycle": {"interval": "month", "frequency": 1}, "trial_period": None,
    "tax_mode": "account_setting", "unit_price": {"amount": "1900", "currency_code": "EUR"},
    "unit_price_overrides": [], "status": "active",
}  # fmt: skip
ITEM = {
    "status": "active", "quantity": 10, "recurring": True, "created_at": BEGUN, "updated_at": BEGUN,
    "previously_billed_at": BEGUN, "next_billed_at": None, "trial_dates": None, "price": PRICE,
    "product": {"id": "pro_1", "name": "Pro"},
}  # fmt: skip
SUBSCRIPTION = {
    "id": "sub_1", "status": "active", "customer_id": "ctm_1", "address_id": "add_1",
    "business_id": None, "currency_code": "EUR", "created_at": BEGUN, "updated_at": BEGUN,
    "started_at": BEGUN, "first_billed_at": BEGUN, "next_billed_at": None, "paused_at": None,
    "canceled_at": None, "collection_mode": "automatic", "custom_data": None,
    "billing_cycle": {"interval": "month", "frequency": 1}, "scheduled_change": None,
    "discount": {"id": "dsc_1", "starts_at": BEGUN, "ends_at": None}, "items": [ITEM],
}  # fmt: skip
DISCOUNT = {
    "id": "dsc_1", "status": "archived", "description": "Launch", "code": "LAUNCH", "amount": "10",
    "type": "percentage", "currency_code": None, "recur": True, "maximum_recurring_intervals": 3,
    "restrict_to": None, "expires_at": None, "created_at": BEGUN, "updated_at": BEGUN,
}  # fmt: skip

Read = Callable[..., Page]


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def read(requests: list[httpx.Request]) -> Read:
    """Read a stream of a Paddle that has these objects, by the names of its lists."""

    def read_stream(name: str, **lists: list[Any]) -> Page:
        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            path = request.url.path.strip("/")
            pagination = {"per_page": 200, "next": "https://api.paddle.com/x", "has_more": False}
            meta = {"request_id": "r", "pagination": pagination}
            return httpx.Response(200, json={"data": lists[path], "meta": meta})

        clock, client = ManualClock(), httpx.Client(transport=httpx.MockTransport(answer))
        [kind] = cs_sync_sources()
        http = VendorHttp("paddle", now=clock.now, sleep=clock.sleep, client=client)
        source = kind(kind.Config.model_validate({"api_key": "-".join("abcdef")}), http)
        [stream] = [stream for stream in source.streams() if stream.name == name]
        [page] = stream.read(ALL)
        return page

    return read_stream


def read_subscription(read: Read, discount: Any = DISCOUNT, **fields: Any) -> Page:
    subscription = {**SUBSCRIPTION, **fields}
    return read("subscriptions", subscriptions=[subscription], discounts=[discount])


def only_row(page: Page, record: Any) -> dict[str, Any]:
    [row] = page.records[record]
    return {name: value for name, value in row.items() if name != "raw" and value is not None}


def test_a_customer(read: Read, requests: list[httpx.Request]) -> None:
    assert only_row(read("customers", customers=[CUSTOMER]), SourceAccount) == {
        "source_id": "ctm_1", "name": "Acme GmbH", "email": "billing@acme.example",
        "external_key": "42", "attributes": {"account_id": "42"},
        "created_at": START, "updated_at": START,
    }  # fmt: skip
    [request] = requests
    assert request.headers["paddle-version"] == "1"
    assert dict(request.url.params) == {
        "order_by": "id[ASC]", "status": "active,archived", "per_page": "200",
    }  # fmt: skip


def test_a_product(read: Read) -> None:
    page = read("products", products=[{"id": "pro_1", "name": "Pro", "status": "archived"}])
    assert only_row(page, Product) == {"source_id": "pro_1", "name": "Pro", "is_active": False}


def test_a_subscription_with_its_item_and_discount(read: Read) -> None:
    page = read_subscription(read)
    assert only_row(page, Subscription) == {
        "source_id": "sub_1", "account_source_id": "ctm_1", "status": "active",
        "started_at": START, "currency": "EUR", "updated_at": START,
    }  # fmt: skip
    item = only_row(page, SubscriptionItem)
    assert item.pop("valid_from") == BEGUN
    assert item == {
        "source_id": "sub_1:pri_1", "subscription_source_id": "sub_1", "product": "pro_1",
        "price": "pri_1", "unit_amount": Decimal(1900), "quantity": 10, "interval": "month",
        "interval_count": 1, "is_snapshot": True,
    }  # fmt: skip
    assert only_row(page, Discount) == {
        "source_id": "sub_1:dsc_1", "subscription_source_id": "sub_1", "name": "Launch",
        "percent_off": Decimal(10), "duration": "repeating", "starts_at": BEGUN,
    }  # fmt: skip


def test_a_planned_end_and_a_trial(read: Read) -> None:
    end = {"action": "cancel", "effective_at": "2026-12-01T00:00:00Z", "resume_at": None}
    trial = {"starts_at": BEGUN, "ends_at": "2026-02-01T00:00:00Z"}
    page = read_subscription(
        read, status="trialing", scheduled_change=end, items=[{**ITEM, "trial_dates": trial}]
    )
    row = only_row(page, Subscription)
    assert (row["status"], row["trial_start"], row["trial_end"], row["cancel_at"]) == (
        "trialing", START, datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC),
    )  # fmt: skip


def override(amount: str) -> dict[str, Any]:
    return {"country_codes": ["GB"], "unit_price": {"amount": amount, "currency_code": "GBP"}}


@pytest.mark.parametrize("overrides", [[], [override("1"), override("2")]])
def test_a_price_that_paddle_converts_is_rejected(read: Read, overrides: Any) -> None:
    price = {**PRICE, "unit_price_overrides": overrides}
    page = read_subscription(read, currency_code="GBP", items=[{**ITEM, "price": price}])
    [rejection] = page.rejected
    assert (rejection.source_id, rejection.code) == ("sub_1:pri_1", "price_currency")
    assert len(page.records[Subscription]) == 1


@pytest.mark.parametrize(
    ("discount", "code"),
    [
        ({**DISCOUNT, "id": "dsc_2"}, "discount_missing"),
        ({**DISCOUNT, "type": "gift"}, "discount_terms"),
        (
            {**DISCOUNT, "type": "flat", "amount": "100", "currency_code": "EUR",
             "restrict_to": ["pri_1", "pri_2"]},
            "discount_terms",
        ),
        ({**DISCOUNT, "type": "flat", "amount": "9.5"}, "bad_amount"),
    ],
)  # fmt: skip
def test_a_discount_that_is_not_understood_is_rejected(
    read: Read, discount: Any, code: str
) -> None:
    others = [{**ITEM, "price": {**PRICE, "id": f"pri_{n}", "product_id": "x"}} for n in (1, 2, 3)]
    [rejection] = read_subscription(read, discount, items=others).rejected
    assert rejection.code == code
