"""How full the stored rows of a source are, and how full they were after its last runs."""

from typing import Any

from sqlalchemy import JSON, Connection, func, select

from cs_sync.store.everywhere import stored_as
from cs_sync.store.records import upsert
from cs_sync_schemas import RECORDS, Record, TableProfile, table_of

PROFILE = table_of(TableProfile)
_RECORDS = {str(record.__tablename__): record for record in RECORDS}


def measure(connection: Connection, source: str, table: str) -> tuple[int, dict[str, int]]:
    """Living rows, and in how many of them each optional field is filled."""
    model = table_of(_RECORDS[table])
    fields = [
        column
        for column in model.c
        if column.nullable
        and column.name not in Record.ENGINE_FIELDS
        and not isinstance(stored_as(column.type), JSON)
    ]
    counts = select(func.count(), *(func.count(field).label(field.name) for field in fields))
    living = counts.where(model.c.source == source, model.c.deleted_at.is_(None))
    rows, *filled = connection.execute(living).one()
    return rows, {field.name: count for field, count in zip(fields, filled, strict=True)}


def read_profiles(connection: Connection, source: str, table: str) -> list[dict[str, Any]]:
    """The profiles after earlier runs, oldest first: run, rows, filled."""
    found: list[dict[str, Any]] | None = connection.scalar(
        select(PROFILE.c.profiles).where(PROFILE.c.source == source, PROFILE.c.record == table)
    )
    return found or []


def save_profiles(
    connection: Connection, source: str, table: str, profiles: list[dict[str, Any]]
) -> None:
    """Keep these, for the next run."""
    upsert(connection, PROFILE, [{"source": source, "record": table, "profiles": profiles}])
