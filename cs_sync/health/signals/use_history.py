"""All days of use of every account, read once: what signals of use are on any of the days."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

from msgspec import Struct

from cs_sync.health.facts import UsageFact

DAY_LENGTH = len("2026-11-29")
_NEVER = date.max


class AccountUse(Struct, frozen=True, array_like=True):
    """All days of use of an account as ordinals, each with its events and its records.

    `people` are the days of each of its people, of those that are named. It follows from records
    alone, whatever day it is, so it is kept from day to day.
    """

    days: Sequence[int]
    events: Sequence[int]
    records: Sequence[int]
    people: Mapping[str, Sequence[int]]


class UsedDays(Struct, frozen=True):
    """An account's days of use as ordinals, with the sums of all days before each.

    Both sums have one number more than there are days. `people` are the last days of its people,
    of those that are named.
    """

    days: Sequence[int] = ()
    events: Sequence[int] = (0,)
    records: Sequence[int] = (0,)
    people: Sequence[int] = ()

    def count_days(self, since: int, until: int) -> int:
        """Count the days from one to another, both included."""
        return bisect_right(self.days, until) - bisect_left(self.days, since)

    def sum_events(self, since: int, until: int) -> int:
        """Sum the events from one day to another, both included."""
        return (
            self.events[bisect_right(self.days, until)] - self.events[bisect_left(self.days, since)]
        )

    def count_records(self, until: int) -> int:
        """Count the records up to a day, itself included."""
        return self.records[bisect_right(self.days, until)]


NEVER = UsedDays()
Swept = tuple[float | None, int]
"""The value of a signal, and the number of its facts."""


class UseHistory(Struct, frozen=True):
    """Days of use per account, and the sources that cover each account.

    All of them are as known at one time.
    """

    days: Mapping[str, UsedDays]
    sources: Mapping[str, frozenset[str]]


def build_use_history(
    uses: Iterable[tuple[str, AccountUse]], sources: Mapping[str, frozenset[str]], day: date
) -> UseHistory:
    """Build the history up to a day.

    Args:
        uses: Account ids, each with its use.
        sources: Account id → the sources that know it.
        day: The last day that counts.
    """
    last = day.toordinal()
    by_account = ((account, _add_up(use, last)) for account, use in uses)
    return UseHistory({account: used for account, used in by_account if used.days}, sources)


def collect_use(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[str, AccountUse]]:
    """Collect the use of each account from rows of `select_use_by_owner`."""
    return ((account, _collect_own(own)) for account, own in groupby(rows, itemgetter(0)))


def list_uses(row: Sequence[Any]) -> list[str]:
    """List the uses of a row of `select_use_by_owner`.

    Each is its day, a space and its events, as text.
    """
    *_, day_from, day_to, uses = row
    each: list[str] = uses.split(",")
    if day_from is None:
        return each
    since, until = day_from.isoformat(), str(day_to or _NEVER)
    return [use for use in each if since <= use[:DAY_LENGTH] < until]


@lru_cache(10_000)
def get_ordinal(day: str) -> int:
    """Return the ordinal of a day that is given as text."""
    return date.fromisoformat(day).toordinal()


def _collect_own(rows: Iterable[Sequence[Any]]) -> AccountUse:
    events, records = dict[int, int](), dict[int, int]()
    people: dict[str, set[int]] = {}
    for row in rows:
        (_, person, *_), own = row, set[int]()
        for use in list_uses(row):
            day = get_ordinal(use[:DAY_LENGTH])
            events[day] = events.get(day, 0) + int(use[DAY_LENGTH:])
            records[day] = records.get(day, 0) + 1
            own.add(day)
        if person is not None and own:
            people[person] = people[person] | own if person in people else own
    days = sorted(events)
    return AccountUse(
        days,
        [events[day] for day in days],
        [records[day] for day in days],
        {person: sorted(own) for person, own in people.items()},
    )


def _add_up(use: AccountUse, last: int) -> UsedDays:
    """Pack an account's days of use up to one.

    Python numbers are six times as large.
    """
    number = bisect_right(use.days, last)
    until = (own[bisect_right(own, last) - 1] for own in use.people.values() if own[0] <= last)
    return UsedDays(
        array("i", use.days[:number]),
        array("q", accumulate(use.events[:number], initial=0)),
        array("i", accumulate(use.records[:number], initial=0)),
        array("i", until),
    )


def summarize_use(use: UsedDays, day: int) -> UsageFact:
    """Summarize an account's days of use.

    None of them is later than the day, of which this is the ordinal.
    """
    late, early = day - 27, day - 55
    return UsageFact(
        use.count_days(late, day),
        use.count_days(early, late - 1),
        date.fromordinal(use.days[-1]),
        sum(last >= late for last in use.people),
        date.fromordinal(use.days[0]),
    )


def count_active_days(use: UsedDays, day: int) -> Swept:
    """Count the days of use up to a day as `active_days_28` does."""
    days = use.count_days(day - 27, day)
    return float(days), days


def count_days_since_use(use: UsedDays, day: int) -> Swept | None:
    """Count the days since the last use as `last_day_of_use` does."""
    place = bisect_right(use.days, day)
    return (float(day - use.days[place - 1]), use.records[place]) if place else None


def compare_events(use: UsedDays, day: int) -> Swept | None:
    """Compare the events of two periods as `usage_trend_28` does."""
    late, early = day - 27, day - 55
    if not use.days or use.days[0] > early:
        return None
    before, recent = use.sum_events(early, late - 1), use.sum_events(late, day)
    return recent / before if before > 0 else None, use.count_records(day)
