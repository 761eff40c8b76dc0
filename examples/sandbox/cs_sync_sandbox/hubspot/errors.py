"""HubSpot's refusals."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from cs_sync_sandbox.answers import Json


@dataclass
class HubSpotError(Exception):
    """An error body to be: HTTP status, category, message and further fields."""

    status: int
    category: str
    message: str
    more: Json = field(default_factory=dict)

    def body(self, correlation_id: str) -> Json:
        """Return the JSON that HubSpot answers with."""
        return {
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
            "category": self.category,
            **self.more,
        }


def make_invalid_error(
    message: str, code: str | None = None, name: str | None = None
) -> HubSpotError:
    """Make a 400 VALIDATION_ERROR, with a detail for a property.

    Where a property is to blame.
    """
    more: Json = {}
    if code:
        detail: Json = {"message": message, "code": code}
        if name:
            detail["context"] = {"propertyName": [name]}
        more = {"errors": [detail]}
    return HubSpotError(400, "VALIDATION_ERROR", message, more)


def make_rule_error(name: str, message: str) -> HubSpotError:
    """Return the 400 of a validation rule, with its properties as JSON."""
    refused = [{"isValid": False, "message": message, "error": "RULE_VIOLATION", "name": name}]
    text = f"Property values were not valid: {orjson.dumps(refused).decode()}"
    return HubSpotError(400, "VALIDATION_ERROR", text)


def make_not_found_error(kind: str, id_: str) -> HubSpotError:
    """Return the 404 of a single record."""
    return HubSpotError(404, "OBJECT_NOT_FOUND", f"Object not found. objectId={id_} ({kind})")


def make_partial_error(category: str, message: str, context: dict[str, list[str]]) -> Json:
    """Return one error of a 207 multi-status answer."""
    return {
        "status": "error", "category": category, "message": message, "context": context,
        "errors": [], "links": {},
    }  # fmt: skip
