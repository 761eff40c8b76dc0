"""Days, months and instants of the command line."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1970, 2200
"""The years that records can lie in."""


def parse_day(text: str) -> date:
    """Parse a day, like 2026-01-31.

    Raises:
        BadParameter: The text is no day, or beyond all records.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it like 2026-01-31") from None
    return _check_year(day, text)


def parse_month(text: str) -> date:
    """Parse a month, like 2026-01, into its first day.

    Raises:
        BadParameter: The text is no month, or beyond all records.
    """
    try:
        month = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no month; write it like 2026-01") from None
    return _check_year(month, text)


def parse_instant(text: str | None, zone: "ZoneInfo") -> datetime | None:
    """Parse a date or an instant, by default in the reporting zone.

    Raises:
        BadParameter: The text is neither, or beyond all records.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a day nor an ISO 8601 instant; write it like 2026-01-31",
            param_hint="--known-at",
        ) from None
    _check_year(moment, text)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


Day = Annotated[date | None, typer.Option(parser=parse_day, metavar="DAY")]
KnownAt = Annotated[
    str | None, typer.Option(help="Use data known then: a day, or an instant (ISO 8601).")
]


def _check_year(day: date, text: str) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise typer.BadParameter(f"{text!r} lies outside {FIRST_YEAR} to {LAST_YEAR}")
    return day
