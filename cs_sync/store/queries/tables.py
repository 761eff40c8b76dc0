"""Whole tables, for export."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Table, select

from cs_sync.store.queries.batches import fetch_batches
from cs_sync_schemas import get_seen


def stream_table(
    connection: Connection, table: Table, batch_size: int
) -> Iterator[Sequence[RowMapping]]:
    """Yield all rows of a table in batches, by primary key."""
    ordered = select(*map(fill_column, table.c)).order_by(*table.primary_key)
    for batch in fetch_batches(connection, ordered, batch_size):
        yield [row._mapping for row in batch]


def fill_column(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column as its reader expects it.

    Times of sight stand in their rows only where they are not those of the change.
    """
    is_seen = column.name in ("first_seen_at", "last_seen_at")
    return get_seen(column.table, column.name).label(column.name) if is_seen else column
