"""Observations: a customer at a month end, what was known then, and what became of it.

An account is observed at every month end at which it pays and has not given notice. Its horizon
begins after the lead; who leaves during the lead is not observed, as no time is left to act.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from msgspec import Struct

from cs_sync.metrics.periods import find_period, get_day_start

Outcome = Literal["voluntary", "involuntary", "contracted", "expanded", "stayed"]
Target = Literal["churn", "contraction", "expansion", "voluntary", "involuntary"]

TENURE = "tenure_months"
"""The value that no signal has: months since the account's first MRR."""
DAYS_PER_MONTH = 365 / 12

OUTCOMES: Mapping[Target, tuple[Outcome, ...]] = {
    "churn": ("voluntary", "involuntary"),
    "contraction": ("contracted",),
    "expansion": ("expanded",),
    "voluntary": ("voluntary",),
    "involuntary": ("involuntary",),
}
"""The outcomes that each target is about; churn is both ways to leave together."""


class Observation(Struct, frozen=True):
    """An account at a month end: what was known then, and its outcome in the horizon."""

    account: str
    cutoff: date
    """The month's last day; what happened on it is known."""
    outcome: Outcome
    mrr: int
    """At the cutoff, in minor units of `currency`; of several currencies the largest."""
    currency: str
    values: Mapping[str, float | None]
    """Signal → its reading, and the tenure in months; None is unknown."""
    score: float | None = None
    band: str | None = None
    """Score and band of the health model of now on that day; None where none was asked for."""
    left_at: datetime | None = None


class History(Struct, frozen=True):
    """The time that can be judged, and since when the workspace knows it."""

    first: date
    """The day of the first MRR."""
    ends_at: datetime
    """The newest fact of any kind: after it nothing is known to have stayed."""
    read_at: datetime
    """When every source had been read once: what came before is known as of then."""

    def find_knowledge_time(self, at: datetime) -> datetime:
        """Return when an instant's facts count as known."""
        return max(at, self.read_at)


class Window(Struct, frozen=True):
    """The horizon of a cutoff: from `opens_at` (exclusive) to `closes_at` (inclusive)."""

    cutoff: date
    until: datetime
    """The end of the cutoff's day: facts before it count."""
    opens_at: datetime
    closes_at: datetime


def build_window(cutoff: date, zone: str, lead: timedelta, horizon: timedelta) -> Window:
    """Build the horizon of a cutoff in a reporting zone."""
    until = get_day_start(cutoff + timedelta(days=1), zone)
    return Window(cutoff, until, until + lead, until + lead + horizon)


def list_windows(history: History, zone: str, lead: timedelta, horizon: timedelta) -> list[Window]:
    """List the month ends with a complete horizon, oldest first.

    A horizon that reaches beyond the history is left out: nobody is known to have stayed.
    """
    windows: list[Window] = []
    period = find_period(history.first, "month", zone)
    while True:
        window = build_window(period.end - timedelta(days=1), zone, lead, horizon)
        if window.closes_at > history.ends_at:
            return windows
        windows.append(window)
        period = find_period(period.end, "month", zone)


def list_known_cutoffs(cutoffs: Sequence[date], at: date, days: int) -> list[date]:
    """List the cutoffs whose outcome is known at a later one.

    So no horizon of an account lies on both sides of a cut between learning and judging.

    Args:
        cutoffs: The candidates.
        at: The cutoff at which one learns.
        days: Lead and horizon together.
    """
    return [cutoff for cutoff in cutoffs if cutoff + timedelta(days=days) <= at]


def classify_outcome(
    causes: Sequence[str], before: Mapping[str, int], after: Mapping[str, int]
) -> Outcome | None:
    """Classify what became of an account in its horizon.

    Args:
        causes: Reason groups of the times that it left in the horizon.
        before: Currency → MRR when the horizon opens.
        after: Currency → MRR when it closes.

    Returns:
        None where the books do not say: it left the records without leaving as a customer.
    """
    if causes:
        return "involuntary" if causes[0] == "involuntary" else "voluntary"
    if not any(before.values()) or not any(after.values()):
        return None
    changes = [after.get(name, 0) - before.get(name, 0) for name in {*before, *after}]
    if min(changes) < 0 < max(changes):
        return "stayed"  # from one currency to another: neither more nor less without rates
    if min(changes) < 0:
        return "contracted"
    return "expanded" if max(changes) > 0 else "stayed"


def find_main_currency(mrr: Mapping[str, int]) -> str:
    """Return the currency with the largest amount."""
    return min(mrr, key=lambda currency: (-mrr[currency], currency))
