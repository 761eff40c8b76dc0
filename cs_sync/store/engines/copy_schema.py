"""The schema of PostgreSQL that holds a copy of all tables."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, text

from cs_sync.contracts.errors import ConfigError
from cs_sync.store.engine import Store
from cs_sync.store.engines.mark import MARK, list_tables, read_mark
from cs_sync_schemas.migrations import HEAD
from cs_sync_schemas.tables import METADATA

_EXISTS = text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")


def claim_schema(connection: Connection, schema: str) -> None:
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
            f"the schema {schema} holds {min(held)}, and is not an export of cs-sync",
            "name a schema of its own, as in postgresql://USER@HOST/DATABASE?schema=NAME",
        )


def empty_tables(connection: Connection, tables: Sequence[Table]) -> None:
    """Delete the earlier rows; create the tables anew for another revision."""
    earlier = read_mark(connection)
    if earlier is not None and earlier.schema == HEAD:
        for table in tables:
            connection.execute(delete(table))
        return
    for name in earlier.tables if earlier else ():
        connection.exec_driver_sql(f'DROP TABLE "{name}"')
    METADATA.create_all(connection, tables, checkfirst=False)


def copy_rows(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> int:
    """Copy rows, in the order of the table's columns; return their number."""
    quoted = ", ".join(f'"{column.name}"' for column in table.c)
    driver: Any = connection.connection.driver_connection
    count = 0
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({quoted}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def vacuum_tables(target: Store, schema: str, tables: Sequence[Table]) -> None:
    """Free the space of deleted rows, and count the new ones."""
    names = ", ".join(f'"{schema}"."{table.name}"' for table in tables)
    with target.read() as connection:
        connection.exec_driver_sql(f"VACUUM (ANALYZE) {names}")
