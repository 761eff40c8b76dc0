"""What was computed before, so that only changes are computed again."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel


class CachedMetric(SQLModel, table=True):
    """The rows of one MRR statement, as known at an instant."""

    __tablename__ = "figure"

    question: str = Field(primary_key=True, description="Digest of what was asked, and how.")
    name: str = Field(description="The metric, or bridge.")
    policy: str = Field(description="Hash of the MRR policy.")
    known_at: datetime = Field(index=True, description="Later knowledge is not in the rows.")
    basis: str = Field(description="Digest of the books: what was changed by hand is seen by it.")
    rows: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class KeptResult(SQLModel, table=True):
    """What was computed of one account, and of each kind up to when it holds."""

    __tablename__ = "kept_result"

    kind: str = Field(primary_key=True, description="What was computed: day, months, topics.")
    key: str = Field(primary_key=True, description="The account; empty: the state of the kind.")
    content: str = Field(description="As JSON, read only where it is wanted.")
