"""MRR of all accounts at any instant, as known at any time, from spans read once."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cs_sync.health.columns.ownership import NOBODY
from cs_sync.health.columns.signals import SignalColumn
from cs_sync.health.columns.versions import FAR, Flags, Ints


class MrrColumns(Struct, frozen=True):
    """Spans of MRR, the smallest amounts first, of equal ones the last currency first.

    `rows` has `account`, `currency`, `amount`, `valid_from`, `valid_to`, `known_from` and
    `known_to`, in microseconds; what has no end ends in the year 9999.
    """

    size: int
    """The number of accounts."""
    currencies: Sequence[str]
    """In the order of their codes."""
    rows: Mapping[str, NDArray[np.int64]]

    def find_paid(self, at: int, known_at: int) -> tuple[Ints, Ints]:
        """Return the largest amount above zero of each account, and its currency.

        Accounts without one have the currency `NOBODY`.
        """
        own = np.flatnonzero(self._is_in_force(at, known_at) & (self.rows["amount"] > 0))
        amount, currency = np.zeros(self.size, np.int64), np.full(self.size, NOBODY)
        amount[self.rows["account"][own]] = self.rows["amount"][own]
        currency[self.rows["account"][own]] = self.rows["currency"][own]
        return amount, currency

    def find_first(self, known_at: int) -> Ints:
        """Return the start of each account's first MRR.

        It is the year 9999 without any.
        """
        own = np.flatnonzero((self.rows["amount"] > 0) & self._is_known(known_at))
        first = np.full(self.size, FAR)
        np.minimum.at(first, self.rows["account"][own], self.rows["valid_from"][own])
        return first

    def sum_amounts(self, at: int, known_at: int) -> Ints:
        """Return the amounts by account and currency; 0 without any."""
        return self._spread(np.flatnonzero(self._is_in_force(at, known_at)))[0]

    def measure_change(self, since: int, until: int, known_at: int, counted: Flags) -> SignalColumn:
        """Compare MRR just before two instants, as `mrr_change_90` does.

        Args:
            since: The earlier instant.
            until: The later one.
            known_at: The time of knowledge.
            counted: The accounts that are neither merged nor tests.
        """
        (before, then), (after, now) = (
            self._spread(np.flatnonzero(self._is_in_force(at - 1, known_at)))
            for at in (since, until)
        )
        single = (then | now).sum(axis=1) == 1
        known = counted & single & (np.where(then, before, 0).sum(axis=1) > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = after.sum(axis=1) / before.sum(axis=1)
        values = np.where(known, ratio, np.nan)
        return SignalColumn(values, np.full(self.size, NOBODY))

    def _is_known(self, known_at: int) -> Flags:
        return (self.rows["known_from"] <= known_at) & (self.rows["known_to"] > known_at)

    def _is_in_force(self, at: int, known_at: int) -> Flags:
        valid = (self.rows["valid_from"] <= at) & (self.rows["valid_to"] > at)
        return valid & self._is_known(known_at)

    def _spread(self, own: Ints) -> tuple[Ints, Flags]:
        shape = self.size, len(self.currencies)
        amount, is_known = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        place = self.rows["account"][own], self.rows["currency"][own]
        amount[place], is_known[place] = self.rows["amount"][own], True
        return amount, is_known
