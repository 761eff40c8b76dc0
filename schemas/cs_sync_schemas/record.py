"""Common base of all source records."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, cast

from sqlalchemy import JSON, MetaData, Table
from sqlmodel import Field, SQLModel

from cs_sync_schemas.digests import Digest
from cs_sync_schemas.metadata import METADATA
from cs_sync_schemas.times import Instant


def get_table(model: type[SQLModel]) -> Table:
    """Return the SQLAlchemy table of a model, for Core statements."""
    return cast(Table, model.__table__)  # type: ignore[attr-defined]


class StoredRow(SQLModel):
    """Common base of all tables; what validates rows is built when it is first asked for.

    A model takes the table of its name in `tables.py`, where that is loaded: there is one of each.
    """

    metadata: ClassVar[MetaData] = METADATA
    __table_args__: ClassVar[dict[str, bool]] = {"keep_existing": True}
    model_config = {"defer_build": True}


class Record(StoredRow):
    """One record as a source has it; its natural key is `(source, source_id)`.

    A connector delivers the fields of the subclass, `source_id` and `updated_at`; everything in
    `ENGINE_FIELDS` is filled by the sync engine.
    """

    ENGINE_FIELDS: ClassVar[frozenset[str]] = frozenset(
        {"source", "first_seen_at", "last_seen_at", "changed_at", "deleted_at", "row_hash", "raw"}
    )

    END_FIELD: ClassVar[str] = "deleted_at"
    """Set when a re-read parent no longer has it: a tombstone, unless it was true until then."""

    source: str = Field(primary_key=True, description="Name of the connector it came from.")
    source_id: str = Field(primary_key=True, min_length=1, description="The source's own id.")
    updated_at: datetime | None = Field(
        default=None, sa_type=Instant, description="When the source changed it."
    )
    first_seen_at: datetime | None = Field(
        default=None,
        sa_type=Instant,
        description="When a sync first read it; empty: at `changed_at`.",
    )
    last_seen_at: datetime | None = Field(
        default=None,
        sa_type=Instant,
        description="When a sync last stored or confirmed it; empty: at `changed_at`.",
    )
    changed_at: datetime = Field(
        index=True, sa_type=Instant, description="When a sync last found it changed."
    )
    deleted_at: datetime | None = Field(
        default=None, sa_type=Instant, description="Tombstone: gone at the source."
    )
    row_hash: str = Field(
        sa_type=Digest, description="Digest of the content, to tell a change from a re-read."
    )
    raw: dict[str, Any] | None = Field(
        default=None,
        sa_type=JSON(none_as_null=True),
        description="As received; kept only when keep_raw is on.",
    )

    @classmethod
    def complete(cls, row: dict[str, Any]) -> None:
        """Fill in missing fields that follow from others, before the defaults."""

    @classmethod
    def rule(cls, row: Mapping[str, Any]) -> str | None:  # noqa: ARG003 - for subclasses
        """Return why well-formed fields contradict each other, if they do."""
        return None
