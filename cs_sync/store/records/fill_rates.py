"""Fill rates of a source's stored rows, now and after its last runs."""

from typing import Any

from sqlalchemy import JSON, Connection, func, select

from cs_sync.store.privacy.table_scan import get_stored_type
from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas import RECORDS, Record, get_table
from cs_sync_schemas.tables import TABLE_PROFILE

PROFILE = TABLE_PROFILE
_RECORDS = {str(record.__tablename__): record for record in RECORDS}


def count_filled_fields(
    connection: Connection, source: str, table: str
) -> tuple[int, dict[str, int]]:
    """Count the non-deleted rows, and those with each optional field filled."""
    model = get_table(_RECORDS[table])
    fields = [
        column
        for column in model.c
        if column.nullable
        and column.name not in Record.ENGINE_FIELDS
        and not isinstance(get_stored_type(column.type), JSON)
    ]
    counts = select(func.count(), *(func.count(field).label(field.name) for field in fields))
    living = counts.where(model.c.source == source, model.c.deleted_at.is_(None))
    rows, *filled = connection.execute(living).one()
    return rows, {field.name: count for field, count in zip(fields, filled, strict=True)}


def read_fill_profiles(connection: Connection, source: str, table: str) -> list[dict[str, Any]]:
    """Return the profiles after earlier runs, oldest first: run, rows, filled."""
    profiles: list[dict[str, Any]] | None = connection.scalar(
        select(PROFILE.c.profiles).where(PROFILE.c.source == source, PROFILE.c.record == table)
    )
    return profiles or []


def save_fill_profiles(
    connection: Connection, source: str, table: str, profiles: list[dict[str, Any]]
) -> None:
    """Replace the stored profiles of a source's table."""
    upsert_rows(connection, PROFILE, [{"source": source, "record": table, "profiles": profiles}])
