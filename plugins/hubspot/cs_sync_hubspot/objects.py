"""Reading properties of HubSpot's objects: texts, times, lists; pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cs_sync import MappingError

Json = Mapping[str, Any]
Texts = Mapping[str, str]
"""The set properties of an object, without outer blanks."""

_NONE: Json = {}


def read_texts(item: Json) -> Texts:
    """Read the set properties without outer blanks.

    Null and "" both mean unset.
    """
    properties = item.get("properties") or _NONE
    try:  # as they nearly always are texts
        return {
            name: text
            for name, value in properties.items()
            if value is not None and (text := value.strip())
        }
    except AttributeError:
        given = {name: str(value) for name, value in properties.items() if value is not None}
        return {name: text for name, value in given.items() if (text := value.strip())}


def read_text(item: Json, name: str) -> str | None:
    """Return one property as `read_texts` does."""
    value = (item.get("properties") or _NONE).get(name)
    if value is None:
        return None
    return (value.strip() if isinstance(value, str) else str(value).strip()) or None


def parse_time(value: Any) -> datetime | None:
    """Parse an ISO 8601 time to aware UTC.

    A bare date is midnight UTC.
    """
    if value is None or value == "":
        return None
    try:
        at = datetime.fromisoformat(value if isinstance(value, str) else str(value))
        if at.tzinfo is UTC:
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise MappingError("BAD_TIME", f"{value!r} is not a time") from error


def split_list(value: str | None) -> list[str]:
    """Return the parts of a `;` list without duplicates."""
    if not value:
        return []
    parts = (part.strip() for part in value.split(";"))
    return list(dict.fromkeys(part for part in parts if part))
