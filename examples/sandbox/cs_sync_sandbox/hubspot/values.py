"""Property values: every one is a string, checked and normalised by its definition's type."""

from __future__ import annotations

from datetime import UTC, date, datetime

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.errors import HubSpotError, invalid


def iso(moment: datetime) -> str:
    """Return an instant as HubSpot writes it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """Return the instant of an ISO text or of epoch milliseconds.

    Raises:
        ValueError: if it is neither.
    """
    if text.lstrip("-").isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def normalised(definition: Json, value: object) -> str:
    """Return the value as it is stored; an empty string clears the property.

    Raises:
        HubSpotError: 400 VALIDATION_ERROR if it does not fit the definition.
    """
    text = "" if value is None else str(value)
    if definition.get("modificationMetadata", {}).get("readOnlyValue"):
        raise _refused(definition, text, "is read only", "READ_ONLY_VALUE")
    if not text:
        return ""
    kind = definition["type"]
    try:
        if kind == "number":
            float(text)
        elif kind == "bool" and text not in {"true", "false"}:
            raise ValueError(text)
        elif kind == "datetime":
            return iso(instant(text))
        elif kind == "date":
            return _midnight(text)
    except ValueError:
        raise _refused(
            definition, text, f"is not a valid {kind}", f"INVALID_{kind.upper()}"
        ) from None
    if kind == "enumeration" and not definition.get("externalOptions"):
        _check_options(definition, text)
    return text


def sortable(definition: Json, text: str) -> float | str:
    """Return the value as search compares it: numbers and epoch milliseconds, else lower case."""
    if definition["type"] == "number":
        return float(text)
    if definition["type"] in {"datetime", "date"}:
        return instant(text).timestamp() * 1000
    return text.lower()


def _midnight(text: str) -> str:
    if text.isdigit():
        moment = instant(text)
        if moment.time() != datetime.min.time():
            raise ValueError(text)
        return moment.date().isoformat()
    return date.fromisoformat(text).isoformat()


def _check_options(definition: Json, text: str) -> None:
    allowed = {option["value"] for option in definition["options"]}
    several = definition["fieldType"] == "checkbox"
    for one in text.split(";") if several else [text]:
        if one not in allowed:
            raise _refused(
                definition, one, f"was not one of the allowed options: {sorted(allowed)}",
                "INVALID_OPTION",
            )  # fmt: skip


def _refused(definition: Json, text: str, what: str, code: str) -> HubSpotError:
    name = definition["name"]
    return invalid(f'Property values were not valid: "{name}": {text!r} {what}', code, name)
