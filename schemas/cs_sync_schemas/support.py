"""What accounts asked for help with."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field

from cs_sync_schemas.record import Record


class Ticket(Record, table=True):
    """One request for help and how it was handled."""

    __tablename__ = "ticket"

    account_source_id: str | None = Field(default=None, index=True)
    contact_source_id: str | None = Field(default=None, index=True, description="The requester.")
    subject: str | None = None
    topic: str | None = None
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    channel: str | None = None
    priority: str | None = None
    status: str = Field(default="open", description="new open pending hold solved closed")
    opened_at: datetime = Field(index=True)
    first_reply_at: datetime | None = None
    solved_at: datetime | None = None
    closed_at: datetime | None = None
    agent_replies: int | None = Field(default=None, ge=0, description="Public replies by people.")
    reopens: int | None = Field(default=None, ge=0)
    transfers: int | None = Field(
        default=None, ge=0, description="How often another person or group took it over."
    )
    url: str | None = None
