"""The named signals of health: each is one statement that gives a value per account.

Rows are `account_id, value, observed_at, n`. An account without a row, or with value None, has no
facts: the signal is missing, which is never the same as nought. An account that a source of such
facts knows (a link into it exists) and that did nothing has a real nought.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Select

from cs_sync.health.scope import SignalScope
from cs_sync.health.signals_billing import billing_standing
from cs_sync.health.signals_support import open_tickets, tickets_30
from cs_sync.health.signals_usage import active_days_28, last_day_of_use, usage_trend_28
from cs_sync.health.signals_voice import csat_90, nps_180


@dataclass(frozen=True, slots=True)
class Reading:
    """What a signal says of one account; `observed_at` dates its newest fact, `n` counts them."""

    value: float | None
    observed_at: datetime | date | None = None
    n: int = 0


def _number(value: Any, scope: SignalScope) -> float:  # noqa: ARG001 - the shape of Signal.read
    return float(value)


def _days_ago(value: Any, scope: SignalScope) -> float:
    return float((scope.day - value).days)


@dataclass(frozen=True, slots=True)
class Signal:
    """A fact about an account that a health input may be made of.

    `build` makes the statement for a scope and `read` turns its `value` (never None) into a
    number; `absence` says in words that there are no facts.
    """

    name: str
    title: str
    unit: str
    build: Callable[[SignalScope], Select[Any]]
    absence: str
    better: Literal["more", "less", "either"] = "either"
    """Whether more of it is always a better sign, or less; a map must not say the opposite."""
    read: Callable[[Any, SignalScope], float] = _number


_ALL = (
    Signal("active_days_28", "Active days of the last 28", "days", active_days_28,
           "No usage source knows this account", "more"),
    Signal("days_since_use", "Days since it was last used", "days", last_day_of_use,
           "Never used, or unknown to every usage source", "less", _days_ago),
    Signal("usage_trend_28", "Events of the last 28 days per event of the 28 before", "ratio",
           usage_trend_28, "Not yet used for 56 days", "more"),
    Signal("tickets_30", "Tickets opened in the last 30 days", "tickets", tickets_30,
           "No support source knows this account"),
    Signal("open_tickets", "Tickets that wait for us", "tickets", open_tickets,
           "No support source knows this account", "less"),
    Signal("billing_standing", "2 good, 1 to be cancelled, 0 past due", "", billing_standing,
           "No subscription that runs and no invoice past due", "more"),
    Signal("nps", "Mean of its people's latest NPS answers, 0 to 10", "points", nps_180,
           "No NPS answer in 180 days", "more"),
    Signal("csat_90", "Share of its people who were satisfied", "ratio", csat_90,
           "No satisfaction rating in 90 days", "more"),
)  # fmt: skip

SIGNALS: dict[str, Signal] = {signal.name: signal for signal in _ALL}


def read_row(signal: Signal, row: Any, scope: SignalScope) -> Reading:
    """The reading in one row of a signal's statement."""
    value = None if row.value is None else signal.read(row.value, scope)
    return Reading(value, row.observed_at, row.n or 0)
