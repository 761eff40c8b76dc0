"""Stripe's lists: which there are, how each is filtered and where its rows come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.stripe import billing, objects
from cs_sync_sandbox.stripe.books import Books, get_customer_id
from cs_sync_sandbox.stripe.errors import StripeError
from cs_sync_sandbox.stripe.query import make_range_test
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
        tests: list[Callable[[Json], bool]] = [
            make_range_test(params, name) for name in self.ranges
        ]
        tests += [
            partial(_is_equal, name, params[name][0]) for name in self.equal if name in params
        ]
        if self.special:
            special = self.special
            tests.append(lambda row: special(row, params))
        return [row for row in self.keys if all(test(row) for test in tests)]


def make_listings(books: Books, events: list[Json]) -> dict[str, Listing]:
    """Return every list by the last part of its path."""
    by_id = {event["id"]: event for event in events}
    feed = Listing(
        "event", "event", events, lambda id_, _: dict(by_id[id_]),
        special=_match_event, extra=("type", "types", "delivery_success"),
    )  # fmt: skip
    return {
        **_make_catalog_listings(books),
        **_make_customer_listings(books),
        **_make_billing_listings(books),
        "events": feed,
    }


def _make_catalog_listings(books: Books) -> dict[str, Listing]:
    def price_fields(price: Price) -> Json:
        return {
            **_make_common_fields(price), "active": str(price.active).lower(),
            "currency": price.currency,
            "product": price.product_id, "type": "recurring" if price.interval else "one_time",
        }  # fmt: skip

    return {
        "products": Listing(
            "product", "product", _sort_rows(books.products, _make_common_fields),
            lambda id_, _: objects.make_product(books, books.products[id_]), ("active",),
        ),
        "prices": Listing(
            "price", "plan", _sort_rows(books.prices, price_fields),
            lambda id_, _: objects.price(books, books.prices[id_]),
            ("active", "product", "currency", "type"),
        ),
        "coupons": Listing(
            "coupon", "coupon", _sort_rows(books.coupons, _make_common_fields),
            lambda id_, _: objects.make_coupon(books, books.coupons[id_]),
        ),
    }  # fmt: skip


def _make_customer_listings(books: Books) -> dict[str, Listing]:
    customers = {id_: c for id_, c in books.customers.items() if not c.stripe_deleted_at}

    def customer_fields(company: Company) -> Json:
        return {"created": objects.stamp(company.created_at), "email": company.billing_email}

    def subscription_fields(record: Subscription) -> Json:
        return {
            "created": objects.stamp(record.started_at), "status": record.status,
            "customer": get_customer_id(record.account_key),
            "prices": {v.price_id for v in record.items if not v.valid_to},
        }  # fmt: skip

    return {
        "customers": Listing(
            "customer", "customer", _sort_rows(customers, customer_fields),
            lambda id_, _: objects.make_customer(books, books.customers[id_]), ("email",),
        ),
        "subscriptions": Listing(
            "subscription", "subscription", _sort_rows(books.subscriptions, subscription_fields),
            lambda id_, now: objects.make_subscription(books, books.subscriptions[id_], now),
            ("customer",), special=_match_subscription, extra=("status", "price"),
        ),
    }  # fmt: skip


def _make_billing_listings(books: Books) -> dict[str, Listing]:
    def invoice_fields(record: Invoice) -> Json:
        return {
            "created": objects.stamp(record.created_at), "status": record.status,
            "customer": get_customer_id(record.account_key), "subscription": record.subscription_id,
            "due_date": objects.convert_unix(record.due_at) or 0,
        }  # fmt: skip

    def refund_fields(record: Refund) -> Json:
        tail, bill = record.invoice_id.removeprefix("in_"), books.invoices[record.invoice_id]
        return {
            **_make_common_fields(record), "charge": f"ch_{tail}", "payment_intent": f"pi_{tail}",
            "invoice": bill.id, "customer": get_customer_id(bill.account_key),
        }  # fmt: skip

    notes = {f"cn_{refund.number}": refund for refund in books.refunds.values()}
    return {
        "invoices": Listing(
            "invoice", "invoice", _sort_rows(books.invoices, invoice_fields),
            lambda id_, _: billing.make_invoice(books, books.invoices[id_]),
            ("customer", "status", "subscription"), ("created", "due_date"),
        ),
        "refunds": Listing(
            "refund", "charge", _sort_rows(books.refunds, refund_fields),
            lambda id_, _: billing.make_refund(books, books.refunds[id_]),
            ("charge", "payment_intent"),
        ),
        "credit_notes": Listing(
            "credit_note", "credit_note", _sort_rows(notes, refund_fields),
            lambda id_, _: billing.make_credit_note(books, notes[id_]), ("customer", "invoice"),
        ),
    }  # fmt: skip


def _sort_rows(records: dict[str, Any], fields: Callable[[Any], Json]) -> list[Json]:
    rows: list[Json] = [{"id": id_, **fields(record)} for id_, record in records.items()]
    return sorted(rows, key=lambda row: (row["created"], row["id"]), reverse=True)


def _make_common_fields(record: Any) -> Json:
    return {"created": objects.stamp(record.created_at), "active": "true"}


def _is_equal(name: str, value: str, row: Json) -> bool:
    return bool(row.get(name) == value)


def _match_subscription(row: Json, params: Params) -> bool:
    status = params.get("status", [None])[0]
    if "price" in params and params["price"][0] not in row["prices"]:
        return False
    if status == "all":
        return True
    if status is None:
        return bool(row["status"] != "canceled")
    return bool(row["status"] == ("canceled" if status == "ended" else status))


def _match_event(row: Json, params: Params) -> bool:
    types = params.get("types", params.get("type"))
    if types is None:
        return True
    if len(types) > 20:
        raise StripeError(400, "You may only specify up to 20 event types.", None, "types")
    return any(
        row["type"] == pattern or (pattern.endswith("*") and row["type"].startswith(pattern[:-1]))
        for pattern in types
    )
