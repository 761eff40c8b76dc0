"""The connector keeps the host's promises: the conformance kit against the sandbox's Stripe."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from cs_sync.testing import SourceConformance, VendorFake, make_asgi_answer
from cs_sync_sandbox.keys import STRIPE_KEY
from cs_sync_sandbox.site import Site
from cs_sync_sandbox.stripe.books import get_customer_id
from cs_sync_sandbox.stripe.events import list_events
from cs_sync_sandbox.stripe.lists import Listing, make_listings
from cs_sync_sandbox.stripe.service import Stripe
from cs_sync_sandbox.world import World, build_world
from cs_sync_sandbox.world.records import Refund
from cs_sync_stripe.source import StripeSource

pytestmark = pytest.mark.slow("syncs the sandbox for each promise")

Json = dict[str, Any]
KINDS = {
    "products": "product",
    "customers": "customer",
    "subscriptions": "customer.subscription",
    "invoices": "invoice",
    "refunds": "refund",
}
"""Stream → how its events begin."""


@cache
def small_world() -> World:
    whole = build_world(7, date(2026, 11, 20), 8)
    companies = tuple(company for company in whole.companies if company.signed_up)
    paid = [invoice for invoice in whole.invoices if invoice.status == "paid"]
    invoices = (*paid[:9], *(i for i in whole.invoices if i.status == "open"))
    named = {id_ for invoice in invoices for line in invoice.lines for id_, _ in line.discounts}
    subscriptions = (
        *whole.subscriptions[:7],
        *(s for s in whole.subscriptions[7:] if named & {d.id for d in s.discounts}),
    )
    used = {item.price_id for subscription in subscriptions for item in subscription.items}
    used |= {line.price_id for invoice in invoices for line in invoice.lines}
    prices = tuple(price for price in whole.prices if price.id in used)
    refunds = tuple(
        Refund(n, bill.id, 100 + n, bill.currency, bill.created_at + timedelta(days=2))
        for n, bill in enumerate(paid[:7], start=1)
    )
    return replace(
        whole,
        companies=companies,
        products=whole.products,
        prices=prices,
        subscriptions=subscriptions,
        invoices=invoices,
        refunds=refunds,
    )


class ChangingStripe(Stripe):
    """The sandbox's Stripe, with books that may change and events that tell of it."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.events: list[Json] = []
        self.changes_of_lists = -1
        self._lists: dict[str, Listing] = {}

    @property
    def lists(self) -> dict[str, Listing]:
        """Made anew after every change, each of which is told by an event."""
        if self.changes_of_lists != len(self.events):
            self._lists = make_listings(self.books, [*self.events, *list_events(self.books)])
            self.changes_of_lists = len(self.events)
        return self._lists

    def add_event(self, stream: str, what: str, id_: str, previous: Json | None = None) -> str:
        """Put an event into the feed: it names the object, in an old version's shape."""
        at, kind = int(self.site.now().timestamp()), f"{KINDS[stream]}.{what}"
        data: Json = {"object": {"id": id_, "object": KINDS[stream].split(".")[-1]}}
        if previous:
            data["previous_attributes"] = previous
        name = f"evt_{at}{len(self.events):05d}_new"
        event = {"id": name, "object": "event", "type": kind, "created": at, "data": data}
        self.events.insert(0, event)
        return id_

    def app(self) -> Starlette:
        """Its paths under /stripe."""
        at = "/stripe/v1"
        paths = {
            f"{at}/subscription_items": self.items,
            f"{at}/invoices/{{id}}/lines": self.lines,
            f"{at}/{{name}}": self.list_page,
            f"{at}/{{name}}/{{id}}": self.retrieve,
        }
        return Starlette(routes=[Route(path, endpoint) for path, endpoint in paths.items()])


