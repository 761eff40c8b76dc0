"""Lines of comma-separated values that a spreadsheet reads and never runs."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet run a cell (OWASP, CSV injection); the last four are = + - @ in full
width, which a spreadsheet of eastern Asia takes for the same."""


def csv_line(values: Sequence[Any]) -> str:
    """One line with its end; a text that a spreadsheet would run begins with an apostrophe."""
    line = io.StringIO(newline="")
    # Writing it with CRLF first makes the csv module quote both of its characters.
    csv.writer(line, lineterminator="\r\n").writerow([csv_cell(value) for value in values])
    return line.getvalue().removesuffix("\r\n") + "\n"


def csv_cell(value: Any) -> str:
    """A value as text: nothing for None, ISO 8601 for times, JSON for lists and mappings."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if not isinstance(value, str):
        value = orjson.dumps(value, default=plain, option=orjson.OPT_NON_STR_KEYS).decode()
    return f"'{value}" if value.startswith(FORMULA) else value


def plain(value: Any) -> Any:
    """What JSON has no form for: decimals as numbers, anything else as text."""
    return float(value) if isinstance(value, Decimal) else str(value)
