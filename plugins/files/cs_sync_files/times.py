"""Conversion of cells to instants, days and months; ValueError says why one fails."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

VALID_YEARS = (1970, 2200)
"""The first and the last year that is believed: others stand for no time, or for a mistake."""

_MONTH = re.compile(r"\d{4}-\d{2}")
_NUMBER = re.compile(r"[+-]?\d{9,}(\.\d+)?")
"""What a program counts since 1970; eight digits are a day as ISO 8601 writes it, too."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = 100_000_000_000
"""A number of this size and more counts milliseconds, a smaller one seconds."""


def parse_instant(cell: Any, zone: ZoneInfo) -> datetime:
    """Parse an aware UTC time; dates and local times are in `zone`."""
    value = cell
    if isinstance(cell, str):
        value = _parse_datetime(cell)
    elif isinstance(cell, date) and not isinstance(cell, datetime):
        value = datetime.combine(cell, time())
    if not isinstance(value, datetime):
        raise ValueError(f"{cell!r} is not an ISO 8601 date or time{_describe_epoch(cell)}")
    _check_year(value, cell)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def parse_day(cell: Any, zone: ZoneInfo) -> date:
    """Parse a calendar day.

    A time with offset gives its day in `zone`.
    """
    value = cell
    if isinstance(cell, str) and not _NUMBER.fullmatch(cell.strip()):
        with suppress(ValueError):
            value = date.fromisoformat(cell.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        _check_year(value, cell)
        return value
    return parse_instant(cell, zone).astimezone(zone).date()


def parse_month(cell: Any) -> date:
    """Parse the first day of a month, given as `2026-11` or `2026-11-01`."""
    value = cell
    if isinstance(cell, str):
        value = cell.strip()
        value = parse_day(f"{value}-01" if _MONTH.fullmatch(value) else value, ZoneInfo("UTC"))
    if not isinstance(value, date) or value.day != 1:
        raise ValueError(f"{cell!r} is not a month; write it as 2026-11 or 2026-11-01")
    _check_year(value, cell)
    return value.date() if isinstance(value, datetime) else value


def _parse_datetime(cell: str) -> datetime | None:
    text = cell.strip()
    if _NUMBER.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _check_year(value: date, cell: Any) -> None:
    """Refuse impossible years, such as a spreadsheet's 1900 or 9999.

    9999 stands for never.
    """
    first, last = VALID_YEARS
    if not first <= value.year <= last:
        shown = cell if isinstance(cell, str) else value.isoformat()
        raise ValueError(
            f"{shown!r} is outside the years {first} to {last}; leave the cell empty where there "
            "is no such time"
        )


def _describe_epoch(cell: Any) -> str:
    """Describe a number since 1970 as a date, for the message."""
    if isinstance(cell, bool) or not _NUMBER.fullmatch(str(cell).strip()):
        return ""
    number = float(cell)
    seconds = number / 1000 if abs(number) >= _MILLISECONDS else number
    try:
        meant = (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds")
    except OverflowError:
        return ""
    unit = "milliseconds" if seconds != number else "seconds"
    return f"; as {unit} since 1970 it would be {meant}"
