"""Whole tables, for export."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, RowMapping, Table, select


def stream_table(
    connection: Connection, table: Table, batch_size: int
) -> Iterator[Sequence[RowMapping]]:
    """Yield all rows of a table in batches, by primary key."""
    ordered = select(table).order_by(*table.primary_key)
    result = connection.execute(ordered.execution_options(yield_per=batch_size))
    return result.mappings().partitions(batch_size)
