"""Cron expressions of five fields (POSIX crontab): validation and due times."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b

from cronsim import CronSim, CronSimError

_FIELDS = (
    ("minute", "numbers from 0 to 59"),
    ("hour", "numbers from 0 to 23"),
    ("day of month", "numbers from 1 to 31"),
    ("month", "numbers from 1 to 12"),
    ("day of week", "numbers from 0 to 7"),
)
_ANY_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)
_MAX_CLOCK_SHIFT = timedelta(hours=3)
"""More than clocks are ever put forward or back."""


def validate_cron(text: str) -> str:
    """Validate an expression; return it unchanged.

    Raises:
        ValueError: Names the wrong field.
    """
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


def find_next_slot(cron: str, zone: tzinfo, after: datetime) -> datetime:
    """Return the first due instant after `after`, in UTC.

    A time skipped by a clock change is due when the clocks have moved forward; a repeated
    one is due the first time only, unless minute or hour is a star (as in Debian's cron).
    """
    return next(slot for slot in _iterate_slots(cron, zone, after) if slot > after)


def find_last_slot(cron: str, zone: tzinfo, now: datetime) -> datetime:
    """Return the latest due instant up to `now`, in UTC."""
    later = now + _MAX_CLOCK_SHIFT
    return next(slot for slot in _iterate_slots(cron, zone, later, reverse=True) if slot <= now)


def compute_delay(name: str, slot: datetime, longest: float) -> timedelta:
    """Compute how long after its slot a run begins.

    Evenly spread over `longest` seconds, and always the same for one name and slot.
    """
    digest = blake2b(f"{name}|{slot.isoformat()}".encode(), digest_size=8).digest()
    return timedelta(seconds=longest) * (int.from_bytes(digest) / 2**64)


def _iterate_slots(
    cron: str, zone: tzinfo, start: datetime, *, reverse: bool = False
) -> Iterator[datetime]:
    """Yield due instants from about `start`."""
    for slot in CronSim(cron, start.astimezone(zone), reverse):
        yield slot.astimezone(UTC)


def _is_due(cron: str) -> bool:
    try:
        return next(CronSim(cron, _ANY_INSTANT), None) is not None
    except CronSimError:
        return False
