"""CSV cells and lines that a spreadsheet never runs as a formula."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

FORMULA_PREFIXES = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "|",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)
"""What makes a spreadsheet run a cell (OWASP, CSV injection); the last four are = + - @ in full
width, which a spreadsheet of eastern Asia takes for the same."""


def format_csv_line(values: Sequence[Any]) -> str:
    """Format one CSV line with its line end.

    A text that a spreadsheet would run gets a leading apostrophe.
    """
    line = io.StringIO(newline="")
    # Writing it with CRLF first makes the csv module quote both of its characters.
    csv.writer(line, lineterminator="\r\n").writerow([format_csv_cell(value) for value in values])
    return line.getvalue().removesuffix("\r\n") + "\n"


def format_csv_cell(value: Any) -> str:
    """Format a value as CSV text.

    None is empty, times are ISO 8601, lists and mappings are JSON.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if not isinstance(value, str):
        value = orjson.dumps(value, default=to_json_value, option=orjson.OPT_NON_STR_KEYS).decode()
    return f"'{value}" if value.startswith(FORMULA_PREFIXES) else value


def parse_csv_text(cell: str) -> str | None:
    """Return the text of a cell written by `format_csv_cell`."""
    is_quoted = cell.startswith("'") and cell[1:].startswith(FORMULA_PREFIXES)
    return (cell[1:] if is_quoted else cell) or None


def to_json_value(value: Any) -> Any:
    """Convert a value that JSON does not know.

    Decimals become numbers, others text.
    """
    return float(value) if isinstance(value, Decimal) else str(value)
