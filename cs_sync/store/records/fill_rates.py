"""Fill rates of a source's stored rows, now and after its last runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Table,
    func,
    literal,
    or_,
    select,
)

from cs_sync.store.privacy.table_scan import get_stored_type
from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas import RECORDS, Record, get_table
from cs_sync_schemas.history import get_seen
from cs_sync_schemas.tables import TABLE_PROFILE

PROFILE = TABLE_PROFILE
COUNTED_AT = "counted_at"
_RECORDS = {str(record.__tablename__): record for record in RECORDS}


def count_filled_fields(
    connection: Connection, source: str, table: str, earlier: Sequence[dict[str, Any]] = ()
) -> tuple[int, dict[str, int]]:
    """Count the non-deleted rows, and those with each optional field filled.

    Where rows only came since the newest earlier profile, these alone are counted: a day of use
    is added to millions.

    Args:
        connection: A read connection.
        source: The source of the rows.
        table: The name of their table.
        earlier: The profiles after earlier runs, oldest first.
    """
    model = get_table(_RECORDS[table])
    fields = [
        column
        for column in model.c
        if column.nullable
        and column.name not in Record.ENGINE_FIELDS
        and not isinstance(get_stored_type(column.type), JSON)
    ]
    names = [field.name for field in fields]
    before = earlier[-1] if earlier else {}
    if COUNTED_AT in before and before["filled"].keys() == set(names):
        since = datetime.fromisoformat(before[COUNTED_AT])
        seen_before = get_seen(model, "first_seen_at") <= since
        is_other = or_(seen_before, model.c.deleted_at.is_not(None))
        others = func.count().filter(is_other)
        later = (
            (model.c.source + literal("")) == source,  # else SQLite would go by the source
            model.c.changed_at >= since,
        )
        other, rows, *filled = _count_rows_and_fields(connection, model, [others], fields, later)
        if not other:
            counts = zip(names, filled, strict=True)
            return before["rows"] + rows, {n: before["filled"][n] + count for n, count in counts}
    living = (model.c.source == source, model.c.deleted_at.is_(None))
    rows, *filled = _count_rows_and_fields(connection, model, [], fields, living)
    return rows, dict(zip(names, filled, strict=True))


def _count_rows_and_fields(
    connection: Connection,
    model: Table,
    first: Sequence[ColumnElement[int]],
    fields: Sequence[Column[Any]],
    which: Sequence[ColumnElement[bool]],
) -> Sequence[int]:
    """Return `first`, the number of rows, and those with each field filled."""
    counts = (func.count(field) for field in fields)
    statement = select(*first, func.count(), *counts).select_from(model).where(*which)
    return connection.execute(statement).one()


def read_fill_profiles(connection: Connection, source: str, table: str) -> list[dict[str, Any]]:
    """Return the profiles after earlier runs, oldest first: run, rows, filled, counted_at."""
    profiles: list[dict[str, Any]] | None = connection.scalar(
        select(PROFILE.c.profiles).where(PROFILE.c.source == source, PROFILE.c.record == table)
    )
    return profiles or []


def save_fill_profiles(
    connection: Connection, source: str, table: str, profiles: list[dict[str, Any]]
) -> None:
    """Replace the stored profiles of a source's table."""
    upsert_rows(connection, PROFILE, [{"source": source, "record": table, "profiles": profiles}])


def forget_counts(connection: Connection) -> None:
    """Let all rows be counted anew.

    Some were rewritten, which no time in them tells.
    """
    for row in connection.execute(select(PROFILE)).all():
        profiles = [{k: v for k, v in each.items() if k != COUNTED_AT} for each in row.profiles]
        save_fill_profiles(connection, row.source, row.record, profiles)
