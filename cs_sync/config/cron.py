"""Cron expressions of five fields (POSIX crontab): whether one is right, and when it is due."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

_FIELDS = (
    ("minute", "numbers from 0 to 59"),
    ("hour", "numbers from 0 to 23"),
    ("day of month", "numbers from 1 to 31"),
    ("month", "numbers from 1 to 12"),
    ("day of week", "numbers from 0 to 7"),
)
_ANY = datetime(2026, 1, 1, tzinfo=UTC)
_LONGEST_SHIFT = timedelta(hours=3)
"""More than clocks are ever put forward or back."""


def check_cron(text: str) -> str:
    """The expression as given; ValueError names the field that is wrong."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"has {len(parts)} fields, not five (minute hour day month weekday);"
            ' write it like "15 5 * * *", every day at 05:15'
        )
    for place, (name, numbers) in enumerate(_FIELDS):
        alone = ["*"] * len(_FIELDS)
        alone[place] = parts[place]
        if not _is_due(" ".join(alone)):
            raise ValueError(f"{name} {parts[place]!r} is not made of {numbers}")
    if not _is_due(text):
        raise ValueError(f"{text!r} is never due: no such day in these months")
    return text


def next_slot(cron: str, zone: tzinfo, after: datetime) -> datetime:
    """The first instant later than `after` at which the expression is due, in UTC.

    A time that the clocks skip is due when they have been put forward; one that they show twice
    is due the first time only, unless minute or hour is a star (as in Debian's cron).
    """
    return next(slot for slot in _slots(cron, zone, after) if slot > after)


def last_slot(cron: str, zone: tzinfo, now: datetime) -> datetime:
    """The newest instant up to `now` at which the expression was due, in UTC."""
    later = now + _LONGEST_SHIFT
    return next(slot for slot in _slots(cron, zone, later, reverse=True) if slot <= now)


def _slots(
    cron: str, zone: tzinfo, start: datetime, *, reverse: bool = False
) -> Iterator[datetime]:
    """Due instants from about `start`; where clocks are put back some may lie before it."""
    for slot in CronSim(cron, start.astimezone(zone), reverse):
        yield slot.astimezone(UTC)


def _is_due(cron: str) -> bool:
    try:
        return next(CronSim(cron, _ANY), None) is not None
    except CronSimError:
        return False
