"""Days and instants as people write them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1970, 2200
"""The years that records can lie in."""


def parse_day(text: str) -> date:
    """Parse a day, like 2026-01-31.

    Raises:
        ValueError: The text is not a day, or beyond all records.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day; write it like 2026-01-31") from None
    return check_year(day, text)


def parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """Parse a date or an instant, by default in the reporting zone.

    Raises:
        ValueError: The text is neither, or beyond all records.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a day nor an ISO 8601 instant; write it like 2026-01-31"
        ) from None
    check_year(moment, text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def check_year(day: date, text: str) -> date:
    """Return the day.

    Raises:
        ValueError: It lies beyond all records.
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"{text!r} lies outside {FIRST_YEAR} to {LAST_YEAR}")
    return day
