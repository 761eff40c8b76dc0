"""Kinds of records that sources bring: by what they read last, and by what is stored."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Table, and_, func, literal, select, true

from cs_sync.metrics.sql.relations import is_present
from cs_sync_schemas.tables import RUN_STREAM


def read_stream_tables(
    connection: Connection, sources: Collection[str], known_at: datetime | None = None
) -> set[str]:
    """Return the tables that the streams of sources fill.

    Args:
        connection: A read connection.
        sources: Names of the sources; of each its newest run counts.
        known_at: Only runs up to this time; None means all.
    """
    until = true() if known_at is None else RUN_STREAM.c.ended_at <= known_at
    newest = (
        select(RUN_STREAM.c.source, func.max(RUN_STREAM.c.run_id).label("run_id"))
        .where(RUN_STREAM.c.source.in_(sources), until)
        .group_by(RUN_STREAM.c.source)
        .subquery()
    )
    same = and_(RUN_STREAM.c.source == newest.c.source, RUN_STREAM.c.run_id == newest.c.run_id)
    statement = select(RUN_STREAM.c.tables).join(newest, same)
    return {table for tables in connection.scalars(statement) for table in tables}


def has_records(
    connection: Connection, table: Table, field: str | None, known_at: datetime | None = None
) -> bool:
    """Return whether a table holds any record or filled field.

    Args:
        connection: A read connection.
        table: A table of source records.
        field: The field that must have a value; None for any record.
        known_at: The time of knowledge; None means now.
    """
    statement = select(literal(1)).select_from(table).where(is_present(table, known_at)).limit(1)
    if field is not None:
        statement = statement.where(table.c[field].is_not(None))
    return connection.scalar(statement) is not None
