"""Prices with tiers and coupons with their products, which lists of other objects cannot expand."""

import threading

from cs_sync_stripe.api import (
    COUPON_CURRENCIES,
    COUPONS,
    PRICE_CURRENCIES,
    PRICES,
    Endpoint,
)
from cs_sync_stripe.transport import Api, Raw


class Catalogue:
    """Looks up prices and coupons; what is asked for twice is read once.

    For a backfill, the first look-up reads the whole list; else every one reads one alone.
    """

    def __init__(self, api: Api) -> None:
        self._prices = _Table(api, PRICES)
        self._coupons = _Table(api, COUPONS)
        self._price_currencies = _Table(api, PRICE_CURRENCIES)
        self._coupon_currencies = _Table(api, COUPON_CURRENCIES)

    def expect_many(self) -> None:
        """Many look-ups may follow, or none: many of the objects show all that is needed."""
        self._prices.many = self._coupons.many = True

    def price(self, id: str, *, currencies: bool = False) -> Raw | None:
        """The price with its tiers, on demand with its amounts in every currency.

        None when it does not exist.
        """
        return (self._price_currencies if currencies else self._prices).get(id)

    def coupon(self, id: str, *, currencies: bool = False) -> Raw | None:
        """The coupon with its products, on demand with its amounts in every currency.

        None when it does not exist.
        """
        return (self._coupon_currencies if currencies else self._coupons).get(id)


class _Table:
    def __init__(self, api: Api, endpoint: Endpoint) -> None:
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
