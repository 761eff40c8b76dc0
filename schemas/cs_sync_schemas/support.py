"""Support tickets."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlmodel import Field

from cs_sync_schemas.record import Record
from cs_sync_schemas.times import Instant
from cs_sync_schemas.values import TicketStatus


class Ticket(Record, table=True):
    """A request for help and its handling."""

    __tablename__ = "ticket"

    account_source_id: str | None = Field(default=None, index=True)
    contact_source_id: str | None = Field(default=None, index=True, description="The requester.")
    subject: str | None = None
    topic: str | None = None
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    channel: str | None = None
    priority: str | None = None
    status: TicketStatus = Field(
        default="open",
        sa_type=String,
        description="Wins over the times; left out, a ticket with a time of its end is over.",
    )
    opened_at: datetime = Field(index=True, sa_type=Instant)
    first_reply_at: datetime | None = Field(default=None, sa_type=Instant)
    solved_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    agent_replies: int | None = Field(default=None, ge=0, description="Public replies by people.")
    reopens: int | None = Field(default=None, ge=0)
    transfers: int | None = Field(
        default=None, ge=0, description="How often another person or group took it over."
    )
    url: str | None = None

    @classmethod
    def complete(cls, row: dict[str, Any]) -> None:
        """Close or solve a ticket that has only end times."""
        if row["status"] is None and (row["closed_at"] or row["solved_at"]):
            row["status"] = "closed" if row["closed_at"] else "solved"
