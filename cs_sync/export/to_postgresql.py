"""Export of all tables to a schema of PostgreSQL, in one transaction."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, URL, Column, Connection, Table

from cs_sync.export.export import BATCH_SIZE, list_exported_tables
from cs_sync.export.formats import to_plain_value
from cs_sync.store.engine import Store
from cs_sync.store.engines.copies import connect_to_postgresql, get_schema
from cs_sync.store.engines.copy_schema import (
    claim_schema,
    copy_rows,
    empty_tables,
    vacuum_tables,
)
from cs_sync.store.engines.manifest import Manifest
from cs_sync.store.engines.mark import write_mark
from cs_sync.store.queries.tables import stream_table
from cs_sync_schemas.migrations import HEAD


def export_to_postgresql(store: Store, url: URL, now: datetime) -> list[dict[str, Any]]:
    """Export every table to a schema.

    Readers see the earlier rows until all new ones are there. Rows are deleted and copied, so that
    views on the tables stay, as do their permissions; only for another revision are the tables
    made anew.
    """
    schema, target = get_schema(url), connect_to_postgresql(url)
    tables = list_exported_tables()
    try:
        with store.snapshot() as source, target.write() as connection:
            claim_schema(connection, schema)
            empty_tables(connection, tables)
            rows = [
                {
                    "table": table.name,
                    "rows": copy_rows(connection, table, _read_rows(source, table)),
                }
                for table in tables
            ]
            names = tuple(table.name for table in tables)
            write_mark(connection, Manifest(HEAD, "tables", now, names))
        vacuum_tables(target, schema, tables)
    finally:
        target.close()
    return rows


def _read_rows(source: Connection, table: Table) -> Iterator[list[Any]]:
    for page in stream_table(source, table, BATCH_SIZE):
        for row in page:
            yield [_to_value(row[column.name], column) for column in table.c]


def _to_value(value: Any, column: Column[Any]) -> Any:
    is_json = isinstance(column.type, JSON)
    if is_json and value is None and not column.nullable:
        return "null"  # JSON's own
    return to_plain_value(value, is_json=is_json)