class StripeVendor(VendorFake):
    """The sandbox's lists, a few objects at a time."""

    connector = StripeSource

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.stripe = ChangingStripe(Site(small_world(), now))
        self.books = self.stripe.books
        for number in range(7):
            self.stripe.add_event("subscriptions", "updated", "sub_old", {"quantity": number})
        for event in self.stripe.events:
            event["created"] -= 86_400
        self._answers = make_asgi_answer(self.stripe.app())

    def settings(self) -> Mapping[str, Any]:
        return {"api_key": STRIPE_KEY, "base_url": "https://sandbox.example/stripe"}

    def refusal(self, status: int, words: str) -> httpx.Response:
        return httpx.Response(status, json={"error": {"message": words, "type": "api_error"}})

    def answer(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if "limit" in url.params:
            limit = min(self.page_size, int(url.params["limit"]))
            url = url.copy_set_param("limit", str(limit))
        return self._answers(httpx.Request(request.method, url, headers=request.headers))

    def add(self, stream: str) -> str | None:
        added = getattr(self, f"_add_{stream}")()
        is_event = stream == "subscription_changes"
        return str(added) if is_event else self.stripe.add_event(stream, "created", added)

    def _add_products(self) -> str:
        new = f"prod_new{len(self.books.products)}"
        any_ = next(iter(self.books.products.values()))
        self.books.products[new] = replace(any_, id=new, created_at=self.now())
        return new

    def _add_customers(self) -> str:
        number = 900 + len(self.books.customers)
        any_ = next(iter(self.books.customers.values()))
        company = replace(any_, number=number, key=f"acct_{number:04d}", created_at=self.now())
        self.books.customers[get_customer_id(company.key)] = company
        return get_customer_id(company.key)

    def _add_subscriptions(self) -> str:
        now, new = self.now(), f"sub_new{len(self.books.subscriptions)}"
        old = self._living_subscription()
        item = replace(old.items[-1], item_id=f"si_{new}", valid_from=now, valid_to=None)
        self.books.subscriptions[new] = replace(
            old, id=new, started_at=now, anchor=now, trial_end=None, items=(item,), discounts=()
        )
        return new

    def _add_invoices(self) -> str:
        new = f"in_new{len(self.books.invoices)}"
        old = next(iter(self.books.invoices.values()))
        lines = tuple(replace(line, id=f"{line.id}_{new}") for line in old.lines)
        self.books.invoices[new] = replace(old, id=new, lines=lines, created_at=self.now())
        return new

    def _add_refunds(self) -> str:
        number = 900 + len(self.books.refunds)
        old = next(iter(self.books.refunds.values()))
        self.books.refunds[f"re_{number}"] = replace(old, number=number, created_at=self.now())
        return f"re_{number}"

    def _add_subscription_changes(self) -> str:
        self._more_seats()
        return str(self.stripe.events[0]["id"])

    def edit(self, stream: str) -> str | None:
        """What was told of a change is never told otherwise."""
        if stream == "subscription_changes":
            return None
        if stream == "subscriptions":
            return self._more_seats()
        records = getattr(self.books, stream)
        id_, old = list(records.items())[1]
        changes: dict[str, dict[str, Any]] = {
            "products": {"name": "Renamed"},
            "customers": {"name": "Renamed Ltd"},
            "invoices": {"status": "void", "closed_at": self.now()},
            "refunds": {"amount": 1},
        }
        records[id_] = replace(old, **changes[stream])
        return self.stripe.add_event(stream, "voided" if stream == "invoices" else "updated", id_)

    def _more_seats(self) -> str:
        old = self._living_subscription()
        *past, last = old.items
        now, seats = self.now(), last.quantity or 1
        ended, begun = (
            replace(last, valid_to=now),
            replace(last, quantity=seats + 5, valid_from=now),
        )
        self.books.subscriptions[old.id] = replace(old, items=(*past, ended, begun))
        return self.stripe.add_event("subscriptions", "updated", old.id, {"quantity": seats})

    def delete(self, stream: str) -> str | None:
        """Customers stay as a stub, subscriptions and refunds cannot be deleted."""
        if stream == "customers":
            id_, old = list(self.books.customers.items())[2]
            self.books.customers[id_] = replace(old, stripe_deleted_at=self.now())
        elif stream in ("products", "invoices"):
            records: dict[str, Any] = getattr(self.books, stream)
            refunded = {refund.invoice_id for refund in self.books.refunds.values()}
            id_ = [name for name in records if name not in refunded][2]
            del records[id_]
        else:
            return None
        return self.stripe.add_event(stream, "deleted", id_)

    def _living_subscription(self) -> Any:
        living = (s for s in self.books.subscriptions.values() if s.status == "active")
        return next(living)


class TestStripe(SourceConformance):
    vendor = StripeVendor
