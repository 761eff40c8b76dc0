"""The source: configuration, streams, limits, and the check of the key's permissions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar

from pydantic import ConfigDict, Field, SecretStr

from cs_sync import (
    ConnectorConfig,
    CredentialRefused,
    Finding,
    Http,
    Limit,
    PermissionMissing,
    Stream,
    VendorError,
)
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
from cs_sync_stripe.errors import classify_response
from cs_sync_stripe.mapping.changes import map_change
from cs_sync_stripe.mapping.customers import map_customer
from cs_sync_stripe.mapping.fields import Mapped, Raw
from cs_sync_stripe.mapping.invoices import map_invoice
from cs_sync_stripe.mapping.products import map_product
from cs_sync_stripe.mapping.refunds import map_refund
from cs_sync_stripe.mapping.subscriptions import map_subscription

Mapper = Callable[[Raw], Iterable[Mapped]]

LOOKBACK = timedelta(minutes=10)
HISTORY = timedelta(days=28)
"""Stripe keeps events for 30 days; two are left for clocks and long runs."""

TEST_LIMIT = Limit(25, 1.0)
"""What Stripe allows a key of a sandbox or of test mode."""


class StripeConfig(ConnectorConfig):
    """Settings of `[connectors.stripe]`."""

    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = "https://api.stripe.com"
    api_key: SecretStr = Field(description="A restricted key with read permissions.")
    account_key_field: str = Field(
        "account_id", description="Metadata key of customers that holds your own account id."
    )
    stripe_account: str | None = Field(None, description="A connected account, acct_….")


def _is_test_key(key: str) -> bool:
    return key.startswith(("sk_test_", "rk_test_"))


class StripeSource:
    """Reads products, customers, subscriptions, invoices and refunds."""

    name: ClassVar[str] = "stripe"
    title: ClassVar[str] = "Stripe"
    Config: ClassVar[type[ConnectorConfig]] = StripeConfig
    limits: ClassVar[Sequence[Limit]] = (
        Limit(100, 1.0),
        *(
            Limit(25, 1.0, rf"/v1/{name}\b")
            for name in (
                "coupons", "customers", "events", "invoices", "prices", "products", "refunds",
                "subscription_items", "subscriptions",
            )
        ),
    )  # fmt: skip
    concurrency: ClassVar[int] = 10
    precedence: ClassVar[int] = 20

    def __init__(self, config: StripeConfig, http: Http) -> None:
        # Imported here: the SDK takes a third of a second, which `--help` need not wait for.
        from cs_sync_stripe.price_lookup import PriceLookup
        from cs_sync_stripe.transport import StripeApi

        self._account_key_field = config.account_key_field
        key = config.api_key.get_secret_value()
        narrower = (TEST_LIMIT,) if _is_test_key(key) else ()
        self._api = StripeApi(
            http.at(
                config.base_url,
                classify=classify_response,
                shapes=api.SHAPES,
                limits=narrower,
                names=api.NAMES,
            ),
            key,
            config.base_url,
            config.stripe_account,
        )
        self._catalogue = PriceLookup(self._api)

    def streams(self) -> Sequence[Stream]:
        """Return products, customers, subscriptions and their changes, invoices, refunds."""
        lookup = self._catalogue
        mappers: dict[str, Mapper] = {
            "products": map_product,
            "customers": partial(
                map_customer, lookup=lookup, account_key_field=self._account_key_field
            ),
            "subscriptions": partial(map_subscription, lookup=lookup),
            "subscription_changes": map_change,
            "invoices": partial(map_invoice, lookup=lookup),
            "refunds": map_refund,
        }
        return [self._stream(name, mapper) for name, mapper in mappers.items()]

    def _stream(self, name: str, mapper: Mapper) -> Stream:
        from cs_sync_stripe.reading import StreamReader

        endpoint, (record, *extra) = _STREAMS[name]
        reader = StreamReader(
            self._api, self._catalogue, endpoint, record, mapper, _DISCOUNT_OWNERS.get(name)
        )
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

    def check(self) -> Iterator[Finding]:
        """Read one row of every list; a refused key ends the check."""
        for subject, endpoint in _CHECKED_ENDPOINTS.items():
            try:
                self._api.get(endpoint.path, limit=1)
            except CredentialRefused as error:
                yield Finding(
                    ok=False, subject="api_key", message=error.message, remedy=error.remedy
                )
                return
            except PermissionMissing as error:
                remedy = f"Give the restricted key “{endpoint.permission}”."
                yield Finding(ok=False, subject=subject, message=error.message, remedy=remedy)
            except VendorError as error:
                yield Finding(ok=False, subject=subject, message=error.message, remedy=error.remedy)
            else:
                yield Finding(ok=True, subject=subject, message=f"{endpoint.path} can be read")


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

_CHECKED_ENDPOINTS: dict[str, api.Endpoint] = {
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
