"""Open identity questions, and people's answers."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field

from cs_sync_schemas.record import StoredRow
from cs_sync_schemas.times import Instant


class AccountQuestion(StoredRow, table=True):
    """A record with several possible accounts; a person has to decide."""

    __tablename__ = "account_question"

    kind: str = Field(primary_key=True, description="account or contact")
    source: str = Field(primary_key=True)
    source_id: str = Field(primary_key=True)
    candidates: list[str] = Field(default_factory=list, sa_type=JSON, description="Account ids.")
    reason: str
    remedy: str
    since: datetime = Field(sa_type=Instant, description="When it was first open.")


class AccountAnswer(StoredRow, table=True):
    """One record of a person's answer: these are one account, are several, or are a test."""

    __tablename__ = "account_answer"

    answer: int = Field(primary_key=True, description="Counts up; rows of one answer share it.")
    position: int = Field(primary_key=True, description="In the order in which they were named.")
    kind: str = Field(description="link, split, test")
    source: str
    source_id: str
    reason: str | None = None
    decided_at: datetime = Field(sa_type=Instant)
    undone_at: datetime | None = Field(
        default=None, sa_type=Instant, description="Taken back; it counts no more."
    )
