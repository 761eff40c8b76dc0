"""Values of fields that settings and statements name, too; they need no model."""

from typing import Annotated, Literal

from pydantic import AfterValidator

TicketStatus = Literal["new", "open", "pending", "hold", "solved", "closed"]

CLOSED_STATUSES: tuple[TicketStatus, ...] = ("solved", "closed")
"""Statuses of a ticket that waits for nobody any more."""


def _require_rising(scale: tuple[float, float]) -> tuple[float, float]:
    if scale[0] >= scale[1]:
        raise ValueError(f"a scale goes from its lowest to its highest answer, not {list(scale)}")
    return scale


Scale = Annotated[tuple[float, float], AfterValidator(_require_rising)]
"""Lowest and highest answer of a survey, as settings of connectors give it."""

OWNER_FIELD, CONTACT_FIELD, ATTRIBUTE_PREFIX = "owner_source_id", "last_contacted_at", "attr."
"""What the past of an account is told of: its owner, its last contact, its attributes."""
