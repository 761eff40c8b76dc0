"""The source: configuration, streams, limits, and the check of the key's permissions."""

from collections.abc import Iterator, Sequence
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
from cs_sync_stripe import api
from cs_sync_stripe.errors import classify_response

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
        from cs_sync_stripe.streams import list_streams

        return list_streams(self._api, self._catalogue, self._account_key_field)

    def check(self) -> Iterator[Finding]:
        """Read one row of every list; a refused key ends the check."""
        from cs_sync_stripe.streams import CHECKED_ENDPOINTS

        for subject, endpoint in CHECKED_ENDPOINTS.items():
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
