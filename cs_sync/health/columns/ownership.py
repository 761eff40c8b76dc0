"""Whose records are whose at each time of knowledge: `join_owner` for columns."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import count, repeat
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cs_sync.health.columns.versions import Flags, Ints, Versions

NOBODY = -1
_MOST_DAYS = 1 << 22
"""More than there are ordinals of days."""


class Places(Struct, frozen=True):
    """Where each person belonged from when until when, by contact and start."""

    starts: Ints
    """All starts, ascending."""
    keys: Ints
    """Contact and the number of starts up to its own, as one number."""
    contact: Ints
    until: Ints
    account: Ints

    def find_accounts(self, contacts: Ints, times: Ints) -> Ints:
        """Return each person's account at a time; `NOBODY` without one."""
        if not len(self.keys):
            return np.full(len(contacts), NOBODY)
        width = len(self.starts) + 1
        asked = contacts * width + np.searchsorted(self.starts, times, side="right")
        place = np.searchsorted(self.keys, asked, side="right") - 1
        stays = (place >= 0) & (self.contact[place] == contacts) & (self.until[place] > times)
        return np.where(stays, self.account[place], NOBODY)


class Owners(Struct, frozen=True):
    """Whose records are whose at one time of knowledge; the last entry of each is nobody's."""

    account_of_name: Ints
    contact_of_person: Ints
    is_counted: Flags
    by_day: Places
    by_time: Places
    known: Flags
    """Account × source: whether the source knows the account."""

    def find_accounts(self, names: Ints, persons: Ints, times: Ints, places: Places) -> Ints:
        """Find the account of records: their own, else their person's then.

        Args:
            names: The record of an account that each names.
            persons: The record of a person that each names.
            times: When each happened, in the unit of the places.
            places: `by_day` or `by_time`.

        Returns:
            Codes of counted accounts, or `NOBODY`.
        """
        accounts, contacts = self.account_of_name[names], self.contact_of_person[persons]
        lost = np.flatnonzero((accounts == NOBODY) & (contacts != NOBODY))
        accounts[lost] = places.find_accounts(contacts[lost], times[lost])
        accounts[~self.is_counted[accounts]] = NOBODY
        return accounts

    def find_coverage(self, sources: Ints, moments: Ints, telling: Ints | None = None) -> Ints:
        """Return each account's newest fact of a source that knows it.

        Args:
            sources: The source of each fact.
            moments: When each was, in ascending order.
            telling: The sources that count; by default all.

        Returns:
            Moments, or `NOBODY` for accounts that no source with a fact knows.
        """
        newest = np.full(self.known.shape[1] + 1, NOBODY)
        newest[sources] = moments
        if telling is not None:
            silent = np.ones(len(newest), np.bool_)
            silent[telling] = False
            newest[silent] = NOBODY
        observed = np.full(len(self.known), NOBODY)
        for source in np.flatnonzero(newest[:-1] != NOBODY):
            own = self.known[:, source] & (observed < newest[source])
            observed[own] = newest[source]
        return observed


class OwnerBook(Struct, frozen=True):
    """Who is who at all times of knowledge; names and ids are codes.

    `names` and `persons` map the source and id of a record of an account and of a person.
    """

    accounts: Mapping[str, int]
    contacts: Mapping[str, int]
    sources: Mapping[str, int]
    names: Mapping[tuple[str, str], int]
    persons: Mapping[tuple[str, str], int]
    counted: Versions
    """`account`."""
    links: Versions
    """`name`, `source`, `account`."""
    people: Versions
    """`person`, `source`, `contact`."""
    homes: Versions
    """`contact`, `account`."""
    stays: Versions
    """`contact`, `name`, `day_from`, `day_to`, `valid_from`, `valid_to`."""

    def find_owners(self, place: int) -> Owners:
        """Find whose records are whose at the time of a place."""
        links, people = self.links.select_known(place), self.people.select_known(place)
        names = _spread(len(self.names), self.links["name"][links], self.links["account"][links])
        contact = self.people["contact"][people]
        persons = _spread(len(self.persons), self.people["person"][people], contact)
        counted = np.zeros(len(self.accounts) + 1, np.bool_)
        counted[self.counted["account"][self.counted.select_known(place)]] = True
        stays = self.stays.take(np.arange(self.stays.size)[self.stays.select_known(place)])
        account = names[stays["name"]]
        return Owners(
            names,
            persons,
            counted,
            _build_places(stays, account, "day_from", "day_to"),
            _build_places(stays, account, "valid_from", "valid_to"),
            self._find_known(place, counted),
        )

    def _find_known(self, place: int, counted: Flags) -> Flags:
        """Find which source knows which account, by its record or a person."""
        known = np.zeros((len(self.accounts) + 1, len(self.sources)), np.bool_)
        links, people = self.links.select_known(place), self.people.select_known(place)
        homes = self.homes.select_known(place)
        home = _spread(
            len(self.contacts), self.homes["contact"][homes], self.homes["account"][homes]
        )
        known[self.links["account"][links], self.links["source"][links]] = True
        known[home[self.people["contact"][people]], self.people["source"][people]] = True
        known[~counted] = False
        return known[:-1]

    def list_moves(self, after: int, until: int) -> Ints:
        """List when a record of a person may change its account.

        Args:
            after: The ordinal of a day: later ones count.
            until: The last day that counts.

        Returns:
            Person and day as one number (see `join_day`), ascending.
        """
        order = np.argsort(self.stays["contact"], kind="stable")
        contact = self.stays["contact"][order]
        begin, end = (
            np.searchsorted(contact, self.people["contact"], side=side)
            for side in ("left", "right")
        )
        stays = end - begin
        place = np.repeat(begin - np.cumsum(stays) + stays, stays)
        rows = order[place + np.arange(len(place))]
        person = np.repeat(self.people["person"], stays)
        days = np.concatenate([self.stays[name][rows] for name in ("day_from", "day_to")])
        moves = join_day(np.concatenate([person, person]), days)
        return np.unique(moves[(days > after) & (days <= until)])


def join_day(code: Ints, day: Ints) -> Ints:
    """Join a code and the ordinal of a day to one number."""
    return code * _MOST_DAYS + day


def _build_places(stays: Versions, account: Ints, start: str, end: str) -> Places:
    begins, contact = stays[start], stays["contact"]
    starts = np.unique(begins)
    keys = contact * (len(starts) + 1) + np.searchsorted(starts, begins, side="right")
    order = np.argsort(keys, kind="stable")
    return Places(starts, keys[order], contact[order], stays[end][order], account[order])


def _spread(size: int, codes: Ints, values: Ints) -> Ints:
    """Return the value of each code; the last entry is nobody's."""
    spread = np.full(size + 1, NOBODY)
    spread[codes] = values
    spread[size] = NOBODY
    return spread


def make_codes() -> defaultdict[Any, int]:
    """Make codes that give each new name the next number."""
    return defaultdict(count().__next__)


def count_codes(names: Collection[Any], codes: defaultdict[Any, int]) -> NDArray[np.int64]:
    """Return the codes of names; new ones get the next."""
    return np.fromiter(map(codes.__getitem__, names), np.int64, len(names))


def find_codes(names: Collection[Any], codes: Mapping[Any, int]) -> NDArray[np.int64]:
    """Return the codes of names; unknown ones are `NOBODY`."""
    return np.fromiter(map(codes.get, names, repeat(NOBODY)), np.int64, len(names))
