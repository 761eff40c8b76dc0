"""Records as known at an instant, in temporary tables that shadow the real ones.

A temporary table hides the one of the same name, on SQLite and on PostgreSQL. So the past state
is built once for a hundred statements, and not in each of them.
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
    exists,
    insert,
    or_,
    select,
    text,
)

from cs_sync.metrics.sql.relations import is_known_at
from cs_sync.metrics.sql.time_travel import select_versions, was_known_at
from cs_sync_schemas import VERSIONED, get_history_table, get_known_from
from cs_sync_schemas.table_loader import get_table_named
from cs_sync_schemas.tables import MRR_SPAN

SPAN = MRR_SPAN


@contextmanager
def shadow_tables(
    connection: Connection, tables: Iterable[Table], policy: str, known_at: datetime
) -> Iterator[None]:
    """Show these tables as known at an instant inside the context.

    Unchanged tables stay as they are. Of the MRR spans, only those known then under the policy
    are visible.
    """
    shown: list[Table] = []
    try:
        for table in tables:
            rows = _select_known_rows(connection, table, policy, known_at)
            if rows is not None:
                shown.append(_create_shadow_table(connection, table, rows))
        yield
    finally:
        for table in shown:
            table.drop(connection)


def _select_known_rows(
    connection: Connection, table: Table, policy: str, known_at: datetime
) -> Select[tuple[object, ...]] | None:
    """Select the rows known then; None if they equal the table's own."""
    if table is SPAN:
        columns = [column for column in SPAN.c if column.name != "parts"]
        return select(*columns).where(SPAN.c.policy == policy, is_known_at(SPAN, known_at))
    history = get_history_table(table)
    if history is None or not _has_changed(connection, table, history, known_at):
        return None
    return select(select_versions(table, history, known_at).subquery())


def has_history_since(connection: Connection, known_at: datetime) -> bool:
    """Return whether any versioned table changed after an instant."""
    tables = (get_table_named(name) for name in VERSIONED)
    pairs = ((table, get_history_table(table)) for table in tables)
    return any(
        _has_changed(connection, table, history, known_at)
        for table, history in pairs
        if history is not None
    )


def _has_changed(connection: Connection, table: Table, history: Table, known_at: datetime) -> bool:
    later = exists().where(get_known_from(table) > known_at)
    replaced = exists().where(was_known_at(history, known_at))
    return bool(connection.scalar(select(or_(later, replaced))))


def _create_shadow_table(
    connection: Connection, table: Table, rows: Select[tuple[object, ...]]
) -> Table:
    """Create a temporary table of these rows under the real table's name."""
    made = _define_temporary_table(f"then_{table.name}", table, rows)
    made.create(connection)
    connection.execute(insert(made).from_select(list(made.c.keys()), rows))
    connection.execute(text(f"ALTER TABLE {made.name} RENAME TO {table.name}"))
    return _define_temporary_table(table.name, table, rows)


def _define_temporary_table(name: str, table: Table, rows: Select[tuple[object, ...]]) -> Table:
    columns = [table.c[column.name] for column in rows.selected_columns]
    copies = (
        Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable) for c in columns
    )
    return Table(name, MetaData(), *copies, prefixes=["TEMPORARY"])
