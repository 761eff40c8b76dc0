"""Closed months: reported figures stay fixed, later knowledge is a restatement."""

from datetime import date, datetime

from sqlalchemy import JSON
from sqlmodel import Field

from cs_sync_schemas.record import StoredRow
from cs_sync_schemas.times import Instant


class MonthClose(StoredRow, table=True):
    """The MRR just before a day, closed with its knowledge time."""

    __tablename__ = "month_close"

    policy: str = Field(primary_key=True)
    turn: date = Field(primary_key=True, description="The first day after the month.")
    known_at: datetime = Field(
        sa_type=Instant, description="What is learnt later is a restatement."
    )
    closed_at: datetime = Field(sa_type=Instant)
    totals: dict[str, int] = Field(
        default_factory=dict, sa_type=JSON, description="Currency → minor units."
    )
    hash: str = Field(description="Digest of the totals.")


class MonthReopened(StoredRow, table=True):
    """A reopened close: its figures, the time and the reason."""

    __tablename__ = "month_reopened"

    policy: str = Field(primary_key=True)
    turn: date = Field(primary_key=True, description="The first day after the month.")
    reopened_at: datetime = Field(primary_key=True, sa_type=Instant)
    reason: str
    known_at: datetime = Field(
        sa_type=Instant, description="As the close had it, like what follows."
    )
    closed_at: datetime = Field(sa_type=Instant)
    totals: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    hash: str
