"""The named signals of health: one SQL statement each, with one value per account.

Rows are `account_id, value, observed_at, n`. An account without a row, or with value
None, has no facts: the signal is missing, which is never the same as 0. A covered
account (linked to a source of such facts) without activity has a real 0.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import Select

from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.billing import billing_standing
from cs_sync.health.signals.features import feature_28
from cs_sync.health.signals.seats import seat_use_28
from cs_sync.health.signals.support import open_tickets, tickets_30
from cs_sync.health.signals.surveys import csat_90, nps_180
from cs_sync.health.signals.usage import active_days_28, last_day_of_use, usage_trend_28


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of a signal for one account; `observed_at` dates its newest fact, `n` counts
    them.
    """

    value: float | None
    observed_at: datetime | date | None = None
    n: int = 0


def _read_number(value: Any, scope: SignalScope) -> float:  # noqa: ARG001 - the shape of Signal.read
    return float(value)


def _read_days_ago(value: Any, scope: SignalScope) -> float:
    return float((scope.day - value).days)


@dataclass(frozen=True, slots=True)
class Signal:
    """A fact about an account, usable as a health input.

    `build` makes the statement for a scope; `read` converts its `value` (never None) to a
    number. The catalogues hold its title and the text for missing facts, by its name.
    """

    name: str
    build: Callable[[SignalScope], Select[Any]]
    better: Literal["more", "less", "either"] = "either"
    """Whether more of it is always a better sign, or less; a map must not say the opposite."""
    read: Callable[[Any, SignalScope], float] = _read_number
    meaning: str = ""
    """What its value says, and when there is none."""

    @property
    def key(self) -> str:
        """The signal's key in the catalogues."""
        return self.name.partition(":")[0]


_ALL = (
    Signal(
        "active_days_28", active_days_28, "more",
        meaning="On how many of the last 28 days somebody of the account used the product, 0 to "
        "28. Missing where no usage source knows the account.",
    ),
    Signal(
        "days_since_use", last_day_of_use, "less", _read_days_ago,
        meaning="Days since it was last used; 0 is today. Missing where it never was.",
    ),
    Signal(
        "usage_trend_28", usage_trend_28, "more",
        meaning="Events of the last 28 days ÷ events of the 28 before: 1 is no change, 0.6 a fall "
        "by 40 %. Missing until the account has used it for 56 days, or without earlier events.",
    ),
    Signal(
        "seat_use_28", seat_use_28, "more",
        meaning="Licence use: people active in the last 28 days ÷ seats of its running "
        "subscriptions (the units of the largest licensed item of each); above 1 more people use "
        "it than are paid for. Missing without seats, and where no person of the account was ever "
        "seen by name: a source that only knows the account says nothing of its seats.",
    ),
    Signal(
        "tickets_30", tickets_30,
        meaning="Tickets opened in the last 30 days. Few may be silence and many may be interest, "
        "so that a map may turn either way. Missing where support does not know the account.",
    ),
    Signal(
        "open_tickets", open_tickets, "less",
        meaning="Tickets neither solved nor closed. Missing where support does not know it.",
    ),
    Signal(
        "billing_standing", billing_standing, "more",
        meaning="The worst of its subscriptions and invoices: 2 pays, 1 an end is set, 0 something "
        "is past due. Missing without a running subscription or an invoice past due.",
    ),
    Signal(
        "nps", nps_180, "more",
        meaning="Mean of its people's latest NPS answers in 180 days, 0 to 10. Missing without.",
    ),
    Signal(
        "csat_90", csat_90, "more",
        meaning="Share of its people whose latest rating in 90 days is in the upper quarter of "
        "its scale, 0 to 1: 4 and 5 of 1 to 5. Missing without ratings.",
    ),
)  # fmt: skip

SIGNALS: dict[str, Signal] = {signal.name: signal for signal in _ALL}

FEATURE_SIGNAL = Signal(
    "feature:NAME", partial(feature_28, feature="NAME"),
    meaning="How often the account used the feature of this name in the last 28 days, as "
    "`feature_days` give it (of PostHog: your own events); where only people are counted, each "
    "counts once a day. Missing where no source that ever saw the feature knows the account, so "
    "that a mistyped name is no nought.",
)  # fmt: skip
"""The signal that every feature or event has, by its own name."""


def get_signal(name: str) -> Signal:
    """Return the signal of a name.

    Raises:
        ValueError: The name is unknown.
    """
    kind, colon, feature = name.partition(":")
    if colon and kind == FEATURE_SIGNAL.key and feature.strip():
        return replace(FEATURE_SIGNAL, name=name, build=partial(feature_28, feature=feature))
    if name not in SIGNALS:
        names = ", ".join([*SIGNALS, FEATURE_SIGNAL.name])
        raise ValueError(f"unknown signal {name!r}; use one of: {names}")
    return SIGNALS[name]


def parse_feature(name: str) -> str:
    """Return the feature in the name of a signal; "" if it has none."""
    return name.partition(":")[2]


def read_row(signal: Signal, row: Any, scope: SignalScope) -> Reading:
    """Read the reading from one row of a signal's statement."""
    value = None if row.value is None else signal.read(row.value, scope)
    return Reading(value, row.observed_at, row.n or 0)
