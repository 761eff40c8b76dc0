"""The streams: where each is read, what maps it, and what it brings."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

from cs_sync import Stream
from cs_sync_schemas import (
    Discount,
    Invoice,
    InvoiceLine,
    Product,
    Record,
    Refund,
    SourceAccount,
    Subscription,
    SubscriptionChange,
    SubscriptionItem,
)
from cs_sync_stripe import api
from cs_sync_stripe.mapping.changes import map_change
from cs_sync_stripe.mapping.customers import map_customer
from cs_sync_stripe.mapping.fields import Mapped, Raw
from cs_sync_stripe.mapping.invoices import map_invoice
from cs_sync_stripe.mapping.products import map_product
from cs_sync_stripe.mapping.refunds import map_refund
from cs_sync_stripe.mapping.subscriptions import map_subscription
from cs_sync_stripe.price_lookup import PriceLookup
from cs_sync_stripe.reading import StreamReader
from cs_sync_stripe.transport import StripeApi

Mapper = Callable[[Raw], Iterable[Mapped]]

LOOKBACK = timedelta(minutes=10)
HISTORY = timedelta(days=28)
"""Stripe keeps events for 30 days; two are left for clocks and long runs."""


def list_streams(stripe: StripeApi, lookup: PriceLookup, account_key_field: str) -> list[Stream]:
    """List products, customers, subscriptions and their changes, invoices, refunds."""
    mappers: dict[str, Mapper] = {
        "products": map_product,
        "customers": partial(map_customer, lookup=lookup, account_key_field=account_key_field),
        "subscriptions": partial(map_subscription, lookup=lookup),
        "subscription_changes": map_change,
        "invoices": partial(map_invoice, lookup=lookup),
        "refunds": map_refund,
    }
    return [_make_stream(stripe, lookup, name, mapper) for name, mapper in mappers.items()]


def _make_stream(stripe: StripeApi, lookup: PriceLookup, name: str, mapper: Mapper) -> Stream:
    endpoint, (record, *extra) = _STREAMS[name]
    reader = StreamReader(stripe, lookup, endpoint, record, mapper, _DISCOUNT_OWNERS.get(name))
    return Stream(
        name,
        record,
        reader.read,
        cursor="time",
        lookback=LOOKBACK,
        history=HISTORY,
        splits=bool(endpoint.events),
        deletes="feed" if endpoint.events else "never",
        scope=", ".join(dict.fromkeys((endpoint.permission, api.EVENTS.permission))),
        extra=tuple(extra),
        children=_CHILDREN.get(name, {}),
        snapshot=_SNAPSHOT.get(name, ()),
    )


_STREAMS: dict[str, tuple[api.Endpoint, tuple[type[Record], ...]]] = {
    "products": (api.PRODUCTS, (Product,)),
    "customers": (api.CUSTOMERS, (SourceAccount, Discount)),
    "subscriptions": (api.SUBSCRIPTIONS, (Subscription, SubscriptionItem, Discount)),
    "subscription_changes": (api.SUBSCRIPTION_EVENTS, (SubscriptionChange,)),
    "invoices": (api.INVOICES, (Invoice, InvoiceLine)),
    "refunds": (api.REFUNDS, (Refund,)),
}
"""Name → where it is read, and the records it brings, the main one first."""

_CHILDREN: dict[str, dict[type[Record], str]] = {
    "customers": {Discount: "account_source_id"},
    "subscriptions": {
        SubscriptionItem: "subscription_source_id",
        Discount: "subscription_source_id",
    },
    "invoices": {InvoiceLine: "invoice_source_id"},
}
_SNAPSHOT: dict[str, tuple[type[Record], ...]] = {"subscriptions": (SubscriptionItem,)}

CHECKED_ENDPOINTS: dict[str, api.Endpoint] = {
    **{name: endpoint for name, (endpoint, _) in _STREAMS.items() if endpoint.events},
    "prices": api.PRICES,
    "coupons": api.COUPONS,
    "events": api.EVENTS,
}

_DISCOUNT_OWNERS: dict[str, Callable[[Raw], bool]] = {
    "customers": lambda discount: not discount.get("subscription"),
    "subscriptions": lambda discount: bool(discount.get("subscription")),
}
"""Which stream tells the end of a discount."""
