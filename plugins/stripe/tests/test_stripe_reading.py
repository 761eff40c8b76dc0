"""Reading Stripe: paging, expansion, nested lists, the feed of events, refusals."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
import respx

from cs_sync import (
    CredentialRefused,
    Page,
    PermissionMissing,
    RequestRefused,
    Unreachable,
    Window,
)
from cs_sync.http import VendorHttp
from cs_sync_schemas import Discount, Invoice, InvoiceLine, SourceAccount, Subscription
from cs_sync_schemas import SubscriptionItem as Item
from cs_sync_stripe import api, cs_sync_sources
from cs_sync_stripe.source import StripeConfig, StripeSource
from cs_sync_stripe.transport import StripeApi

Json = dict[str, Any]
Pages = Callable[[str, Window], list[Page]]
Rows = Callable[[list[Page], Any], list[Json]]

BASE = "https://api.stripe.com"
UNTIL = datetime(2026, 11, 20, tzinfo=UTC)
BACKFILL = Window(None, UNTIL)
CHANGES = Window(datetime(2026, 1, 1, tzinfo=UTC), UNTIL, backfill=False)


def test_the_hook_offers_the_source() -> None:
    assert cs_sync_sources() == [StripeSource]


def test_lists_are_read_to_their_end_and_resume_after_the_last_object(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    vendor.page_size = 2
    vendor.lists["customers"] = [objects.customer(f"cus_{n}") for n in range(5)]
    actual = pages("customers", BACKFILL)
    at = {"created": objects.START, "gone": None}
    assert [page.resume for page in actual] == [
        {"after": "cus_1", **at}, {"after": "cus_3", **at}, None,
    ]  # fmt: skip
    assert [row["source_id"] for row in rows(actual, SourceAccount)] == [
        "cus_0", "cus_1", "cus_2", "cus_3", "cus_4",
    ]  # fmt: skip
    rest = pages("customers", Window(None, UNTIL, resume=actual[1].resume))
    assert [row["source_id"] for row in rows(rest, SourceAccount)] == ["cus_4"]


def test_windows_are_half_open_in_whole_seconds(vendor: Any, pages: Pages) -> None:
    since = datetime(2026, 1, 1, 0, 0, 0, 700_000, tzinfo=UTC)
    pages("products", Window(since, since + timedelta(seconds=10)))
    (params,) = vendor.calls("/v1/products")
    assert (params["created[gte]"], params["created[lt]"]) == ("1767225600", "1767225610")
    assert params["limit"] == "100"


@pytest.mark.parametrize("name", ["products", "customers", "subscriptions", "invoices", "refunds"])
def test_a_backfill_is_narrowed_by_nothing_but_time(vendor: Any, pages: Pages, name: str) -> None:
    """What it does not show is taken for gone."""
    pages(name, BACKFILL)
    (params,) = vendor.calls(f"/v1/{name}")
    others = {key: value for key, value in params.items() if not key.startswith("expand")}
    assert others.pop("status", "all") == "all"
    assert others == {"limit": "100", "created[lt]": str(int(UNTIL.timestamp()))}


def test_subscriptions_ask_for_all_of_them_with_their_discounts(
    vendor: Any, objects: Any, pages: Pages
) -> None:
    pages("subscriptions", BACKFILL)
    (params,) = vendor.calls("/v1/subscriptions")
    assert params["status"] == "all"
    expand = [v for k, v in params.multi_items() if k.startswith("expand")]
    assert expand == ["data.discounts", "data.items.data.discounts"]
    assert all(path.count(".") <= 3 for path in expand), "Stripe expands four levels"


def test_every_request_names_version_key_and_account(
    vendor: Any, make_source: Callable[..., StripeSource]
) -> None:
    source = make_source(stripe_account="acct_7")
    list(source.streams()[0].read(BACKFILL))
    (request,) = vendor.requests
    assert request.headers["stripe-version"] == api.VERSION
    assert request.headers["authorization"].startswith("Bearer rk_live_")
    assert request.headers["stripe-account"] == "acct_7"


def test_single_objects_are_read_by_the_sdk_with_the_same_version_and_key(
    vendor: Any, objects: Any, pages: Pages
) -> None:
    vendor.lists["customers"] = [objects.customer()]
    vendor.lists["events"] = [objects.event("customer.updated", {"id": "cus_1"})]
    pages("customers", CHANGES)
    listed, single = vendor.requests
    assert "x-stripe-client-user-agent" in single.headers
    assert "x-stripe-client-user-agent" not in listed.headers
    for name in ("stripe-version", "authorization", "accept"):
        assert single.headers[name] == listed.headers[name]


def test_the_sdk_gets_body_status_and_headers_as_answered(router: respx.MockRouter) -> None:
    body = '{"id": "cus_1", "object": "customer", "name": "Zo\u00eb \u20ac"}'
    router.get("/v1/customers/cus_1").respond(
        200, text=body, headers={"content-type": "application/json", "request-id": "req_5"}
    )
    with VendorHttp("stripe") as http:
        api = StripeApi(http.at(BASE), "rk_x", BASE, None)
        sdk_response = api._client.raw_request("get", "/v1/customers/cus_1")
        assert api.get("/v1/customers/cus_1") == orjson.loads(body)
    assert (sdk_response.body, sdk_response.code) == (body, 200)
    assert sdk_response.request_id == "req_5"
    assert sdk_response.data == orjson.loads(body)


def test_items_beyond_the_embedded_ten_are_read(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    items = [objects.item(f"si_{n}") for n in range(12)]
    raw = objects.subscription(items=items[:10])
    raw["items"]["has_more"] = True
    vendor.lists["subscriptions"] = [raw, objects.subscription("sub_2", items=[])]
    vendor.lists["subscription_items"] = items
    actual = pages("subscriptions", BACKFILL)
    assert [row["source_id"] for row in rows(actual, Item)] == [i["id"] for i in items]
    assert [row["source_id"] for row in rows(actual, Subscription)] == ["sub_1", "sub_2"]
    (params,) = vendor.calls("/v1/subscription_items")
    assert (params["subscription"], params["expand[0]"]) == ("sub_1", "data.discounts")


def test_lines_beyond_the_embedded_ten_are_read_and_a_vanished_draft_is_gone(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    lines = [objects.line(f"il_{n}") for n in range(11)]
    kept, draft = objects.invoice("in_1", lines=lines[:10]), objects.invoice("in_2", lines=[])
    kept["lines"]["has_more"] = draft["lines"]["has_more"] = True
    vendor.lists["invoices"] = [kept, draft]
    vendor.lists["/v1/invoices/in_1/lines"] = lines
    vendor.lists["prices"] = [objects.price()]
    (page,) = pages("invoices", BACKFILL)
    assert len(rows([page], InvoiceLine)) == 11
    assert [row["source_id"] for row in rows([page], Invoice)] == ["in_1"]
    assert page.deleted == {Invoice: ["in_2"]}


def test_prices_and_coupons_are_read_once_for_a_backfill(
    vendor: Any, objects: Any, pages: Pages
) -> None:
    vendor.lists["prices"] = [objects.price()]
    vendor.lists["invoices"] = [objects.invoice(f"in_{n}") for n in range(3)]
    pages("invoices", BACKFILL)
    assert len(vendor.calls("/v1/prices")) == 1
    assert not vendor.calls("/v1/prices/price_pro")


def test_changes_are_re_read_as_a_backfill_shows_them(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    vendor.lists["coupons"] = [objects.coupon()]
    vendor.lists["subscriptions"] = [objects.subscription(discounts=[objects.discount()])]
    old = {"id": "sub_1", "object": "subscription", "plan": {}, "status": "trialing"}
    vendor.lists["events"] = [
        objects.event("customer.subscription.updated", old, objects.START + 60),
        objects.event("customer.subscription.updated", old, objects.START + 60),
        objects.event("customer.subscription.created", old),
    ]
    whole, changed = pages("subscriptions", BACKFILL), pages("subscriptions", CHANGES)
    for record in (Subscription, Item, Discount):
        assert rows(changed, record) == rows(whole, record) != []
    (params,) = vendor.calls("/v1/subscriptions/sub_1")
    assert [v for k, v in params.multi_items()] == ["discounts", "items.data.discounts"]


def test_an_item_changed_when_the_event_says(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    vendor.lists["subscriptions"] = [objects.subscription()]
    subject = {"id": "sub_1"}
    vendor.lists["events"] = [
        objects.event(
            "customer.subscription.updated", subject, objects.START + 90,
            previous_attributes={"cancel_at_period_end": False},
        ),
        objects.event(
            "customer.subscription.updated", subject, objects.START + 60,
            previous_attributes={"items": {"data": []}},
        ),
    ]  # fmt: skip
    (item,) = rows(pages("subscriptions", CHANGES), Item)
    assert item["updated_at"] == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def test_event_pages_resume_and_read_an_object_once(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    vendor.page_size = 1
    vendor.lists["customers"] = [objects.customer("cus_1"), objects.customer("cus_2")]
    events = [
        objects.event("customer.updated", {"id": id}, objects.START + at)
        for at, id in ((9, "cus_1"), (8, "cus_2"), (7, "cus_1"))
    ]
    vendor.lists["events"] = events
    actual = pages("customers", CHANGES)
    assert [page.resume for page in actual] == [
        *({"after": e["id"], "created": e["created"], "gone": None} for e in events[:2]), None,
    ]  # fmt: skip
    assert [len(rows([page], SourceAccount)) for page in actual] == [1, 1, 0]


def test_what_is_gone_is_deleted_whether_by_404_or_by_its_stub(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    vendor.gone["cus_1"] = {"id": "cus_1", "object": "customer", "deleted": True}
    vendor.lists["events"] = [
        objects.event("customer.deleted", {"id": "cus_1"}),
        objects.event("customer.updated", {"id": "cus_9"}),
    ]
    (page,) = pages("customers", CHANGES)
    assert page.deleted == {SourceAccount: ["cus_1", "cus_9"]}
    assert not rows([page], SourceAccount)


def test_a_canceled_subscription_is_no_deleted_one(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    canceled = objects.subscription(status="canceled", ended_at=objects.START + 5)
    vendor.lists["subscriptions"] = [canceled]
    vendor.lists["events"] = [objects.event("customer.subscription.deleted", {"id": "sub_1"})]
    (page,) = pages("subscriptions", CHANGES)
    assert rows([page], Subscription)[0]["status"] == "canceled"
    assert not page.deleted


def test_the_end_of_a_discount_is_told_by_the_stream_that_owns_it(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    vendor.lists["coupons"] = [objects.coupon()]
    vendor.lists["customers"] = [objects.customer()]
    vendor.lists["subscriptions"] = [objects.subscription()]
    vendor.lists["events"] = [
        objects.event("customer.discount.deleted", objects.discount(), objects.START + 86_400)
    ]
    (ended,) = rows(pages("subscriptions", CHANGES), Discount)
    assert ended["ends_at"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert not rows(pages("customers", CHANGES), Discount)


def test_a_payment_points_to_its_invoice(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    vendor.lists["prices"] = [objects.price()]
    vendor.lists["invoices"] = [objects.invoice()]
    payment = {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1"}
    vendor.lists["events"] = [objects.event("invoice_payment.paid", payment)]
    assert rows(pages("invoices", CHANGES), Invoice)[0]["source_id"] == "in_1"


@pytest.mark.parametrize(
    "endpoint", [api.PRODUCTS, api.CUSTOMERS, api.SUBSCRIPTIONS, api.INVOICES, api.REFUNDS]
)
def test_no_call_asks_for_more_event_types_than_stripe_takes(endpoint: api.Endpoint) -> None:
    assert 0 < len(endpoint.events) <= 20


def test_a_bad_object_does_not_spoil_its_page(
    vendor: Any, objects: Any, pages: Pages, rows: Rows, rejections: Any
) -> None:
    vendor.lists["customers"] = [objects.customer(), {"object": "customer"}, {"id": "cus_3",
                                 "metadata": "half"}]  # fmt: skip
    actual = pages("customers", BACKFILL)
    assert [row["source_id"] for row in rows(actual, SourceAccount)] == ["cus_1"]
    assert [(r.source_id, r.code) for r in rejections(actual)] == [
        (None, "missing_id"), ("cus_3", "malformed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "error", "kind", "words"),
    [
        (401, {"message": "Invalid API Key provided: rk_live_****lKey"}, CredentialRefused,
         "api_key"),
        (403, {"message": "The provided key lacks it. Having the 'rak_invoice_read' permission"
               " would allow this request to continue."}, PermissionMissing, "rak_invoice_read"),
        (400, {"message": "Invalid integer: x", "param": "limit"}, RequestRefused, "limit"),
    ],
)  # fmt: skip
def test_refusals_name_what_to_do(
    router: respx.MockRouter, pages: Pages, status: int, error: Json, kind: Any, words: str
) -> None:
    router.get("/v1/products").respond(
        status, json={"error": error}, headers={"request-id": "req_5"}
    )
    with pytest.raises(kind) as caught:
        pages("products", BACKFILL)
    assert words in str(caught.value)
    assert caught.value.request_id == "req_5"


@pytest.mark.parametrize("code", ["rate_limit", "lock_timeout"])
def test_too_many_requests_are_sent_again(
    router: respx.MockRouter, pages: Pages, code: str
) -> None:
    refusal = httpx.Response(429, json={"error": {"code": code}}, headers={"retry-after": "2"})
    page = httpx.Response(200, json={"object": "list", "data": [], "has_more": False})
    route = router.get("/v1/products").mock(side_effect=[refusal, page])
    assert len(pages("products", BACKFILL)) == 1
    assert route.call_count == 2


def test_a_list_that_promises_more_but_names_nothing_is_an_error(
    router: respx.MockRouter, pages: Pages
) -> None:
    router.get("/v1/products").respond(200, json={"data": [], "has_more": True})
    with pytest.raises(Unreachable, match="promises more"):
        pages("products", BACKFILL)


def test_a_page_that_is_no_json_is_an_error(router: respx.MockRouter, pages: Pages) -> None:
    router.get("/v1/products").respond(200, html="<html>Sign in to the proxy</html>")
    with pytest.raises(Unreachable, match="JSON"):
        pages("products", BACKFILL)


def test_the_key_shows_nowhere(
    router: respx.MockRouter, source: StripeSource, pages: Pages
) -> None:
    key = "_".join(("rk", "live", "51NotARealKey"))
    router.get("/v1/products").respond(401, json={"error": {"message": f"Wrong key {key}"}})
    with pytest.raises(CredentialRefused) as caught:
        pages("products", BACKFILL)
    config = StripeConfig.model_validate({"api_key": key})
    for text in (str(caught.value), repr(caught.value), str(caught.value.body), repr(source),
                 repr(config), str(config)):  # fmt: skip
        assert key not in text
    with pytest.raises(ValueError, match="unknown") as wrong:
        StripeConfig.model_validate({"api_key": key, "unknown": key})
    assert key not in str(wrong.value)


def test_check_names_the_missing_permission_and_goes_on(
    router: respx.MockRouter, source: StripeSource
) -> None:
    refusal = {"error": {"message": "Having the 'rak_invoice_read' permission would allow it."}}
    router.get("/v1/invoices").respond(403, json=refusal)
    router.get(path__regex="/v1/").respond(200, json={"data": [], "has_more": False})
    findings = {finding.subject: finding for finding in source.check()}
    assert not findings["invoices"].ok
    assert "Invoices: Read" in findings["invoices"].remedy
    assert [name for name, finding in findings.items() if finding.ok] == [
        "products", "customers", "subscriptions", "refunds", "prices", "coupons", "events",
    ]  # fmt: skip


def test_check_ends_at_a_refused_key(router: respx.MockRouter, source: StripeSource) -> None:
    router.get(path__regex="/v1/").respond(401, json={"error": {"message": "Invalid API Key"}})
    (finding,) = source.check()
    assert (finding.ok, finding.subject) == (False, "api_key")


def test_an_event_that_cannot_be_understood_stops_no_other(
    vendor: Any, objects: Any, pages: Pages, rows: Rows, rejections: Any
) -> None:
    vendor.lists["customers"] = [objects.customer("cus_1")]
    good = objects.event("customer.updated", {"id": "cus_1"})
    odd = {**good, "data": {"object": None}, "id": "evt_odd"}
    vendor.lists["events"] = [odd, good]
    actual = pages("customers", Window(None, UNTIL, backfill=False))
    assert [row["source_id"] for row in rows(actual, SourceAccount)] == ["cus_1"]
    assert [rejection.code for rejection in rejections(actual)] == ["malformed"]


def test_a_nested_list_that_is_none_costs_its_object_only(
    vendor: Any, objects: Any, pages: Pages, rows: Rows, rejections: Any
) -> None:
    good, odd = objects.invoice("in_1"), objects.invoice("in_2")
    vendor.lists["invoices"] = [{**odd, "lines": ["what?"]}, {**odd, "lines": None}, good]
    actual = pages("invoices", BACKFILL)
    assert [row["source_id"] for row in rows(actual, Invoice)] == ["in_1"]
    assert [r.source_id for r in rejections(actual)] == ["in_2", "in_2"]


def test_a_price_that_is_no_object_costs_no_subscription(
    vendor: Any, objects: Any, pages: Pages, rows: Rows
) -> None:
    tiered = objects.price(billing_scheme="tiered")
    whole = {**tiered, "tiers_mode": "volume", "tiers": [{"up_to": None, "unit_amount": 5}]}
    vendor.lists["prices"] = [{"nothing": 1}, whole]
    vendor.lists["subscriptions"] = [objects.subscription(items=[objects.item(price=tiered)])]
    assert [row["source_id"] for row in rows(pages("subscriptions", BACKFILL), Item)] == ["si_1"]
