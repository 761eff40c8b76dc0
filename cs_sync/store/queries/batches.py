"""Rows of a large result in batches, on either database."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any

from sqlalchemy import Connection, Row, Select

USES_AT_ONCE = 500
"""Rows of `select_use_by_owner` in memory at once: each has all days of a person."""


def fetch_batches(
    connection: Connection, statement: Select[Any], rows: int
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the rows of a large result in batches.

    A server keeps a result only inside a transaction; a connection that has none gets one until
    the last batch.
    """
    with _hold_transaction(connection):
        result = connection.execute(statement, execution_options={"yield_per": rows})
        with closing(result):
            yield from result.partitions(rows)


def _hold_transaction(connection: Connection) -> AbstractContextManager[Any]:
    """Return a transaction of the driver's own if each statement has one."""
    isolation = connection.get_execution_options().get("isolation_level")
    if connection.dialect.name == "sqlite" or isolation != "AUTOCOMMIT":
        return nullcontext()
    driver: Any = connection.connection.driver_connection
    transaction: AbstractContextManager[Any] = driver.transaction()
    return transaction
