"""Whole tables, for export."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, RowMapping, Table, select

from cs_sync.store.queries.batches import fetch_batches


def stream_table(
    connection: Connection, table: Table, batch_size: int
) -> Iterator[Sequence[RowMapping]]:
    """Yield all rows of a table in batches, by primary key."""
    ordered = select(table).order_by(*table.primary_key)
    for batch in fetch_batches(connection, ordered, batch_size):
        yield [row._mapping for row in batch]
