"""Zendesk's refusals."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class ZendeskError(Exception):
    """An answer to be: HTTP status, error, description; `plain` ones are not JSON."""

    status: int
    error: str
    description: str
    plain: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def make_invalid_error(description: str, status: int = 422) -> ZendeskError:
    """Return the refusal of a parameter."""
    return ZendeskError(status, "InvalidValue", description)
