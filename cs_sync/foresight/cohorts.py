"""Cohorts: accounts by the month of their first MRR, and what stayed of them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from msgspec import Struct


class MonthEnd(Protocol):
    """An account at the end of a month."""

    @property
    def mrr(self) -> int:
        """Its MRR in minor units of one currency."""
        ...

    @property
    def paying(self) -> bool:
        """Whether it has MRR in any currency."""
        ...


class Cohort(Struct, frozen=True):
    """The accounts whose first MRR was in one month.

    `mrr` is that of the month's end; `retained` and `mrr_retained` are by months since, the
    first month's own end being the first.
    """

    month: date
    accounts: int
    mrr: int
    retained: Sequence[int]
    mrr_retained: Sequence[int]


def build_cohorts(
    members: Iterable[tuple[date, Sequence[MonthEnd]]], ends: Sequence[date]
) -> list[Cohort]:
    """Build the cohorts of the months that end on these days.

    Oldest first.

    Args:
        members: The day of each account's first MRR, and the account at each of the ends.
        ends: The last days of consecutive months; the last one may be today.

    Returns:
        A cohort for each month in which an account began.
    """
    begun: dict[date, list[Sequence[MonthEnd]]] = {}
    for first_paid, path in members:
        begun.setdefault(first_paid.replace(day=1), []).append(path)
    cohorts = []
    for place, end in enumerate(ends):
        paths = [path[place:] for path in begun.get(end.replace(day=1), ())]
        if paths:
            mrr = [sum(point.mrr for point in points) for points in zip(*paths, strict=True)]
            retained = [sum(p.paying for p in points) for points in zip(*paths, strict=True)]
            cohorts.append(Cohort(end.replace(day=1), len(paths), mrr[0], retained, mrr))
    return cohorts
