"""Records as they were known at an instant: temporary tables before the real ones.

A temporary table hides the one of the same name, on SQLite and on PostgreSQL. So what a hundred
statements read as it was then is put together once, and not in each of them again.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Select,
    Table,
    and_,
    exists,
    insert,
    or_,
    select,
    text,
)

from cs_sync.metrics.as_known import versions
from cs_sync_schemas import MrrSpan, history_of, known_from, table_of

SPAN = table_of(MrrSpan)


@contextmanager
def known_then(
    connection: Connection, tables: Iterable[Table], policy: str, known_at: datetime
) -> Iterator[None]:
    """Within it statements find these tables as they were known at the instant.

    Tables of which nothing was learnt since stay as they are. Of the spans of MRR only those
    known then under the policy are found.
    """
    shown: list[Table] = []
    try:
        for table in tables:
            rows = _rows(connection, table, policy, known_at)
            if rows is not None:
                shown.append(_shown(connection, table, rows))
        yield
    finally:
        for table in shown:
            table.drop(connection)


def _rows(
    connection: Connection, table: Table, policy: str, known_at: datetime
) -> Select[tuple[object, ...]] | None:
    """The rows that were known then; None where they are the table's own."""
    if table is SPAN:
        over = or_(SPAN.c.known_to.is_(None), SPAN.c.known_to > known_at)
        columns = [column for column in SPAN.c if column.name != "parts"]
        return select(*columns).where(
            and_(SPAN.c.policy == policy, SPAN.c.known_from <= known_at, over)
        )
    history = history_of(table)
    if history is None:
        return None
    later = exists().where(known_from(table) > known_at)
    replaced = exists().where(known_from(history) <= known_at, history.c.known_to > known_at)
    if not connection.scalar(select(or_(later, replaced))):
        return None
    return select(versions(table, history, known_at).subquery())


def _shown(connection: Connection, table: Table, rows: Select[tuple[object, ...]]) -> Table:
    """A temporary table of these rows under the name of the real one."""
    made = _temporary(f"then_{table.name}", table, rows)
    made.create(connection)
    connection.execute(insert(made).from_select(list(made.c.keys()), rows))
    connection.execute(text(f"ALTER TABLE {made.name} RENAME TO {table.name}"))
    return _temporary(table.name, table, rows)


def _temporary(name: str, table: Table, rows: Select[tuple[object, ...]]) -> Table:
    columns = [table.c[column.name] for column in rows.selected_columns]
    copies = (
        Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable) for c in columns
    )
    return Table(name, MetaData(), *copies, prefixes=["TEMPORARY"])
