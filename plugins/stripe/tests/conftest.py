"""A Stripe that answers from lists in memory, and a source that talks to it without waiting."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
import respx

from cs_sync import Page, Rejection, Stream, Window
from cs_sync.http import ManualClock, VendorHttp
from cs_sync_schemas import Record
from cs_sync_stripe.source import StripeConfig, StripeSource

KEY = "_".join(("rk", "live", "51NotARealKey"))
BASE = "https://api.stripe.com"

Json = dict[str, Any]


class FakeStripe:
    """Lists by name, newest first; nested lists by their path; `requests` in order.

    `before` is called with every request before it is answered.
    """

    def __init__(self, router: respx.MockRouter) -> None:
        self.router = router
        self.lists: dict[str, list[Json]] = {}
        self.gone: dict[str, Json] = {}
        self.requests: list[httpx.Request] = []
        self.before: Callable[[httpx.Request], None] = lambda _request: None
        self.page_size = 100
        router.route(method="GET", path__regex=r"^/v1/").mock(side_effect=self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.before(request)
        name, _, rest = request.url.path.removeprefix("/v1/").partition("/")
        if rest and request.url.path not in self.lists:
            return self._one(name, rest)
        return self._page(self.lists.get(request.url.path, self.lists.get(name, [])), request)

    def calls(self, path: str) -> list[httpx.QueryParams]:
        return [r.url.params for r in self.requests if r.url.path == path]

    def _one(self, name: str, id: str) -> httpx.Response:
        if id in self.gone:
            return httpx.Response(200, json=self.gone[id])
        for row in self.lists.get(name, []):
            if row["id"] == id:
                return httpx.Response(200, json=deepcopy(row))
        return _missing(404, id, "id")

    def _page(self, rows: list[Json], request: httpx.Request) -> httpx.Response:
        params = request.url.params
        rows = [row for row in rows if _fits(row, params)]
        ids, after = [row.get("id") for row in rows], params.get("starting_after")
        if after is not None and after not in ids:
            return _missing(400, after, "starting_after")
        start = 0 if after is None else ids.index(after) + 1
        end = start + min(self.page_size, int(params.get("limit", 10)))
        body = {"object": "list", "data": rows[start:end], "has_more": end < len(rows)}
        return httpx.Response(200, json=deepcopy(body))


def _missing(status: int, id: str, param: str) -> httpx.Response:
    error = {"code": "resource_missing", "message": f"No such thing: '{id}'", "param": param}
    return httpx.Response(status, json={"error": {**error, "type": "invalid_request_error"}})


def _fits(row: Json, params: httpx.QueryParams) -> bool:
    created = row.get("created", 0)
    if "created[gte]" in params and created < int(params["created[gte]"]):
        return False
    if "created[lt]" in params and created >= int(params["created[lt]"]):
        return False
    types = [value for key, value in params.multi_items() if re.match(r"types\[", key)]
    return not types or row.get("type") in types


@pytest.fixture
def router() -> Iterator[respx.MockRouter]:
    """Every request must be expected, none leaves this machine."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
def vendor(router: respx.MockRouter) -> FakeStripe:
    return FakeStripe(router)


@pytest.fixture
def make_source() -> Iterator[Callable[..., StripeSource]]:
    clients: list[VendorHttp] = []

    def make(**settings: Any) -> StripeSource:
        clock = ManualClock()
        client = VendorHttp("stripe", now=clock.now, sleep=clock.sleep, rng=lambda: 0.0)
        clients.append(client)
        return StripeSource(StripeConfig.model_validate({"api_key": KEY, **settings}), client)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def source(make_source: Callable[..., StripeSource]) -> StripeSource:
    return make_source()


@pytest.fixture
def pages(source: StripeSource) -> Callable[[str, Window], list[Page]]:
    """All pages of a window of one stream."""

    def read(name: str, window: Window) -> list[Page]:
        streams: dict[str, Stream] = {stream.name: stream for stream in source.streams()}
        return list(streams[name].read(window))

    return read


@pytest.fixture
def rows() -> Callable[[list[Page], type[Record]], list[Json]]:
    """The rows of one kind on all pages."""

    def of(pages: list[Page], record: type[Record]) -> list[Json]:
        return [dict(row) for page in pages for row in page.records.get(record, ())]

    return of


@pytest.fixture
def rejections() -> Callable[[list[Page]], list[Rejection]]:
    return lambda pages: [rejection for page in pages for rejection in page.rejected]


