"""The named signals of health: one SQL statement each, with one value per account.

Rows are `account_id, value, observed_at, n`. An account without a row, or with value
None, has no facts: the signal is missing, which is never the same as 0. A covered
account (linked to a source of such facts) without activity has a real 0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select, Table

from cs_sync.health.coverage import Coverage
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.answer_sweeps import CSAT, NPS
from cs_sync.health.signals.billing import billing_standing
from cs_sync.health.signals.billing_sweep import BILLING
from cs_sync.health.signals.contact import last_contact
from cs_sync.health.signals.fact_sweeps import FactSweep, list_covered
from cs_sync.health.signals.features import feature_28
from cs_sync.health.signals.mrr import mrr_change_90, read_seat_change, seat_change_90
from cs_sync.health.signals.payments import late_payments_365
from cs_sync.health.signals.renewal import days_to_renewal, read_days_to_renewal
from cs_sync.health.signals.seats import seat_use_28
from cs_sync.health.signals.support import OPENED_TICKETS, open_tickets, tickets_30
from cs_sync.health.signals.surveys import csat_90, nps_180
from cs_sync.health.signals.usage import active_days_28, last_day_of_use, usage_trend_28
from cs_sync.health.signals.use_history import (
    NEVER as NO_USE,
)
from cs_sync.health.signals.use_history import (
    Swept,
    UsedDays,
    UseHistory,
    compare_events,
    count_active_days,
    count_days_since_use,
)
from cs_sync.i18n import Translator
from cs_sync_schemas.tables import (
    FEATURE_DAY,
    INVOICE,
    SOURCE_ACCOUNT,
    SUBSCRIPTION,
    SURVEY_RESPONSE,
    TICKET,
    USAGE_DAY,
)


class Reading(NamedTuple):
    """The value of a signal for one account; `observed_at` dates its newest fact, `n` counts
    them.

    A tuple, as a report makes dozens of each account.
    """

    value: float | None
    observed_at: datetime | date | None = None
    n: int = 0


def _read_number(row: Any, _scope: SignalScope) -> float:
    return float(row.value)


def _read_days_ago(row: Any, scope: SignalScope) -> float:
    at = row.value
    day = scope.to_local_day(at) if isinstance(at, datetime) else at
    return float((scope.day - day).days)


@dataclass(frozen=True, slots=True)
class Signal:
    """A fact about an account, usable as a health input.

    `build` makes the statement for a scope; `read` makes a number of a row of it whose `value`
    is not None. The catalogues hold the words of ours, by the name; a plugin's signal brings its
    own: `title`, `absence` (what is said where its facts are missing) and, unless the title with
    the number will do, `sentence`.
    """

    name: str
    build: Callable[[SignalScope], Select[Any]]
    records: tuple[Table, ...]
    """The tables of the records that it is made of; one of them is enough."""
    better: Literal["more", "less", "either"] = "either"
    """Whether more of it is always a better sign, or less; a map must not say the opposite."""
    read: Callable[[Any, SignalScope], float | None] = _read_number
    meaning: str = ""
    """What its value says, and when there is none."""
    field: str | None = None
    """The field of the records that it needs, where they also come without it."""
    for_some: bool = False
    """Only some accounts have such facts at all: to the others nothing is missing."""
    sweep: Callable[[UsedDays, int], Swept | None] | None = None
    """Says the same of a covered account from its days of use, read once for many days.

    It is asked for a day's ordinal."""
    facts: FactSweep | None = None
    """Says the same from facts that are read once for many days."""
    title: str = ""
    absence: str = ""
    sentence: Callable[[float, Translator], str] | None = None

    @property
    def key(self) -> str:
        """The signal's key in the catalogues."""
        return self.name.partition(":")[0]


