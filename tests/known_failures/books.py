"""Stripe in memory: objects by list, a feed of events, and only what a test put there."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from cs_sync.testing import SyncHarness
from cs_sync_stripe.source import StripeSource
from tests.known_failures.benches import Json, ago, bench_of, unix

SETTINGS = {"api_key": "_".join(("rk", "live", "notARealKey"))}
LISTS = ("products", "customers", "subscriptions", "invoices", "refunds", "prices", "coupons")


class Books:
    """Objects by list and id; `refused` are paths that answer with a status.

    Events before `kept_from` are forgotten.
    """

    def __init__(self, kept_from: Callable[[], datetime]) -> None:
        self.kept_from = kept_from
        self.objects: dict[str, dict[str, Json]] = {name: {} for name in LISTS}
        self.nested: dict[str, list[Json]] = {}
        self.events: list[Json] = []
        self.refused: dict[str, int] = {}
        self.requests: list[httpx.Request] = []

    def put(self, name: str, /, **fields: Any) -> str:
        """Add an object, or change it."""
        known = self.objects[name].get(fields["id"], {})
        self.objects[name][fields["id"]] = {**known, **fields}
        return str(fields["id"])

    def tell(self, kind: str, id_: str, at: datetime, /, **payload: Any) -> None:
        """An event about an object, whose payload need not be true."""
        number = len(self.events)
        subject = {"id": id_, **payload}
        event = {"id": f"evt_{number:04}", "type": kind, "created": unix(at)}
        self.events.insert(0, {**event, "data": {"object": subject}})

    def paths(self) -> list[str]:
        """What was asked for so far."""
        return [request.url.path for request in self.requests]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path, params = request.url.path, request.url.params
        types = [value for key, value in params.multi_items() if re.match(r"types\[", key)]
        for start, status in self.refused.items():
            if path.startswith(start):
                return _refusal(status, "You cannot do that: rak_subscription_read is missing")
        if len(types) > 20:
            return _refusal(400, "You may provide up to 20 types")
        if path in self.nested:
            return self._page(self.nested[path], params)
        _, name, *rest = path.removeprefix("/v1").split("/")
        if name == "events":
            kept = [event for event in self.events if event["created"] >= unix(self.kept_from())]
            return self._page([event for event in kept if event["type"] in types], params)
        if rest:
            actual = self.objects[name].get(rest[0]) if len(rest) == 1 else None
            if not actual:
                return _refusal(404, "No such object")
            return httpx.Response(200, json={"object": name, **actual})
        rows = list(self.objects.get(name, {}).values())
        if name == "subscriptions" and params.get("status") != "all":
            rows = [row for row in rows if row["status"] != "canceled"]
        rows.sort(key=lambda row: -row.get("created", 0))
        return self._page(rows, params)

    @staticmethod
    def _page(rows: list[Json], params: Mapping[str, str]) -> httpx.Response:
        least, before = int(params.get("created[gte]", 0)), int(params.get("created[lt]", 2**60))
        rows = [row for row in rows if least <= row.get("created", least) < before]
        ids, after = [row["id"] for row in rows], params.get("starting_after")
        if after is not None and after not in ids:
            return _refusal(400, f"No such object: '{after}'", param="starting_after")
        start = 0 if after is None else ids.index(after) + 1
        end = start + int(params.get("limit", 10))
        return httpx.Response(200, json={"data": rows[start:end], "has_more": end < len(rows)})


def _refusal(status: int, words: str, **more: str) -> httpx.Response:
    error = {"message": words, "type": "invalid_request_error", **more}
    return httpx.Response(status, json={"error": error})


@contextmanager
def stripe(folder: Path) -> Iterator[tuple[SyncHarness, Books]]:
    """A bench that reads empty books."""
    books = Books(lambda: ago(bench, days=30))
    with bench_of(folder, StripeSource, SETTINGS, books) as bench:
        yield bench, books


def listed(rows: list[Json], *, more: bool = False) -> Json:
    """A list as Stripe embeds it in an object."""
    return {"object": "list", "data": rows[:10], "has_more": more or len(rows) > 10}


def price(id_: str = "price_1", **more: Any) -> Json:
    """A price of 49.00 a month."""
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    fixed = {"currency": "eur", "product": "prod_1", "billing_scheme": "per_unit"}
    return {"id": id_, **fixed, "unit_amount": 4900, "recurring": recurring, **more}


def item(id_: str = "si_1", **more: Any) -> Json:
    """An item of one seat."""
    return {"id": id_, "created": 0, "quantity": 1, "discounts": [], "price": price(), **more}


def subscription(id_: str, created: datetime, **more: Any) -> Json:
    """An active subscription of one item."""
    at = unix(created)
    fixed = {"customer": "cus_1", "currency": "eur", "status": "active", "discounts": []}
    items = listed([item(f"si_{id_}", created=at)])
    return {"id": id_, "created": at, "start_date": at, "items": items, **fixed, **more}


def line(id_: str, amount: int = 4900) -> Json:
    """A line of an invoice."""
    return {"id": id_, "amount": amount, "currency": "eur", "period": {}, "quantity": 1}


def invoice(id_: str, created: datetime, lines: list[Json], **more: Any) -> Json:
    """A paid invoice."""
    amounts = dict.fromkeys(("total", "amount_due", "amount_paid"), 4900)
    fixed = {"customer": "cus_1", "currency": "eur", "status": "paid", "amount_remaining": 0}
    made = {"id": id_, "created": unix(created), "lines": listed(lines)}
    return {**made, **amounts, **fixed, **more}


def product(id_: str, created: datetime, **more: Any) -> Json:
    """A product."""
    return {"id": id_, "created": unix(created), "name": id_, "active": True, **more}
