"""Queries in SOQL: built from parts, with quoted values; pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

MAX_VALUES = 200
MAX_LENGTH = 8000
"""Characters of quoted values in an address; servers refuse addresses from 16,000 on."""
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def build_query(
    columns: Sequence[str], sobject: str, *conditions: str | None, order: str = "", limit: int = 0
) -> str:
    """Build a query whose conditions all hold; None is none."""
    joined = " AND ".join(f"({condition})" for condition in conditions if condition)
    where = f" WHERE {joined}" if joined else ""
    ending = (f" ORDER BY {order}" if order else "") + (f" LIMIT {limit}" if limit else "")
    chosen = ", ".join(columns)
    return f"SELECT {chosen} FROM {sobject}{where}{ending}"  # noqa: S608


def quote_text(value: str) -> str:
    """Return a text as SOQL has it."""
    return f"'{value.translate(_ESCAPES)}'"


def quote_time(value: datetime) -> str:
    """Return a time as SOQL has it."""
    at = value.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def list_values(values: Iterable[str]) -> str:
    """Return the values in brackets, for IN."""
    return f"({', '.join(map(quote_text, values))})"


def split_values(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split values so that each part fits into one address."""
    part: list[str] = []
    length = 0
    for value in values:
        size = len(quote(quote_text(value))) + len(quote(", "))
        if part and (len(part) == MAX_VALUES or length + size > MAX_LENGTH):
            yield part
            part, length = [], 0
        part.append(value)
        length += size
    if part:
        yield part
