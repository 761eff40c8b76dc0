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
    number. What it is called, and that there are no facts, is said by its name in the catalogues.
    """

    name: str
    build: Callable[[SignalScope], Select[Any]]
    better: Literal["more", "less", "either"] = "either"
    """Whether more of it is always a better sign, or less; a map must not say the opposite."""
    read: Callable[[Any, SignalScope], float] = _number


_ALL = (
    Signal("active_days_28", active_days_28, "more"),
    Signal("days_since_use", last_day_of_use, "less", _days_ago),
    Signal("usage_trend_28", usage_trend_28, "more"),
    Signal("tickets_30", tickets_30),
    Signal("open_tickets", open_tickets, "less"),
    Signal("billing_standing", billing_standing, "more"),
    Signal("nps", nps_180, "more"),
    Signal("csat_90", csat_90, "more"),
)

SIGNALS: dict[str, Signal] = {signal.name: signal for signal in _ALL}


def read_row(signal: Signal, row: Any, scope: SignalScope) -> Reading:
    """The reading in one row of a signal's statement."""
    value = None if row.value is None else signal.read(row.value, scope)
    return Reading(value, row.observed_at, row.n or 0)
