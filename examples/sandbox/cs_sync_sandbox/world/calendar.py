"""Calendar arithmetic: months that clamp at their end, and instants from days."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Literal

SHORTEST_MONTH = 28


def get_midnight(day: date) -> datetime:
    """Return the start of `day` in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def add_months(moment: datetime, months: int) -> datetime:
    """Return the same day and time `months` later.

    Clamped to the last day of that month.
    """
    index = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(index, 12)
    day = moment.day
    if day > SHORTEST_MONTH:
        day = min(day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def iterate_periods(
    anchor: datetime, interval: Literal["month", "year"]
) -> Iterator[tuple[datetime, datetime]]:
    """Yield billing periods `[start, end)` from the anchor.

    Without drift after short months.
    """
    step = 12 if interval == "year" else 1
    count = 0
    while True:
        yield add_months(anchor, count * step), add_months(anchor, (count + 1) * step)
        count += 1


def choose_between(rng: Random, start: datetime, end: datetime) -> datetime:
    """Return a whole second in `[start, end)`."""
    span = max(1, int((end - start).total_seconds()))
    return start + timedelta(seconds=rng.randrange(span))


def choose_office_hour(rng: Random, day: datetime) -> datetime:
    """Choose a moment of the day between 07:00 and 17:00 UTC.

    Of the day of `day`.
    """
    return get_midnight(day.date()) + timedelta(seconds=rng.randrange(7 * 3600, 17 * 3600))