@pytest.fixture
def objects() -> "Objects":
    return Objects()


class Objects:
    """Objects as the pinned version shows them, with invented values."""

    START = 1_767_225_600  # 2026-01-01T00:00:00Z

    def price(self, id: str = "price_pro", **more: Any) -> Json:
        return {
            "id": id, "object": "price", "active": True, "billing_scheme": "per_unit",
            "currency": "eur", "product": "prod_pro", "type": "recurring",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
            "tiers_mode": None, "transform_quantity": None,
            "unit_amount": 4900, "unit_amount_decimal": "4900", **more,
        }  # fmt: skip

    def coupon(self, id: str = "LAUNCH20", **more: Any) -> Json:
        return {
            "id": id, "object": "coupon", "percent_off": 20.0, "amount_off": None,
            "currency": None, "duration": "forever", "duration_in_months": None,
            "name": "Launch", **more,
        }  # fmt: skip

    def discount(self, id: str = "di_1", coupon: Any = "LAUNCH20", **more: Any) -> Json:
        return {
            "id": id, "object": "discount", "source": {"type": "coupon", "coupon": coupon},
            "start": self.START, "end": None, "subscription": "sub_1",
            "subscription_item": None, "customer": "cus_1", **more,
        }  # fmt: skip

    def item(self, id: str = "si_1", **more: Any) -> Json:
        return {
            "id": id, "object": "subscription_item", "subscription": "sub_1",
            "created": self.START, "quantity": 12, "current_period_start": self.START,
            "current_period_end": self.START + 31 * 86_400, "discounts": [], "tax_rates": [],
            "price": self.price(), **more,
        }  # fmt: skip

    def subscription(self, id: str = "sub_1", items: list[Json] | None = None, **more: Any) -> Json:
        return {
            "id": id, "object": "subscription", "status": "active", "customer": "cus_1",
            "currency": "eur", "created": self.START, "start_date": self.START,
            "cancel_at": None, "cancel_at_period_end": False, "canceled_at": None,
            "ended_at": None, "trial_start": None, "trial_end": None, "pause_collection": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "discounts": [], "livemode": True,
            "items": {
                "object": "list", "has_more": False,
                "data": [self.item()] if items is None else items,
            }, **more,
        }  # fmt: skip

    def line(self, id: str = "il_1", **more: Any) -> Json:
        return {
            "id": id, "object": "line_item", "amount": 58800, "currency": "eur", "quantity": 12,
            "period": {"start": self.START, "end": self.START + 31 * 86_400},
            "pricing": {
                "type": "price_details", "unit_amount_decimal": "4900",
                "price_details": {"price": "price_pro", "product": "prod_pro"},
            },
            "parent": {
                "type": "subscription_item_details",
                "subscription_item_details": {
                    "subscription": "sub_1", "subscription_item": "si_1", "proration": False,
                },
            },
            "discount_amounts": [], **more,
        }  # fmt: skip

    def invoice(self, id: str = "in_1", lines: list[Json] | None = None, **more: Any) -> Json:
        return {
            "id": id, "object": "invoice", "number": "AC-0007", "status": "paid",
            "customer": "cus_1", "currency": "eur", "created": self.START,
            "period_start": self.START, "period_end": self.START, "total": 47040,
            "amount_due": 47040, "amount_paid": 47040, "amount_remaining": 0, "attempt_count": 1,
            "due_date": None, "livemode": True,
            "status_transitions": {
                "finalized_at": self.START + 3600, "paid_at": self.START + 3610,
            },
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": "sub_1"},
            },
            "lines": {
                "object": "list", "has_more": False,
                "data": [self.line()] if lines is None else lines,
            }, **more,
        }  # fmt: skip

    def customer(self, id: str = "cus_1", **more: Any) -> Json:
        return {
            "id": id, "object": "customer", "created": self.START, "currency": "eur",
            "email": "billing@acme.example", "name": "Acme GmbH", "discount": None,
            "metadata": {"account_id": "42", "plan": "pro"}, "livemode": True, **more,
        }  # fmt: skip

    def event(self, type: str, subject: Json, created: int | None = None, **data: Any) -> Json:
        at = self.START if created is None else created
        return {
            "id": f"evt_{type}_{subject['id']}_{at}", "object": "event", "type": type,
            "created": at, "api_version": "2022-08-01", "data": {"object": subject, **data},
        }  # fmt: skip
