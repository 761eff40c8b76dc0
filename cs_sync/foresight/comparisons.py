"""Comparisons of churn rates: exact test, ratio, and a correction for many of them."""

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from cs_sync.metrics.intervals import Interval, calculate_log_interval, calculate_wilson_interval

_NEGLIGIBLE = 1e-20
"""Tables this much rarer than the most probable one add nothing to a p-value."""
_ROUNDING = 1 + 1e-7
"""Tables of equal probability may differ by this factor in floating point."""


class Counts(Struct, frozen=True):
    """How many there were, and how many of them left."""

    n: int
    churned: int

    @property
    def rate(self) -> float | None:
        """The share that left; None without any."""
        return self.churned / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """The 95 % score interval of the share (E. B. Wilson, 1927)."""
        return calculate_wilson_interval(self.churned, self.n)

    def subtract(self, part: "Counts") -> "Counts":
        """Return the counts without those of a part."""
        return Counts(self.n - part.n, self.churned - part.churned)


def calculate_risk_ratio(group: Counts, other: Counts) -> tuple[float, float, float] | None:
    """Calculate the ratio of two groups' risks, with its 95 % interval.

    The interval is that of Katz, Baptista, Azen and Pike, 1978.

    Returns:
        (ratio, low, high); None where either group is empty or nobody of it left.
    """
    if not group.churned or not other.churned:
        return None
    ratio = group.churned / group.n / (other.churned / other.n)
    variance = 1 / group.churned - 1 / group.n + 1 / other.churned - 1 / other.n
    interval = calculate_log_interval(ratio, variance)
    return None if interval is None else (ratio, *interval)


def calculate_exact_p(group: Counts, other: Counts) -> float | None:
    """Calculate the two-sided p-value of R. A. Fisher's exact test.

    It is the probability of all tables with these margins that are no more probable than
    the observed one.

    Returns:
        None where either group is empty.
    """
    if not group.n or not other.n:
        return None
    tables = _weigh_tables(group, other)
    observed = tables.get(group.churned, 0.0) * _ROUNDING
    return min(1.0, sum(w for w in tables.values() if w <= observed) / sum(tables.values()))


def calculate_exact_p_of_fewer(group: Counts, other: Counts) -> float | None:
    """Calculate the one-sided p-value: the probability of so few departures, or fewer.

    Returns:
        None where either group is empty.
    """
    if not group.n or not other.n:
        return None
    tables = _weigh_tables(group, other)
    return sum(w for left, w in tables.items() if left <= group.churned) / sum(tables.values())


def _weigh_tables(group: Counts, other: Counts) -> dict[int, float]:
    """Weigh the tables with these margins by their relative probability.

    Keys are the departures of one.
    """
    left = group.churned + other.churned
    low, high = max(0, left - other.n), min(left, group.n)
    mode = min(max((left + 1) * (group.n + 1) // (group.n + other.n + 2), low), high)
    return {
        mode: 1.0,
        **dict(_walk_tables(group.n, other.n, left, (mode, high))),
        **dict(_walk_tables(group.n, other.n, left, (mode, low))),
    }


def _walk_tables(n: int, m: int, left: int, span: tuple[int, int]) -> Iterator[tuple[int, float]]:
    """Yield tables from the most probable one to an end.

    Each with its relative probability.
    """
    place, end = span
    weight, step = 1.0, 1 if end >= place else -1
    while place != end and weight > _NEGLIGIBLE:
        low = min(place, place + step)  # the ratio of neighbours, as of `low` and `low + 1`
        ratio = (n - low) * (left - low) / ((low + 1) * (m - left + low + 1))
        weight *= ratio if step > 0 else 1 / ratio
        place += step
        yield place, weight


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for the number of comparisons (S. Holm, 1979).

    Levels of a factor exclude each other, and factors overlap: the comparisons depend on
    each other in unknown ways. Holm's correction holds under any of them; that of Benjamini and
    Hochberg does not, and would let one in twenty named causes be wrong where money is
    spent on each.

    Returns:
        The adjusted values in the order of the given ones.
    """
    ordered = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(ordered):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = largest
    return adjusted


def calculate_normal_p(z: float) -> float:
    """Calculate the two-sided p-value of a standard normal value."""
    return math.erfc(abs(z) / math.sqrt(2))
