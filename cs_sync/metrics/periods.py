"""Calendar periods in the reporting zone, half-open, with their instants."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

Grain = Literal["day", "week", "month", "quarter", "year"]
GRAINS: tuple[Grain, ...] = get_args(Grain)
_MONTHS: dict[Grain, int] = {"month": 1, "quarter": 3, "year": 12}


class Period(Struct, frozen=True, order=True):
    """The days `[start, end)` of a zone; `end` is exclusive."""

    start: date
    end: date
    zone: str

    @property
    def starts_at(self) -> datetime:
        """The UTC instant at which `start` begins."""
        return get_day_start(self.start, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The UTC instant at which `end` begins; exclusive."""
        return get_day_start(self.end, self.zone)

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.end - self.start).days


@lru_cache(maxsize=4096)
def get_day_start(day: date, zone: str) -> datetime:
    """Return the UTC instant at which a day begins in a zone.

    Also where clocks change at midnight.
    """
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def find_clock_changes(start: date, end: date, zone: str) -> list[tuple[datetime, int]]:
    """Find the clock changes of a zone between two days.

    Each comes with its seconds. Precise to a quarter of an hour: zones change on the hour or half
    past it.
    """
    place, step = ZoneInfo(zone), timedelta(minutes=15)

    def offset(at: datetime) -> timedelta:
        return at.astimezone(place).utcoffset() or timedelta()

    changes = []
    at, last = get_day_start(start, "UTC"), get_day_start(end, "UTC")
    while at < last:
        after = at + timedelta(days=1)
        if offset(at) != offset(after):
            turn = next(at + step * n for n in range(1, 97) if offset(at + step * n) != offset(at))
            changes.append((turn, int((offset(after) - offset(at)).total_seconds())))
        at = after
    return changes


def add_months(day: date, months: int) -> date:
    """Return the same day some months later or earlier.

    Or that month's last day.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


def add_interval(at: datetime, interval: str, count: int) -> datetime:
    """Return the instant one billing interval later.

    An interval is `count` days, weeks, months or years.
    """
    if interval in ("day", "week"):
        return at + timedelta(days=count * (7 if interval == "week" else 1))
    return datetime.combine(add_months(at.date(), count * _count_months(interval)), at.timetz())


def find_interval(
    anchor: datetime, interval: str, count: int, at: datetime
) -> tuple[datetime, datetime]:
    """Return the billing interval around an instant, counted from an anchor.

    Args:
        anchor: The start of the first interval; not after `at`.
        interval: `day`, `week`, `month` or `year`.
        count: The number of these in one interval.
        at: The instant.
    """
    longest = timedelta(days=count * {"day": 1, "week": 7, "month": 31, "year": 366}[interval])
    turn = (at - anchor) // longest
    while (end := add_interval(anchor, interval, count * (turn + 1))) <= at:
        turn += 1
    return add_interval(anchor, interval, count * turn), end


def find_period(day: date, grain: Grain, zone: str) -> Period:
    """Return the period of a day; weeks begin on Monday (ISO 8601)."""
    if grain == "day":
        return Period(day, day + timedelta(days=1), zone)
    if grain == "week":
        start = day - timedelta(days=day.weekday())
        return Period(start, start + timedelta(days=7), zone)
    step = _count_months(grain)
    start = date(day.year, (day.month - 1) // step * step + 1, 1)
    return Period(start, add_months(start, step), zone)


def find_last_whole_period(as_of: date, grain: Grain, zone: str) -> Period:
    """Return the last whole period completed at the start of `as_of`.

    A month is complete on the first of the next: as of 31 October the last whole month is
    September.
    """
    running = find_period(as_of, grain, zone)
    return find_period(running.start - timedelta(days=1), grain, zone)


def list_whole_periods(since: date, until: date, grain: Grain, zone: str) -> tuple[Period, ...]:
    """Return every period entirely in `[since, until)`, oldest first."""
    return tuple(_iterate_whole_periods(since, until, grain, zone))


def _iterate_whole_periods(since: date, until: date, grain: Grain, zone: str) -> Iterator[Period]:
    period = find_period(since, grain, zone)
    while period.end <= until:
        if period.start >= since:
            yield period
        period = find_period(period.end, grain, zone)


def _count_months(grain: str) -> int:
    for name, months in _MONTHS.items():
        if name == grain:
            return months
    raise ValueError(f"unknown interval {grain!r}; use day, week, month or year")
