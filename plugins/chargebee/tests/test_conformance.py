"""The connector keeps the host's promises: the conformance kit against a Chargebee in memory."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync.testing import SourceConformance, SyncHarness, VendorFake, compute_mrr
from cs_sync_chargebee import cs_sync_sources

pytestmark = pytest.mark.slow("syncs Chargebee for each promise")

KEY = "_".join(("live", "notARealKey"))
CREDENTIAL = httpx.BasicAuth(KEY, "")._auth_header
Item = dict[str, Any]


class ChargebeeVendor(VendorFake):
    """Lists by time of change; an offset is the last entry's time and id."""

    (connector,) = cs_sync_sources()
    free_text = ("company", "name")
    vital = ("id", "next_offset")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        names = ("items", "customers", "subscriptions", "item_prices", "coupons")
        self.lists: dict[str, dict[str, Item]] = {name: {} for name in names}
        for number in range(10):
            for name in names:
                self._put(name, timedelta(days=20 - number))

    def settings(self) -> Mapping[str, Any]:
        return {"base_url": "https://acme-test.chargebee.com", "api_key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != CREDENTIAL:
            body = {"message": "no", "api_error_code": "api_authentication_failed"}
            return httpx.Response(401, json=body)
        query, name = request.url.params, request.url.path.split("/")[-1]
        since, after = int(query.get("updated_at[after]", 0)), query.get("offset", "")
        shown = query.get("include_deleted") == "true"
        matching = sorted(
            (f"{item['updated_at']}|{item['id']}", item)
            for item in self.lists[name].values()
            if item["updated_at"] > since and (shown or not item.get("deleted"))
        )
        matching = [each for each in matching if each[0] > after]
        page = matching[: min(self.page_size, int(query["limit"]))]
        answer: Item = {"list": [{name[:-1]: item} for _, item in page]}
        if len(page) < len(matching):
            answer["next_offset"] = page[-1][0]
        return httpx.Response(200, json=answer)

    def add(self, stream: str) -> str:
        return str(self._put(stream)["id"])

    def edit(self, stream: str) -> str:
        changed = {"items": {"name": "Renamed"}, "customers": {"company": "Renamed"}}
        fields = changed.get(stream, {"cancel_reason": "not_paid"})
        return str(self._put(stream, id="1001", **fields)["id"])

    def delete(self, stream: str) -> str:
        if stream == "items":
            return str(self.lists["items"].pop("1002")["id"])
        return str(self._put(stream, id="1002", deleted=True)["id"])

    def remove_child(self, stream: str) -> str | None:
        if stream != "subscriptions":
            return None
        self._put(stream, id="1003", coupons=[])
        return "1003:1001"

    def _put(self, name: str, ago: timedelta = timedelta(0), /, **fields: Any) -> Item:
        items = self.lists[name]
        id = fields.setdefault("id", str(1000 + len(items)))
        at = int((self.now() - ago).astimezone(UTC).timestamp())
        first = items.get(id) or {"created_at": at, **getattr(self, f"_make_{name}")(id)}
        items[id] = {**first, **fields, "updated_at": at}
        return items[id]

    def _make_items(self, id: str) -> Item:
        return {"name": f"Item {id}", "status": "active"}

    def _make_customers(self, id: str) -> Item:
        return {"company": f"C {id}", "email": f"c@c{id}.example", "deleted": False}

    def _make_item_prices(self, id: str) -> Item:
        price = {"item_id": id, "pricing_model": "per_unit", "price": 1900}
        return {**price, "period": 1, "period_unit": "month", "currency_code": "EUR"}

    def _make_coupons(self, id: str) -> Item:
        discount = {"discount_type": "percentage", "discount_percentage": 10.0}
        return {"name": f"Off {id}", **discount, "duration_type": "forever", **INVOICE}

    def _make_subscriptions(self, id: str) -> Item:
        item = {"item_price_id": "1000", "item_type": "plan", "quantity": 3, "unit_price": 1900}
        state = {"status": "active", "currency_code": "EUR", "customer_id": id, "deleted": False}
        held = {"subscription_items": [{**item, "amount": 5700}]}
        return {**state, **held, "coupons": [{"coupon_id": "1001", "applied_count": 1}]}


INVOICE = {"apply_on": "invoice_amount"}


class TestChargebee(SourceConformance):
    vendor = ChargebeeVendor


JANUARY = 1767225600
SEPTEMBER = 1788220800
TIERS = [
    {"starting_unit": 1, "ending_unit": 10, "price": 1000},
    {"starting_unit": 11, "ending_unit": None, "price": 800},
]
STAIRS = [
    {"starting_unit": 1, "ending_unit": 20, "price": 5000},
    {"starting_unit": 21, "ending_unit": 50, "price": 9000},
    {"starting_unit": 51, "price": 15000},
]
PRICES: dict[str, Item] = {
    "flat": {"pricing_model": "flat_fee"},
    "seat": {"pricing_model": "per_unit"},
    "seat-yearly": {"pricing_model": "per_unit", "period_unit": "year"},
    "tiered-quarterly": {"pricing_model": "tiered", "period": 3, "tiers": TIERS},
    "volume": {"pricing_model": "volume", "tiers": TIERS},
    "stairs": {"pricing_model": "stairstep", "tiers": STAIRS},
    "weekly": {"pricing_model": "flat_fee", "period_unit": "week"},
}
COUPONS: dict[str, Item] = {
    "TEN": {"discount_type": "percentage", "discount_percentage": 10, **INVOICE},
    "FIFTY": {
        "discount_type": "fixed_amount", "discount_amount": 5000, "currency_code": "EUR", **INVOICE,
    },
    "ADDONS": {
        "discount_type": "percentage", "discount_percentage": 50,
        "apply_on": "each_specified_item",
        "item_constraints": [
            {"item_type": "plan", "constraint": "none"},
            {"item_type": "addon", "constraint": "specific", "item_price_ids": ["seat"]},
        ],
    },
    "FIRST": {
        "discount_type": "percentage", "discount_percentage": 100, "duration_type": "one_time",
        **INVOICE,
    },
}  # fmt: skip


def flat(amount: int, **fields: Any) -> Item:
    return {"item_price_id": "flat", "item_type": "plan", "unit_price": amount, **fields}


def seats(count: int, price: int, id: str = "seat", **fields: Any) -> Item:
    item = {"item_price_id": id, "item_type": "addon", "quantity": count, "unit_price": price}
    return {**item, **fields}


BOOK: dict[str, tuple[int, list[Item], Item]] = {
    # 99.00 a month
    "flat": (9900, [flat(9900)], {}),
    # 12 seats, of which 2 are free: 10 × 190.00 a year ÷ 12 = 158.33
    "yearly": (15833, [seats(12, 19000, "seat-yearly", free_quantity=2)], {}),
    # 10 × 10.00 + 15 × 8.00 = 220.00 each quarter ÷ 3 = 73.33
    "tiered": (7333, [{"item_price_id": "tiered-quarterly", "quantity": 25}], {}),
    # all 25 at 8.00
    "volume": (20000, [{"item_price_id": "volume", "quantity": 25}], {}),
    # 25 are on the second stair
    "stairs": (9000, [{"item_price_id": "stairs", "quantity": 25}], {}),
    # 25 are on the subscription's own first stair
    "own-stairs": (
        4000,
        [{"item_price_id": "stairs", "quantity": 25}],
        {"item_tiers": [{"item_price_id": "stairs", "starting_unit": 1, "price": 4000}]},
    ),
    # 30.00 a week × 52 ÷ 12
    "weekly": (13000, [flat(3000, item_price_id="weekly")], {}),
    # (100.00 + 3 × 10.00) less 10 %; what is charged once does not count
    "ten": (
        11700,
        [flat(10000), seats(3, 1000), flat(50000, item_type="charge")],
        {"coupons": [{"coupon_id": "TEN"}]},
    ),
    "fifty": (5000, [flat(10000)], {"coupons": [{"coupon_id": "FIFTY"}]}),
    # 100.00 + half of 3 × 10.00
    "addons": (11500, [flat(10000), seats(3, 1000)], {"coupons": [{"coupon_id": "ADDONS"}]}),
    "first": (9900, [flat(9900)], {"coupons": [{"coupon_id": "FIRST"}]}),
    # it held until September
    "expired": (10000, [flat(10000)], {"coupons": [{"coupon_id": "TEN", "apply_till": SEPTEMBER}]}),
    # given by hand: 20.00 off the invoice
    "given": (
        8000,
        [flat(10000)],
        {
            "discounts": [
                {
                    "id": "d1", "type": "fixed_amount", "amount": 2000, "currency_code": "EUR",
                    "duration_type": "forever", "created_at": JANUARY, **INVOICE,
                }
            ]
        },
    ),
    # 1200.5 × 0.0375 = 45.01875
    "decimals": (
        4502,
        [seats(1200, 4, quantity_in_decimal="1200.5", unit_price_in_decimal="0.0375")],
        {},
    ),
    "yen": (1500, [flat(1500)], {"currency_code": "JPY"}),
    "unpaid": (9900, [flat(9900)], {"due_invoices_count": 2}),
    "not-renewing": (9900, [flat(9900)], {"status": "non_renewing", "cancelled_at": 1798761600}),
    "cancelled": (0, [flat(9900)], {"status": "cancelled", "cancelled_at": SEPTEMBER}),
    "trial": (0, [flat(9900)], {
        "status": "in_trial", "trial_start": JANUARY, "trial_end": 1798761600,
    }),
}  # fmt: skip


class BookVendor(ChargebeeVendor):
    """A company with one subscription for each way to charge."""

    page_size = 100

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        for own in self.lists.values():
            own.clear()
        for id, price in PRICES.items():
            self._put("item_prices", id=id, **price)
        for id, coupon in COUPONS.items():
            self.lists["coupons"][id] = {"id": id, "updated_at": 1, **FOREVER, **coupon}
        for id, (_, items, fields) in BOOK.items():
            held = {"subscription_items": items, "started_at": JANUARY, "coupons": [], **fields}
            self._put("customers", id=id)
            self._put("subscriptions", id=id, created_at=JANUARY, **held)


FOREVER = {"duration_type": "forever"}


def test_mrr_is_that_of_the_hand_worked_book(tmp_path: Path) -> None:
    months = compute_mrr(SyncHarness(BookVendor, tmp_path), since="2026-10-01", until="2026-11-01")
    assert months == {id: cents for id, (cents, _, _) in BOOK.items() if cents}