_ALL = (
    Signal(
        "active_days_28", active_days_28, (USAGE_DAY,), "more",
        meaning="On how many of the last 28 days somebody of the account used the product, 0 to "
        "28. Missing where no usage source knows the account.", sweep=count_active_days,
    ),
    Signal(
        "days_since_use", last_day_of_use, (USAGE_DAY,), "less", _read_days_ago,
        meaning="Days since it was last used; 0 is today. Missing where it never was.",
        sweep=count_days_since_use,
    ),
    Signal(
        "usage_trend_28", usage_trend_28, (USAGE_DAY,), "more",
        meaning="Events of the last 28 days ÷ events of the previous 28: 1 is no change, 0.6 a "
        "fall by 40 %. Missing until the account has used it for 56 days, or without earlier "
        "events.", sweep=compare_events,
    ),
    Signal(
        "seat_use_28", seat_use_28, (USAGE_DAY,), "more",
        meaning="Licence use: people active in the last 28 days ÷ seats of its running "
        "subscriptions (the units of the largest licensed item of each); above 1 more people use "
        "it than are paid for. Missing without seats, and where no person of the account was ever "
        "seen by name: a source that only knows the account says nothing of its seats.",
    ),
    Signal(
        "tickets_30", tickets_30, (TICKET,),
        meaning="Tickets opened in the last 30 days. Few may be silence and many may be interest, "
        "so that a map may turn either way. Missing where support does not know the account.",
        facts=OPENED_TICKETS,
    ),
    Signal(
        "open_tickets", open_tickets, (TICKET,), "less",
        meaning="Tickets neither solved nor closed. Missing where support does not know it.",
    ),
    Signal(
        "billing_standing", billing_standing, (SUBSCRIPTION, INVOICE), "more",
        meaning="The worst of its subscriptions and invoices: 2 pays, 1 an end is set, 0 something "
        "is past due. Missing without a running subscription or an invoice past due.",
        facts=BILLING,
    ),
    Signal(
        "nps", nps_180, (SURVEY_RESPONSE,), "more",
        meaning="Mean of its people's latest NPS answers in 180 days, 0 to 10. Missing without.",
        facts=NPS,
    ),
    Signal(
        "csat_90", csat_90, (SURVEY_RESPONSE,), "more",
        meaning="Share of its people whose latest rating in 90 days is in the upper quarter of "
        "its scale, 0 to 1: 4 and 5 of 1 to 5. Missing without ratings.",
        facts=CSAT,
    ),
    Signal(
        "mrr_change_90", mrr_change_90, (SUBSCRIPTION,), "more",
        meaning="MRR now ÷ MRR 90 days ago: 1 is no change, 0.6 a fall by 40 %. Left out "
        "for customers of less than 90 days, and where an account is billed in several currencies.",
        for_some=True,
    ),
    Signal(
        "seat_change_90", seat_change_90, (SUBSCRIPTION,), "more", read_seat_change,
        meaning="Seats now ÷ seats 90 days ago, both of the MRR (the largest quantity of each "
        "subscription). Left out for plans of one unit and for customers of less than 90 days.",
        for_some=True,
    ),
    Signal(
        "late_payments_365", late_payments_365, (INVOICE,), "less",
        meaning="Invoices of the last 365 days whose charge failed, that were paid more than a "
        "day late, or that are unpaid or given up. Missing without an invoice in that time.",
    ),
    Signal(
        "days_to_renewal", days_to_renewal, (SUBSCRIPTION,), "more", read_days_to_renewal,
        meaning="Days until the term of an annual plan ends: by its invoice, else by the "
        "anniversary of its start; of several plans the first. Left out without an annual plan "
        "that goes on.",
        for_some=True,
    ),
    Signal(
        "days_since_contact", last_contact, (SOURCE_ACCOUNT,), "less", _read_days_ago,
        meaning="Days since the CRM last logged a call, an e-mail or a meeting with the account "
        "(`last_contacted_at`). Missing where it never did, and for days before the last contact.",
        field="last_contacted_at",
    ),
)  # fmt: skip

SIGNALS: dict[str, Signal] = {signal.name: signal for signal in _ALL}
_of_plugins: dict[str, Signal] = {}
"""The signals of the plugins of this process, by name."""


def register_signals(signals: Iterable[Signal]) -> None:
    """Replace the signals of plugins that the health model may use."""
    _of_plugins.clear()
    _of_plugins.update((signal.name, signal) for signal in signals)


FEATURE_SIGNAL = Signal(
    "feature:NAME", partial(feature_28, feature="NAME"), (FEATURE_DAY,),
    meaning="How often the account used the feature of this name in the last 28 days, as "
    "`feature_days` give it (of PostHog: your own events); where only people are counted, each "
    "counts once a day. Missing where no source that ever saw the feature knows the account, so "
    "that a mistyped name is not taken for zero.",
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
    signal = SIGNALS.get(name) or _of_plugins.get(name)
    if signal is None:
        names = ", ".join([*SIGNALS, *_of_plugins, FEATURE_SIGNAL.name])
        raise ValueError(f"unknown signal {name!r}; use one of: {names}")
    return signal


def get_coverage(name: str, active_features: Sequence[str] = ()) -> Coverage | None:
    """Return by which facts sources cover accounts for a signal.

    None if by none.
    """
    records = get_signal(name).records
    if USAGE_DAY in records:
        features = tuple(active_features)
        return Coverage(FEATURE_DAY if features else USAGE_DAY, "day", features)
    if FEATURE_DAY in records:
        return Coverage(FEATURE_DAY, "day", (parse_feature(name),))
    return Coverage(TICKET, "opened_at") if TICKET in records else None


def parse_feature(name: str) -> str:
    """Return the feature in a signal's name, if it has one."""
    return name.partition(":")[2]


def read_row(signal: Signal, row: Any, scope: SignalScope) -> Reading:
    """Read the reading from one row of a signal's statement."""
    value = None if row.value is None else signal.read(row, scope)
    return Reading(value, row.observed_at, row.n or 0)


def sweeps_use(names: Iterable[str]) -> bool:
    """Return whether one of the signals follows from all days of use."""
    return any(get_signal(name).sweep for name in names)


def sweep_use(
    use: UseHistory, newest: Mapping[str, date], signals: Sequence[Signal], day: date
) -> dict[str, dict[str, Reading]]:
    """Read signals of use: account id → signal → reading.

    Args:
        use: The days of use of all accounts.
        newest: Source → the day of its newest fact up to the day.
        signals: Signals with a `sweep`.
        day: The last day that counts.
    """
    ordinal = day.toordinal()
    sweeps = [(signal.name, signal.sweep) for signal in signals if signal.sweep is not None]
    readings: dict[str, dict[str, Reading]] = {}
    for account, observed_at in list_covered(use.sources, newest):
        days = use.days.get(account, NO_USE)
        own = readings[account] = {}
        for name, sweep in sweeps:
            swept = sweep(days, ordinal)
            if swept is not None:
                own[name] = Reading(swept[0], observed_at, swept[1])
    return {account: own for account, own in readings.items() if own}
