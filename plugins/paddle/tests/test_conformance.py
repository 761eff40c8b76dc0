"""The connector keeps the host's promises: the conformance kit against a Paddle in memory."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync.testing import SourceConformance, SyncHarness, VendorFake, compute_mrr
from cs_sync_paddle import cs_sync_sources

pytestmark = pytest.mark.slow("syncs Paddle for each promise")

KEY = "_".join(("pdl", "live", "apikey", "notReal"))
Item = dict[str, Any]
NAMES = {"products": "pro", "customers": "ctm", "subscriptions": "sub", "discounts": "dsc"}


class PaddleVendor(VendorFake):
    """Lists by id; Paddle deletes nothing."""

    (connector,) = cs_sync_sources()
    free_text = ("name", "description")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.lists: dict[str, dict[str, Item]] = {name: {} for name in NAMES}
        for number in range(10):
            for name in NAMES:
                self._put(name, timedelta(days=20 - number))

    def settings(self) -> Mapping[str, Any]:
        return {"api_key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            error = {"type": "request_error", "code": "authentication_malformed", "detail": "no"}
            return httpx.Response(403, json={"error": error})
        query, after = request.url.params, request.url.params.get("after", "")
        ids = sorted(id for id in self.lists[request.url.path.strip("/")] if id > after)
        page = ids[: min(self.page_size, int(query["per_page"]))]
        shown = [self.lists[request.url.path.strip("/")][id] for id in page]
        following = request.url.copy_set_param("after", page[-1] if page else after)
        pagination = {"next": str(following), "has_more": len(page) < len(ids)}
        meta = {"request_id": "r-1", "pagination": {**pagination, "per_page": 200}}
        return httpx.Response(200, json={"data": shown, "meta": meta})

    def add(self, stream: str) -> str:
        return str(self._put(stream)["id"])

    def edit(self, stream: str) -> str:
        fields = {"paused_at": self._write(self.now())}
        changed = fields if stream == "subscriptions" else {"name": "Renamed"}
        return str(self._put(stream, id=f"{NAMES[stream]}_1001", **changed)["id"])

    def remove_child(self, stream: str) -> str | None:
        if stream != "subscriptions":
            return None
        self._put(stream, id="sub_1003", discount=None)
        return "sub_1003:dsc_1000"

    def _write(self, at: datetime) -> str:
        return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"

    def _put(self, name: str, ago: timedelta = timedelta(0), /, **fields: Any) -> Item:
        items = self.lists[name]
        id = fields.setdefault("id", f"{NAMES[name]}_{1000 + len(items)}")
        at = self._write(self.now() - ago)
        first = items.get(id) or {"created_at": at, **getattr(self, f"_make_{name}")(id)}
        items[id] = {**first, "updated_at": at, **fields}
        return items[id]

    def _make_products(self, id: str) -> Item:
        return {"name": f"Product {id}", "status": "active"}

    def _make_customers(self, id: str) -> Item:
        return {"name": f"C {id}", "email": f"{id}@c.example", "custom_data": {"account_id": id}}

    def _make_discounts(self, id: str) -> Item:
        terms = {"type": "percentage", "amount": "10", "recur": True, "currency_code": None}
        return {"description": f"Off {id}", **terms, "status": "active"}

    def _make_subscriptions(self, id: str) -> Item:
        discount = {"id": "dsc_1000", "starts_at": "2026-10-01T00:00:00Z", "ends_at": None}
        state = {"status": "active", "currency_code": "EUR", "discount": discount}
        people = {"customer_id": id.replace("sub", "ctm"), "started_at": START}
        return {**people, **state, "items": [item(1900, 3)]}


START = "2026-01-01T00:00:00Z"
SEPTEMBER = "2026-09-01T00:00:00Z"


def item(amount: int, quantity: int = 1, id: str = "pri_1", **price: Any) -> Item:
    cycle = {"interval": "month", "frequency": 1}
    money = {"amount": str(amount), "currency_code": "EUR"}
    given = {"id": id, "product_id": "pro_1000", "billing_cycle": cycle, "unit_price": money}
    about = {"status": "active", "recurring": True, "created_at": START, "quantity": quantity}
    return {**about, "price": {**given, **price}}


class TestPaddle(SourceConformance):
    vendor = PaddleVendor


def cycle(interval: str, frequency: int) -> Item:
    return {"billing_cycle": {"interval": interval, "frequency": frequency}}


def terms(kind: str, amount: str, **fields: Any) -> Item:
    currency = None if kind == "percentage" else "EUR"
    held = {"type": kind, "amount": amount, "recur": True, "currency_code": currency}
    return {**held, "maximum_recurring_intervals": None, "restrict_to": None, **fields}


DISCOUNTS: dict[str, Item] = {
    "dsc_ten": terms("percentage", "10"),
    "dsc_fifty": terms("flat", "5000"),
    "dsc_seat": terms("flat_per_seat", "100"),
    "dsc_only": terms("percentage", "50", restrict_to=["pri_2"]),
    "dsc_once": terms("percentage", "100", recur=False),
}


def less(id: str, **fields: Any) -> Item:
    return {"discount": {"id": id, "starts_at": START, "ends_at": None, **fields}}


POUNDS = {"unit_price": {"amount": "4200", "currency_code": "GBP"}, "country_codes": ["GB"]}
BOOK: dict[str, tuple[int, list[Item], Item]] = {
    # 99.00 a month
    "sub_flat": (9900, [item(9900)], {}),
    # 10 seats × 190.00 a year ÷ 12 = 158.33
    "sub_yearly": (15833, [item(19000, 10, **cycle("year", 1))], {}),
    # 220.00 each quarter ÷ 3 = 73.33
    "sub_quarterly": (7333, [item(22000, **cycle("month", 3))], {}),
    # 30.00 a week × 52 ÷ 12
    "sub_weekly": (13000, [item(3000, **cycle("week", 1))], {}),
    # 100.00 + 3 × 10.00; what does not recur, or is inactive, does not count
    "sub_items": (
        13000,
        [
            item(10000), item(1000, 3, "pri_2"), {**item(5000, 1, "pri_3"), "recurring": False},
            {**item(7000, 1, "pri_4"), "status": "inactive"},
        ],
        {},
    ),
    "sub_ten": (9000, [item(10000)], less("dsc_ten")),
    "sub_fifty": (5000, [item(10000)], less("dsc_fifty")),
    # 10 × (10.00 − 1.00)
    "sub_seat": (9000, [item(1000, 10)], less("dsc_seat")),
    # 100.00 + half of 3 × 10.00
    "sub_only": (11500, [item(10000), item(1000, 3, "pri_2")], less("dsc_only")),
    "sub_once": (9900, [item(9900)], less("dsc_once")),
    "sub_expired": (10000, [item(10000)], less("dsc_ten", ends_at=SEPTEMBER)),
    # the price for Great Britain, in pounds
    "sub_pounds": (
        4200, [item(4900, unit_price_overrides=[POUNDS])], {"currency_code": "GBP"},
    ),
    "sub_late": (9900, [item(9900)], {"status": "past_due"}),
    "sub_ending": (
        9900,
        [item(9900)],
        {"scheduled_change": {"action": "cancel", "effective_at": "2026-12-31T00:00:00Z"}},
    ),
    "sub_canceled": (0, [item(9900)], {"status": "canceled", "canceled_at": SEPTEMBER}),
    "sub_trial": (
        0,
        [{**item(9900), "trial_dates": {"starts_at": START, "ends_at": "2026-12-31T00:00:00Z"}}],
        {"status": "trialing"},
    ),
}  # fmt: skip


class BookVendor(PaddleVendor):
    """A company with one subscription for each way to charge."""

    page_size = 100

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        for own in self.lists.values():
            own.clear()
        for id, discount in DISCOUNTS.items():
            self._put("discounts", id=id, **discount)
        for id, (_, items, fields) in BOOK.items():
            held = {"items": items, "discount": None, "customer_id": id, **fields}
            self._put("customers", id=id, custom_data=None)
            self._put("subscriptions", id=id, created_at=START, **held)


def test_mrr_is_that_of_the_hand_worked_book(tmp_path: Path) -> None:
    months = compute_mrr(SyncHarness(BookVendor, tmp_path), since="2026-10-01", until="2026-11-01")
    assert months == {id: cents for id, (cents, _, _) in BOOK.items() if cents}
