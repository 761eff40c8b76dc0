"""Property values: every one is a string, checked and normalised by its definition's type."""

from __future__ import annotations

from datetime import UTC, date, datetime

from cs_sync_sandbox.answers import Json
from cs_sync_sandbox.hubspot.errors import HubSpotError, make_invalid_error


def format_instant(moment: datetime) -> str:
    """Return an instant as HubSpot writes it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Return the instant of an ISO text or of epoch milliseconds.

    Raises:
        ValueError: if it is neither.
    """
    if text.lstrip("-").isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def normalise_value(definition: Json, value: object) -> str:
    """Return the value as it is stored.

    An empty string clears the property.

    Raises:
        HubSpotError: 400 VALIDATION_ERROR if it does not fit the definition.
    """
    text = "" if value is None else str(value)
    if definition.get("modificationMetadata", {}).get("readOnlyValue"):
        raise _make_refusal(definition, text, "is read only", "READ_ONLY_VALUE")
    if not text:
        return ""
    kind = definition["type"]
    try:
        if kind == "number":
            float(text)
        elif kind == "bool" and text not in {"true", "false"}:
            raise ValueError(text)
        elif kind == "datetime":
            return format_instant(parse_instant(text))
        elif kind == "date":
            return _parse_midnight(text)
    except ValueError:
        raise _make_refusal(
            definition, text, f"is not a valid {kind}", f"INVALID_{kind.upper()}"
        ) from None
    if kind == "enumeration" and not definition.get("externalOptions"):
        _check_options(definition, text)
    return text


def make_sortable(definition: Json, text: str) -> float | str:
    """Return the value as search compares it.

    Numbers and epoch milliseconds, else lower case.
    """
    if definition["type"] == "number":
        return float(text)
    if definition["type"] in {"datetime", "date"}:
        return parse_instant(text).timestamp() * 1000
    return text.lower()


def _parse_midnight(text: str) -> str:
    if text.isdigit():
        moment = parse_instant(text)
        if moment.time() != datetime.min.time():
            raise ValueError(text)
        return moment.date().isoformat()
    return date.fromisoformat(text).isoformat()


def _check_options(definition: Json, text: str) -> None:
    allowed = {option["value"] for option in definition["options"]}
    several = definition["fieldType"] == "checkbox"
    for choice in text.split(";") if several else [text]:
        if choice not in allowed:
            raise _make_refusal(
                definition, choice, f"was not one of the allowed options: {sorted(allowed)}",
                "INVALID_OPTION",
            )  # fmt: skip


def _make_refusal(definition: Json, text: str, what: str, code: str) -> HubSpotError:
    name = definition["name"]
    return make_invalid_error(
        f'Property values were not valid: "{name}": {text!r} {what}', code, name
    )
