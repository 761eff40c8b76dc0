"""Bulk inserts into PostgreSQL: COPY to a temporary table, then one upsert.

A page of a thousand rows takes two thirds of the time that way, and half of that again where none
of its rows is stored, as in a first read: then they are copied straight into their table. A page
of a hundred, as most vendors give, takes longer and is written row by row in one round trip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Dialect, MetaData, Table, select

from cs_sync.store.fast.prepared import (
    STATEMENT_CACHE_SIZE,
    PreparedStatement,
    add_replace_clause,
    prepare_upsert,
    upsert_uniform_rows,
)
from cs_sync.store.inserts import build_insert

MIN_COPY_ROWS = 500
"""Rows from which on COPY is quicker."""
UNIQUE_VIOLATION = "23505"
"""PostgreSQL's code for a key that is there already."""


@dataclass(frozen=True, slots=True)
class StagingStatements:
    """The statements of a bulk insert by way of a temporary table."""

    create: str
    copy: str
    move: str
    insert: str
    """Copies new rows into the table itself."""
    forms: PreparedStatement
    """The upsert of single rows, which knows the stored form of every value."""


def upsert_in_bulk(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    shared: Mapping[str, Any],
    *,
    new: bool = False,
) -> None:
    """Insert rows with distinct keys, or replace them by primary key.

    `first_seen_at` of existing rows is kept.

    Args:
        connection: A write transaction.
        table: The table to write.
        rows: Rows with distinct keys; all have the same fields.
        shared: Columns with the same value in every row.
        new: None of the rows is stored.
    """
    if not rows:
        return
    if connection.dialect.name != "postgresql" or len(rows) < MIN_COPY_ROWS:
        upsert_uniform_rows(connection, table, rows, shared)
        return
    names = tuple(dict.fromkeys((*rows[0], *shared)))
    staging = _prepare_staging(connection.dialect, table, names)
    values = staging.forms.table(rows, shared)
    if new and _insert_new(connection, staging, values):
        return
    driver: Any = connection.connection
    with driver.cursor() as cursor:
        cursor.execute(staging.create)
        _copy_rows(cursor, staging.copy, values)
        cursor.execute(staging.move)


def _insert_new(
    connection: Connection, staging: StagingStatements, values: Sequence[tuple[Any, ...]]
) -> bool:
    """Copy rows into the table; return False after a conflict."""
    driver: Any = connection.connection
    savepoint = connection.begin_nested()
    try:
        with driver.cursor() as cursor:
            _copy_rows(cursor, staging.insert, values)
    except Exception as error:
        savepoint.rollback()
        if getattr(error, "sqlstate", "") != UNIQUE_VIOLATION:
            raise
        return False
    savepoint.commit()
    return True


def _copy_rows(cursor: Any, statement: str, values: Sequence[tuple[Any, ...]]) -> None:
    with cursor.copy(statement) as copy:
        for row in values:
            copy.write_row(row)


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_staging(dialect: Dialect, table: Table, names: tuple[str, ...]) -> StagingStatements:
    forms = prepare_upsert(dialect, table, names)
    columns = [Column(name, table.c[name].type) for name in forms.names]
    staged = Table(f"staged_{table.name}", MetaData(), *columns)
    quote = dialect.identifier_preparer.quote
    listed = ", ".join(quote(name) for name in forms.names)
    insert = build_insert(dialect, table).from_select(forms.names, select(*staged.c))
    return StagingStatements(
        create=f"CREATE TEMPORARY TABLE IF NOT EXISTS {quote(staged.name)} "
        f"(LIKE {quote(table.name)}) ON COMMIT DELETE ROWS",
        copy=f"COPY {quote(staged.name)} ({listed}) FROM STDIN",
        insert=f"COPY {quote(table.name)} ({listed}) FROM STDIN",
        move=str(add_replace_clause(insert, table, forms.names).compile(dialect=dialect)),
        forms=forms,
    )
