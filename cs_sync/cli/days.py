"""Days, months and instants of the command line."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cs_sync import days

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def parse_day(text: str) -> date:
    """Parse a day, like 2026-01-31.

    Raises:
        BadParameter: The text is not a day, or beyond all records.
    """
    try:
        return days.parse_day(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def parse_month(text: str) -> date:
    """Parse a month, like 2026-01, into its first day.

    Raises:
        BadParameter: The text is not a month, or beyond all records.
    """
    try:
        month = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a month; write it like 2026-01") from None
    try:
        return days.check_year(month, text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def parse_instant(text: str | None, zone: "ZoneInfo") -> datetime | None:
    """Parse a date or an instant, by default in the reporting zone.

    Raises:
        BadParameter: The text is neither, or beyond all records.
    """
    if text is None:
        return None
    try:
        return days.parse_instant(text, zone)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--known-at") from None


Day = Annotated[
    date | None,
    typer.Option(parser=parse_day, metavar="DAY", help="A day, such as 2026-01-31."),
]
KnownAt = Annotated[
    str | None, typer.Option(help="Use data known then: a day, or an instant (ISO 8601).")
]
