"""Signals of all accounts on one day from columns read once: what their statements say."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cs_sync.health.columns.ownership import NOBODY, OwnerBook, Owners, join_day
from cs_sync.health.columns.versions import FAR, Floats, Ints, Versions
from cs_sync.health.scope import SignalScope
from cs_sync_schemas.times import count_microseconds, read_microseconds


class SignalColumn(Struct, frozen=True):
    """A signal of each account: NaN is unknown."""

    values: Floats
    observed: Ints
    """The newest fact: the ordinal of a day or microseconds; `NOBODY` where there is none."""
    by_day: bool = False

    def take(self, accounts: Ints) -> "SignalColumn":
        """Return the signal of some accounts."""
        return SignalColumn(self.values[accounts], self.observed[accounts], self.by_day)

    def read_moment(self, number: int) -> date | datetime:
        """Return the day or instant of a number of `observed`."""
        return date.fromordinal(number) if self.by_day else read_microseconds(number)


class UseColumns(Struct, frozen=True):
    """Days of use by day, and whose they are as long as nobody moves.

    `rows` has `day` (ordinal), `events` (−1 where nobody was active), `source`, `segment`, and
    `naming` where features are asked for: whether its source reports them.
    """

    rows: Versions
    name: Ints
    """Of each segment: the record of an account that it names."""
    person: Ints
    day: Ints
    """A day of the segment: on all of them its person is at the same account."""


def build_use_columns(rows: Versions, units: Mapping[str, Ints], book: OwnerBook) -> UseColumns:
    """Build the columns from rows in any order.

    Args:
        rows: The rows, with `unit` instead of `segment`.
        units: Name, person and source of each unit: who is named together.
        book: Who is who.
    """
    order = np.argsort(rows["day"], kind="stable")
    rows = rows.take(order)
    day, unit = rows["day"], rows["unit"].astype(np.int64)
    moves = book.list_moves(int(day[0]), int(day[-1])) if len(day) else np.empty(0, np.int64)
    period = np.searchsorted(moves, join_day(units["person"][unit], day), side="right")
    _, first, segment = np.unique(
        unit * (len(moves) + 1) + period, return_index=True, return_inverse=True
    )
    kept = {name: column for name, column in rows.columns.items() if name != "unit"}
    kept |= {"segment": segment.astype(np.int32), "source": units["source"][unit].astype(np.int16)}
    own = unit[first]
    return UseColumns(
        Versions(kept, rows.since, rows.until), units["name"][own], units["person"][own],
        day[first].astype(np.int64),
    )  # fmt: skip


def measure_use(
    use: UseColumns, owners: Owners, place: int, scope: SignalScope
) -> Iterator[tuple[str, SignalColumn]]:
    """Yield the signals of use, as `signals/usage.py` defines them."""
    rows, size = use.rows, len(owners.known)
    day = scope.day.toordinal()
    late, early = day - 27, day - 55
    selected = rows.select_known(place, int(np.searchsorted(rows["day"], day, side="right")))
    days = rows["day"][selected]
    sources, telling = rows["source"][selected], None
    if scope.active_features:
        telling = sources[rows["naming"][selected] != 0]
    observed = owners.find_coverage(sources, days, telling)
    account = owners.find_accounts(use.name, use.person, use.day, owners.by_day)
    account = account[rows["segment"][selected]]
    events = rows["events"][selected]
    used = (events >= 0) & (account != NOBODY)
    account, days, events = account[used], days[used], events[used]
    last, first = np.full(size, NOBODY), np.full(size, FAR)
    last[account] = days
    first[account[::-1]] = days[::-1]
    begin, middle = np.searchsorted(days, [early, late])
    before, recent = (
        np.bincount(account[own], events[own], size)
        for own in (slice(begin, middle), slice(middle, None))
    )
    active = np.zeros((size, 28), np.bool_)
    active[account[middle:], days[middle:] - late] = True
    covered = observed != NOBODY
    with np.errstate(divide="ignore", invalid="ignore"):
        trend = recent / before
    for name, values, known in (
        ("active_days_28", active.sum(axis=1), covered),
        ("days_since_use", day - last, covered & (last != NOBODY)),
        ("usage_trend_28", trend, covered & (first <= early) & (before > 0)),
    ):
        yield name, SignalColumn(np.where(known, values, np.nan), observed, by_day=True)


def count_tickets(
    tickets: Versions, owners: Owners, place: int, scope: SignalScope
) -> SignalColumn:
    """Count the tickets opened in 30 days, as `tickets_30` does.

    Args:
        tickets: `name`, `person`, `source` and `opened_at`, in its order.
        owners: Whose records are whose.
        place: The place of the time of knowledge.
        scope: The day.
    """
    opened = tickets["opened_at"]
    since, until = (count_microseconds(at) for at in (scope.since(30), scope.until))
    before = tickets.select_known(place, int(np.searchsorted(opened, until)))
    observed = owners.find_coverage(tickets["source"][before], opened[before])
    account = _find_recent(tickets, owners, np.arange(len(opened))[before], since, "opened_at")[1]
    counts = np.bincount(account, minlength=len(observed)).astype(np.float64)
    return SignalColumn(np.where(observed != NOBODY, counts, np.nan), observed)


def average_answers(
    answers: Versions, owners: Owners, place: int, scope: SignalScope, days: int
) -> SignalColumn:
    """Average the latest answer of each person, as `signals/surveys.py` does.

    Args:
        answers: `name`, `person`, `respondent` (of whom no contact is known), `value` and
            `answered_at`, in the order of `sort_oldest_first`.
        owners: Whose records are whose.
        place: The place of the time of knowledge.
        scope: The day.
        days: The length of the period in days.
    """
    since, until = (count_microseconds(at) for at in (scope.since(days), scope.until))
    stop = int(np.searchsorted(answers["answered_at"], until))
    before = np.arange(answers.size)[answers.select_known(place, stop)]
    rows, account = _find_recent(answers, owners, before, since, "answered_at")
    contact = owners.contact_of_person[answers["person"][rows]]
    whom = np.where(contact != NOBODY, contact, answers["respondent"][rows])
    width = int(whom.max(initial=0)) + 1
    _, latest = np.unique((account * width + whom)[::-1], return_index=True)
    latest = len(rows) - 1 - latest
    rows, account, size = rows[latest], account[latest], len(owners.known)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(account, answers["value"][rows], size) / np.bincount(
            account, minlength=size
        )
    observed = np.full(size, NOBODY)
    np.maximum.at(observed, account, answers["answered_at"][rows])
    return SignalColumn(mean, observed)


def find_leaving(
    subscriptions: Versions, owners: Owners, place: int, scope: SignalScope
) -> NDArray[np.bool_]:
    """Find who gave notice for all that runs, as `select_leaving_accounts` does.

    Args:
        subscriptions: Those that ever ran: `name`, `started_at`, `ended_at`, `canceled_at`.
        owners: Whose records are whose.
        place: The place of the time of knowledge.
        scope: The day.
    """
    until = count_microseconds(scope.until)
    rows = np.arange(subscriptions.size)[subscriptions.select_known(place)]
    started, ended = subscriptions["started_at"][rows], subscriptions["ended_at"][rows]
    rows = rows[(started < until) & (ended >= until)]
    account = owners.account_of_name[subscriptions["name"][rows]]
    requested = subscriptions["canceled_at"][rows] < until
    leaving, going_on = (np.zeros(len(owners.is_counted), np.bool_) for _ in range(2))
    leaving[account[requested]] = True
    going_on[account[~requested]] = True
    return (leaving & ~going_on & owners.is_counted)[:-1]


def _find_recent(
    facts: Versions, owners: Owners, rows: Ints, since: int, moment: str
) -> tuple[Ints, Ints]:
    """Return owned facts from an instant on, and whose they are."""
    rows = rows[facts[moment][rows] >= since]
    account = owners.find_accounts(
        facts["name"][rows], facts["person"][rows], facts[moment][rows], owners.by_time
    )
    owned = account != NOBODY
    return rows[owned], account[owned]
