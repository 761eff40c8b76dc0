"""What was computed before, so that only changes are computed again."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from cs_sync_schemas.packed import PackedText
from cs_sync_schemas.record import StoredRow
from cs_sync_schemas.times import Instant


class CachedMetric(StoredRow, table=True):
    """The rows of one statement, valid while the tables it read stay as they were."""

    __tablename__ = "figure"

    question: str = Field(
        primary_key=True, description="Digest of what was asked, and by which code."
    )
    name: str = Field(description="The metric, or bridge.")
    policy: str = Field(description="Hash of the MRR policy.")
    known_at: datetime = Field(index=True, sa_type=Instant, description="When it was computed.")
    basis: str = Field(description="Versions of the tables that it read, as JSON.")
    rows: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class KeptResult(StoredRow, table=True):
    """What was computed of one account, and of each kind up to when it holds."""

    __tablename__ = "kept_result"

    kind: str = Field(primary_key=True, description="What was computed: day, months, topics.")
    key: str = Field(primary_key=True, description="The account; empty: the state of the kind.")
    content: str = Field(sa_type=PackedText, description="As JSON, compressed.")
