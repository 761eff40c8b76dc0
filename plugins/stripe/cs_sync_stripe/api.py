"""Stripe's API as used here: the version, and a table of paths and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cs_sync import ResponseNames, Shape

VERSION = "2026-10-28.endive"
"""Sent with every request, so that a newer SDK or account default changes no answer."""

PAGE_SIZE = 100
MAX_LIST_ROWS = 1_000_000
"""Rows of a list that is held in memory: prices, coupons, the lines of one invoice."""

NAMES = ResponseNames(account_wide=("stripe-rate-limited-reason", "global"))

_LIST = {"data": list, "has_more": bool}
SHAPES = (
    Shape(r"/v1/\w+$", _LIST),
    Shape(r"/v1/invoices/[^/]+/lines$", _LIST),
    Shape(r"/v1/\w+/", {"id": str, "object": str}),
)


@dataclass(frozen=True, slots=True)
class NestedList:
    """A list inside an object; Stripe embeds its first ten rows."""

    name: str
    path: str
    """Where the whole list is read; `{id}` is the id of the object."""
    params: Mapping[str, str] = field(default_factory=dict)
    expand: tuple[str, ...] = ()

    def call(self, owner: str) -> tuple[str, dict[str, Any]]:
        """Return path and parameters of the whole list of the object `owner`."""
        params: dict[str, Any] = {k: v.format(id=owner) for k, v in self.params.items()}
        if self.expand:
            params["expand"] = [f"data.{name}" for name in self.expand]
        return self.path.format(id=owner), params


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A list of Stripe's API and the events for its changes.

    expand      fields to expand: the same in lists and single reads, so that a backfill and
    a
                re-read give the same rows.
    events      event type → the key of the event's object that names our object; Stripe
    refuses
                more than twenty types in one call. Empty where the objects never change.
    permission  the permission of a restricted key, in the words of Stripe's dashboard.
    """

    path: str
    permission: str
    expand: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    nested: NestedList | None = None


def _prefix_events(prefix: str, names: str, key: str = "id") -> dict[str, str]:
    return {f"{prefix}.{name}": key for name in names.split()}


EVENTS = Endpoint("/v1/events", "Events: Read")
SUBSCRIPTION_EVENTS = Endpoint(
    "/v1/events",
    EVENTS.permission,
    params={"types": list(_prefix_events("customer.subscription", "updated paused resumed"))},
)
PRICES = Endpoint("/v1/prices", "Prices: Read", expand=("tiers",))
PRICE_CURRENCIES = Endpoint("/v1/prices", "Prices: Read", expand=("tiers", "currency_options"))
COUPONS = Endpoint("/v1/coupons", "Coupons: Read", expand=("applies_to",))
COUPON_CURRENCIES = Endpoint(
    "/v1/coupons", "Coupons: Read", expand=("applies_to", "currency_options")
)
PRODUCTS = Endpoint(
    "/v1/products", "Products: Read", events=_prefix_events("product", "created updated deleted")
)
CUSTOMERS = Endpoint(
    "/v1/customers",
    "Customers: Read",
    events={
        **_prefix_events("customer", "created updated deleted"),
        **_prefix_events("customer.discount", "created updated deleted", "customer"),
    },
)
SUBSCRIPTIONS = Endpoint(
    "/v1/subscriptions",
    "Subscriptions: Read",
    expand=("discounts", "items.data.discounts"),
    params={"status": "all"},  # without it the list hides what was canceled
    events={
        **_prefix_events(
            "customer.subscription",
            "created updated deleted paused resumed trial_will_end"
            " pending_update_applied pending_update_expired",
        ),
        **_prefix_events("customer.discount", "created updated deleted", "subscription"),
    },
    nested=NestedList("items", "/v1/subscription_items", {"subscription": "{id}"}, ("discounts",)),
)
INVOICES = Endpoint(
    "/v1/invoices",
    "Invoices: Read",
    expand=("discounts", "lines.data.discounts"),
    events={
        **_prefix_events(
            "invoice",
            "created finalized paid payment_failed updated voided marked_uncollectible overdue"
            " deleted",
        ),
        **_prefix_events("invoice_payment", "paid", "invoice"),
        **_prefix_events("credit_note", "created updated voided", "invoice"),
    },
    nested=NestedList("lines", "/v1/invoices/{id}/lines", expand=("discounts",)),
)
REFUNDS = Endpoint(
    "/v1/refunds",
    "Charges and Refunds: Read",
    events={
        **_prefix_events("refund", "created updated failed"),
        **_prefix_events("charge.refund", "updated"),
    },
)

DISCOUNT_ENDED = "customer.discount.deleted"
