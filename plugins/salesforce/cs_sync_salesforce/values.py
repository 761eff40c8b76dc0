"""Values as Salesforce stores them: texts cut to their fields, times, days; pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from unicodedata import category
from zoneinfo import ZoneInfo

from cs_sync import Value

MAX_SUBJECT = 255
MAX_DESCRIPTION = 32_000
_ELLIPSIS = "…"


def format_text(value: str, longest: int) -> str:
    """Return a text without control characters, cut to its field."""
    whole = value.encode("utf-8", "replace").decode().replace("\r\n", "\n")
    text = "".join(c for c in whole if c in "\n\t" or category(c) != "Cc").strip()
    return text if len(text) <= longest else text[: longest - 1].rstrip() + _ELLIPSIS


def format_line(value: str, longest: int) -> str:
    """Return a text on one line, cut to its field."""
    return format_text(" ".join(value.split()), longest)


def format_value(value: Value, longest: int | None) -> Value:
    """Return a value as it is sent; `longest` is for texts."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, str):
        return format_text(value, longest or MAX_SUBJECT)
    return value


def format_day(value: object, zone: ZoneInfo) -> str:
    """Return the day of an instant in the reporting zone."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(at, datetime):
        raise TypeError(f"{value!r} is not an instant")
    return at.astimezone(zone).date().isoformat()


def is_same_value(ours: Value, stored: Any) -> bool:
    """Return whether a field shows what was sent, in Salesforce's form."""
    if ours in (None, "") or stored is None:
        return ours in (None, "") and stored in (None, "")
    if isinstance(ours, bool) or isinstance(stored, bool):
        return ours is stored
    if isinstance(ours, int | float) and isinstance(stored, int | float):
        return round(float(ours), 4) == round(float(stored), 4)
    moments = _parse_moment(ours), _parse_moment(stored)
    if None not in moments:
        return moments[0] == moments[1]
    return str(ours).split() == str(stored).split()


def _parse_moment(value: Any) -> datetime | None:
    """Return an instant to the second, which is what Salesforce keeps."""
    if isinstance(value, str) and value[10:11] == "T":
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    return value.astimezone(UTC).replace(microsecond=0)


def parse_day(value: Any, zone: ZoneInfo) -> datetime | None:
    """Return the midnight at which a day begins in the reporting zone."""
    if not isinstance(value, str):
        return None
    day = date.fromisoformat(value[:10])
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def name_field(name: str) -> str:
    """Return the API name of a field of ours."""
    return f"{name}__c"


def list_lengths(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Map described fields to the lengths of their texts, else 0."""
    return {name: int(field.get("length") or 0) for name, field in fields.items()}
