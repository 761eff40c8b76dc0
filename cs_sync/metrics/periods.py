"""Calendar periods in the reporting zone, half-open, and the instants at which they turn."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Grain = Literal["day", "week", "month", "quarter", "year"]
GRAINS: tuple[Grain, ...] = get_args(Grain)
_MONTHS: dict[Grain, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The days `[start, end)` of a zone; `end` is the first day that no longer belongs to it."""

    start: date
    end: date
    zone: str

    @property
    def starts_at(self) -> datetime:
        """The UTC instant at which `start` begins."""
        return midnight(self.start, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The UTC instant at which `end` begins; what happens then belongs to the next period."""
        return midnight(self.end, self.zone)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days


def midnight(day: date, zone: str) -> datetime:
    """The UTC instant at which a day begins in a zone, also where clocks change at midnight."""
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def clock_changes(start: date, end: date, zone: str) -> list[tuple[datetime, int]]:
    """The instants between two days at which a zone's clocks are changed, and by how many seconds.

    To the quarter of an hour, as zones change their clocks on the hour or half past it.
    """
    place, step = ZoneInfo(zone), timedelta(minutes=15)

    def offset(at: datetime) -> timedelta:
        return at.astimezone(place).utcoffset() or timedelta()

    found = []
    at, last = midnight(start, "UTC"), midnight(end, "UTC")
    while at < last:
        after = at + timedelta(days=1)
        if offset(at) != offset(after):
            turn = next(at + step * n for n in range(1, 97) if offset(at + step * n) != offset(at))
            found.append((turn, int((offset(after) - offset(at)).total_seconds())))
        at = after
    return found


def add_months(day: date, months: int) -> date:
    """The same day some months later (or earlier), or that month's last day where it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


def after_interval(at: datetime, interval: str, count: int) -> datetime:
    """The instant one billing interval of `count` days, weeks, months or years later."""
    if interval in ("day", "week"):
        return at + timedelta(days=count * (7 if interval == "week" else 1))
    return datetime.combine(add_months(at.date(), count * _step(interval)), at.timetz())


def interval_around(
    anchor: datetime, interval: str, count: int, at: datetime
) -> tuple[datetime, datetime]:
    """The billing interval, counted from an anchor, that contains a later instant."""
    longest = timedelta(days=count * {"day": 1, "week": 7, "month": 31, "year": 366}[interval])
    turn = (at - anchor) // longest
    while (end := after_interval(anchor, interval, count * (turn + 1))) <= at:
        turn += 1
    return after_interval(anchor, interval, count * turn), end


def period_of(day: date, grain: Grain, zone: str) -> Period:
    """The period that contains a day; weeks begin on Monday (ISO 8601)."""
    if grain == "day":
        return Period(day, day + timedelta(days=1), zone)
    if grain == "week":
        start = day - timedelta(days=day.weekday())
        return Period(start, start + timedelta(days=7), zone)
    step = _step(grain)
    start = date(day.year, (day.month - 1) // step * step + 1, 1)
    return Period(start, add_months(start, step), zone)


def last_whole_period(as_of: date, grain: Grain, zone: str) -> Period:
    """The last whole period that is over when `as_of` begins.

    A month is over on the first of the next: as of 31 October the last whole month is September.
    """
    running = period_of(as_of, grain, zone)
    return period_of(running.start - timedelta(days=1), grain, zone)


def whole_periods(since: date, until: date, grain: Grain, zone: str) -> tuple[Period, ...]:
    """Every period that lies wholly in `[since, until)`, oldest first."""
    return tuple(_whole(since, until, grain, zone))


def _whole(since: date, until: date, grain: Grain, zone: str) -> Iterator[Period]:
    period = period_of(since, grain, zone)
    while period.end <= until:
        if period.start >= since:
            yield period
        period = period_of(period.end, grain, zone)


def _step(grain: str) -> int:
    for name, months in _MONTHS.items():
        if name == grain:
            return months
    raise ValueError(f"unknown interval {grain!r}; use day, week, month or year")
