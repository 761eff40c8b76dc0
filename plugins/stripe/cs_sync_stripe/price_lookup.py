"""Lookup of prices with tiers and coupons with products, which other lists cannot expand."""

import threading

from cs_sync_stripe.api import (
    COUPON_CURRENCIES,
    COUPONS,
    PRICE_CURRENCIES,
    PRICES,
    Endpoint,
)
from cs_sync_stripe.transport import Raw, StripeApi


class PriceLookup:
    """Looks up prices and coupons, with a cache.

    During a backfill the first lookup reads the whole list, otherwise each reads one object.
    """

    def __init__(self, api: StripeApi) -> None:
        self._prices = _ObjectCache(api, PRICES)
        self._coupons = _ObjectCache(api, COUPONS)
        self._price_currencies = _ObjectCache(api, PRICE_CURRENCIES)
        self._coupon_currencies = _ObjectCache(api, COUPON_CURRENCIES)

    def expect_many(self) -> None:
        """Read whole lists from now on; without any lookup nothing is read.

        Many lookups may follow or none: many objects already show all that is needed.
        """
        self._prices.many = self._coupons.many = True

    def price(self, id: str, *, currencies: bool = False) -> Raw | None:
        """Return the price with its tiers; None if it does not exist.

        Args:
            id: The price's id.
            currencies: Whether to include its amounts in every currency.
        """
        return (self._price_currencies if currencies else self._prices).get(id)

    def coupon(self, id: str, *, currencies: bool = False) -> Raw | None:
        """Return the coupon with its products; None if it does not exist.

        Args:
            id: The coupon's id.
            currencies: Whether to include its amounts in every currency.
        """
        return (self._coupon_currencies if currencies else self._coupons).get(id)


class _ObjectCache:
    def __init__(self, api: StripeApi, endpoint: Endpoint) -> None:
        self.many = False
        self._api = api
        self._endpoint = endpoint
        self._rows: dict[str, Raw | None] = {}
        self._loaded = False
        self._lock = threading.Lock()

    def get(self, id: str) -> Raw | None:
        with self._lock:  # windows are read side by side; one of them reads for all
            if id not in self._rows and self.many and not self._loaded:
                self._load()
            if id not in self._rows:
                self._rows[id] = self._api.read(self._endpoint, id)
            return self._rows[id]

    def _load(self) -> None:
        expand = [f"data.{name}" for name in self._endpoint.expand]
        rows = self._api.list_all(self._endpoint.path, {"expand": expand})
        # What has no id is none of those that are asked for.
        self._rows.update((row["id"], row) for row in rows if isinstance(row, dict) and "id" in row)
        self._loaded = True
