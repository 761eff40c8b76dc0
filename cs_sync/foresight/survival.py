"""Survival of accounts: Kaplan–Meier, the log-rank comparison, and hazards by tenure."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct

from cs_sync.foresight.comparisons import Counts, calculate_normal_p
from cs_sync.metrics.intervals import Z_95


class Lifetime(Struct, frozen=True):
    """An account from its first MRR to the day it stopped paying, else to the last known day."""

    start: date
    end: date
    left: bool

    @property
    def days(self) -> int:
        """Its length in days."""
        return (self.end - self.start).days

    @property
    def months(self) -> int:
        """Its length in complete calendar months."""
        return count_months(self.start, self.end)


class SurvivalPoint(Struct, frozen=True):
    """The share still there after a day on which somebody left, with its 95 % interval."""

    day: int
    at_risk: int
    left: int
    survival: float
    error: float
    """The standard error of M. Greenwood, 1926."""
    low: float
    high: float


class LogRank(Struct, frozen=True):
    """The departures of a group beside those expected if it left like all others."""

    observed: int
    expected: float
    variance: float

    @property
    def p_value(self) -> float | None:
        """The two-sided p-value of the log-rank test; None without variance."""
        if self.variance <= 0:
            return None
        return calculate_normal_p((self.observed - self.expected) / math.sqrt(self.variance))

    @property
    def hazard_ratio(self) -> tuple[float, float, float] | None:
        """How many times as fast the group leaves, with its interval.

        The interval is of 95 %. It is Peto's one-step estimate, exp((O − E) ÷ V) (Yusuf and others,
        1985); None where no group has a departure at a time when both have members.
        """
        if self.variance <= 0:
            return None
        log, half = (self.observed - self.expected) / self.variance, Z_95 / self.variance**0.5
        return math.exp(log), math.exp(log - half), math.exp(log + half)


def count_months(start: date, end: date) -> int:
    """Count the complete calendar months between two days."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - (end.day < start.day)


def estimate_survival(lifetimes: Iterable[Lifetime]) -> list[SurvivalPoint]:
    """Estimate the survival curve (Kaplan and Meier, 1958).

    The interval is that of log(−log S) (Kalbfleisch and Prentice, 1980), which stays
    between 0 and 1. Who is only known until a day counts as there on it.

    Returns:
        A point for each day, since the start, on which somebody left.
    """
    left, ended, at_risk = _count_by_day(lifetimes)
    survival, greenwood, points = 1.0, 0.0, []
    for day in sorted(ended):
        if left[day]:
            survival *= 1 - left[day] / at_risk
            stay = at_risk - left[day]
            greenwood += left[day] / (at_risk * stay) if stay else 0.0
            low, high = _build_interval(survival, greenwood)
            error = survival * math.sqrt(greenwood)
            points.append(SurvivalPoint(day, at_risk, left[day], survival, error, low, high))
        at_risk -= ended[day]
    return points


def _count_by_day(lifetimes: Iterable[Lifetime]) -> tuple[Counter[int], Counter[int], int]:
    """Count departures and ends by day since the start.

    And how many began.
    """
    everyone = list(lifetimes)
    left = Counter(life.days for life in everyone if life.left)
    return left, Counter(life.days for life in everyone), len(everyone)


def _build_interval(survival: float, greenwood: float) -> tuple[float, float]:
    if survival <= 0:
        return 0.0, 0.0
    log = math.log(survival)
    spread = math.exp(Z_95 * math.sqrt(greenwood) / log)
    return survival ** (1 / spread), survival**spread


def get_survival(points: Sequence[SurvivalPoint], day: int) -> SurvivalPoint | None:
    """Find the point that holds on a day.

    None before the first departure.
    """
    place = bisect_right(points, day, key=lambda point: point.day)
    return points[place - 1] if place else None


def compare_survival(group: Iterable[Lifetime], others: Iterable[Lifetime]) -> LogRank:
    """Compare a group with others by the log-rank test (Mantel, 1966)."""
    own_left, own_ended, own = _count_by_day(group)
    left, ended, all_others = _count_by_day(others)
    expected = variance = 0.0
    for day in sorted(own_ended | ended):
        gone, at_risk = own_left[day] + left[day], own + all_others
        if gone:
            share = own / at_risk
            expected += gone * share
            if at_risk > 1:
                variance += gone * share * (1 - share) * (at_risk - gone) / (at_risk - 1)
        own -= own_ended[day]
        all_others -= ended[day]
    return LogRank(own_left.total(), expected, variance)


def count_by_tenure(lifetimes: Iterable[Lifetime], today: date) -> list[Counts]:
    """Count accounts that began each month of tenure, and leavers.

    Only months that ended by today count, for those who left as for those who stayed:
    otherwise the last month would have the departures without the others.

    Returns:
        By complete months since the start: 12 is the month after the first year.
    """
    at_risk: Counter[int] = Counter()
    left: Counter[int] = Counter()
    for life in lifetimes:
        observed = count_months(life.start, today)
        months = min(observed, life.months + 1) if life.left else observed
        at_risk[months] += 1
        if life.left and life.months < observed:
            left[life.months] += 1
    counts, remaining = [], at_risk.total()
    for month in range(max(at_risk, default=0)):
        remaining -= at_risk[month]
        counts.append(Counts(remaining, left[month]))
    return counts
