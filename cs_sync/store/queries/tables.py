"""Whole tables, for export."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, RowMapping, Table, select

from cs_sync.store.queries.batches import get_batch_options


def stream_table(
    connection: Connection, table: Table, batch_size: int
) -> Iterator[Sequence[RowMapping]]:
    """Yield all rows of a table in batches, by primary key."""
    ordered = select(table).order_by(*table.primary_key)
    options = get_batch_options(connection, batch_size)
    result = connection.execute(ordered, execution_options=options)
    return result.mappings().partitions(batch_size)
