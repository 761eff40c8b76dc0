"""Export of all tables to a schema of PostgreSQL, in one transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, URL, Column, Connection, Table, delete, func, select, text

from cs_sync.contracts.errors import ConfigError
from cs_sync.export.export import BATCH_SIZE, list_exported_tables
from cs_sync.export.formats import to_plain_value
from cs_sync.store.engine import Store
from cs_sync.store.engines.copies import connect_to_postgresql, get_schema
from cs_sync.store.engines.manifest import Manifest
from cs_sync.store.engines.mark import MARK, list_tables, read_mark, write_mark
from cs_sync.store.queries.tables import stream_table
from cs_sync_schemas.migrations import HEAD
from cs_sync_schemas.tables import METADATA

_EXISTS = text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")


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
            _claim_schema(connection, schema)
            _empty_tables(connection, tables)
            rows = [
                {"table": table.name, "rows": _copy_rows(source, connection, table)}
                for table in tables
            ]
            names = tuple(table.name for table in tables)
            write_mark(connection, Manifest(HEAD, "tables", now, names))
        _clean_up(target, schema, tables)
    finally:
        target.close()
    return rows


def _claim_schema(connection: Connection, schema: str) -> None:
    """Make a schema the current one; create it if missing.

    A second export into it waits for the first.

    Raises:
        ConfigError: It holds something else.
    """
    lock = func.pg_advisory_xact_lock(func.hashtext(f"cs-sync export {schema}"))
    connection.execute(select(lock))
    if connection.scalar(_EXISTS, {"schema": schema}) is None:
        connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
    connection.exec_driver_sql(f'SET LOCAL search_path TO "{schema}"')
    held = list_tables(connection)
    if held and MARK.name not in held:
        raise ConfigError(
            f"the schema {schema} holds {min(held)}, and is no export of cs-sync",
            "name a schema of its own, as in postgresql://USER@HOST/DATABASE?schema=NAME",
        )


def _empty_tables(connection: Connection, tables: list[Table]) -> None:
    earlier = read_mark(connection)
    if earlier is not None and earlier.schema == HEAD:
        for table in tables:
            connection.execute(delete(table))
        return
    for name in earlier.tables if earlier else ():
        connection.exec_driver_sql(f'DROP TABLE "{name}"')
    METADATA.create_all(connection, tables, checkfirst=False)


def _copy_rows(source: Connection, connection: Connection, table: Table) -> int:
    """Copy the rows of a table; return their number."""
    quoted = ", ".join(f'"{column.name}"' for column in table.c)
    driver: Any = connection.connection.driver_connection
    count = 0
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({quoted}) FROM STDIN') as copy,
    ):
        for page in stream_table(source, table, BATCH_SIZE):
            for row in page:
                copy.write_row([_to_value(row[column.name], column) for column in table.c])
            count += len(page)
    return count


def _to_value(value: Any, column: Column[Any]) -> Any:
    is_json = isinstance(column.type, JSON)
    if is_json and value is None and not column.nullable:
        return "null"  # JSON's own
    return to_plain_value(value, is_json=is_json)


def _clean_up(target: Store, schema: str, tables: list[Table]) -> None:
    """Free the space of deleted rows, and count the new ones."""
    names = ", ".join(f'"{schema}"."{table.name}"' for table in tables)
    with target.read() as connection:
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {names}")
