"""Rows of a large result in batches, on either database."""

from typing import Any

from sqlalchemy import Connection


def get_batch_options(connection: Connection, rows: int) -> dict[str, Any]:
    """Return the options of a statement to fetch rows in batches.

    A server keeps a result only inside a transaction: outside of one, all rows come at once.
    """
    isolation = connection.get_execution_options().get("isolation_level")
    if connection.dialect.name != "sqlite" and isolation == "AUTOCOMMIT":
        return {}
    return {"yield_per": rows}
