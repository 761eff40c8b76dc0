"""Stripe's lists: which there are, how each is filtered and where its rows come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.stripe import billing, objects
from cs_sync_sandbox.stripe.books import Books, customer_id
from cs_sync_sandbox.stripe.errors import StripeError
from cs_sync_sandbox.stripe.query import in_range
from cs_sync_sandbox.world.records import Company, Invoice, Price, Refund, Subscription

Params = dict[str, list[str]]


@dataclass(frozen=True)
class Listing:
    """One list of Stripe: `keys` are (created, id) newest first, `render` makes a row of an id."""

    kind: str
    scope: str
    keys: list[Json]
    render: Callable[[str, int], Json]
    equal: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ("created",)
    special: Callable[[Json, Params], bool] | None = None
    extra: tuple[str, ...] = ()

    def allowed(self) -> tuple[str, ...]:
        """Return the parameters this list takes besides paging."""
        return (*self.equal, *self.ranges, *self.extra)

    def select(self, params: Params) -> list[Json]:
        """Return the keys that fit the filters."""
        tests: list[Callable[[Json], bool]] = [in_range(params, name) for name in self.ranges]
        tests += [partial(_equals, name, params[name][0]) for name in self.equal if name in params]
        if self.special:
            special = self.special
            tests.append(lambda row: special(row, params))
        return [row for row in self.keys if all(test(row) for test in tests)]


def listings(books: Books, events: list[Json]) -> dict[str, Listing]:
    """Return every list by the last part of its path."""
    by_id = {event["id"]: event for event in events}
    feed = Listing(
        "event", "event", events, lambda id_, _: dict(by_id[id_]),
        special=_event_fits, extra=("type", "types", "delivery_success"),
    )  # fmt: skip
    return {**_sold(books), **_bought(books), **_billed(books), "events": feed}


def _sold(books: Books) -> dict[str, Listing]:
    def price_fields(price: Price) -> Json:
        return {
            **_made(price), "active": str(price.active).lower(), "currency": price.currency,
            "product": price.product_id, "type": "recurring" if price.interval else "one_time",
        }  # fmt: skip

    return {
        "products": Listing(
            "product", "product", _keys(books.products, _made),
            lambda id_, _: objects.product(books, books.products[id_]), ("active",),
        ),
        "prices": Listing(
            "price", "plan", _keys(books.prices, price_fields),
            lambda id_, _: objects.price(books, books.prices[id_]),
            ("active", "product", "currency", "type"),
        ),
        "coupons": Listing(
            "coupon", "coupon", _keys(books.coupons, _made),
            lambda id_, _: objects.coupon(books, books.coupons[id_]),
        ),
    }  # fmt: skip


def _bought(books: Books) -> dict[str, Listing]:
    there = {id_: c for id_, c in books.customers.items() if not c.stripe_deleted_at}

    def customer_fields(company: Company) -> Json:
        return {"created": objects.stamp(company.created_at), "email": company.billing_email}

    def subscription_fields(one: Subscription) -> Json:
        return {
            "created": objects.stamp(one.started_at), "status": one.status,
            "customer": customer_id(one.account_key),
            "prices": {v.price_id for v in one.items if not v.valid_to},
        }  # fmt: skip

    return {
        "customers": Listing(
            "customer", "customer", _keys(there, customer_fields),
            lambda id_, _: objects.customer(books, books.customers[id_]), ("email",),
        ),
        "subscriptions": Listing(
            "subscription", "subscription", _keys(books.subscriptions, subscription_fields),
            lambda id_, now: objects.subscription(books, books.subscriptions[id_], now),
            ("customer",), special=_subscription_fits, extra=("status", "price"),
        ),
    }  # fmt: skip


def _billed(books: Books) -> dict[str, Listing]:
    def invoice_fields(one: Invoice) -> Json:
        return {
            "created": objects.stamp(one.created_at), "status": one.status,
            "customer": customer_id(one.account_key), "subscription": one.subscription_id,
            "due_date": objects.unix(one.due_at) or 0,
        }  # fmt: skip

    def refund_fields(one: Refund) -> Json:
        tail, bill = one.invoice_id.removeprefix("in_"), books.invoices[one.invoice_id]
        return {
            **_made(one), "charge": f"ch_{tail}", "payment_intent": f"pi_{tail}",
            "invoice": bill.id, "customer": customer_id(bill.account_key),
        }  # fmt: skip

    notes = {f"cn_{refund.number}": refund for refund in books.refunds.values()}
    return {
        "invoices": Listing(
            "invoice", "invoice", _keys(books.invoices, invoice_fields),
            lambda id_, _: billing.invoice(books, books.invoices[id_]),
            ("customer", "status", "subscription"), ("created", "due_date"),
        ),
        "refunds": Listing(
            "refund", "charge", _keys(books.refunds, refund_fields),
            lambda id_, _: billing.refund(books, books.refunds[id_]),
            ("charge", "payment_intent"),
        ),
        "credit_notes": Listing(
            "credit_note", "credit_note", _keys(notes, refund_fields),
            lambda id_, _: billing.credit_note(books, notes[id_]), ("customer", "invoice"),
        ),
    }  # fmt: skip


def _keys(records: dict[str, Any], fields: Callable[[Any], Json]) -> list[Json]:
    rows: list[Json] = [{"id": id_, **fields(record)} for id_, record in records.items()]
    return sorted(rows, key=lambda row: (row["created"], row["id"]), reverse=True)


def _made(record: Any) -> Json:
    return {"created": objects.stamp(record.created_at), "active": "true"}


def _equals(name: str, value: str, row: Json) -> bool:
    return bool(row.get(name) == value)


def _subscription_fits(row: Json, params: Params) -> bool:
    status = params.get("status", [None])[0]
    if "price" in params and params["price"][0] not in row["prices"]:
        return False
    if status == "all":
        return True
    if status is None:
        return bool(row["status"] != "canceled")
    return bool(row["status"] == ("canceled" if status == "ended" else status))


def _event_fits(row: Json, params: Params) -> bool:
    types = params.get("types", params.get("type"))
    if types is None:
        return True
    if len(types) > 20:
        raise StripeError(400, "You may only specify up to 20 event types.", None, "types")
    return any(
        row["type"] == one or (one.endswith("*") and row["type"].startswith(one[:-1]))
        for one in types
    )
