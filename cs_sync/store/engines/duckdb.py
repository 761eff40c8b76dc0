"""DuckDB over the Parquet files of an export."""

import atexit
import gc
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from cs_sync.store.engines.dialect import (
    Answer,
    EngineError,
    EngineKind,
    Session,
    TextCompiler,
    TextDialect,
)


class DuckDbCompiler(TextCompiler):
    """What DuckDB says otherwise."""

    def visit_floordiv_binary(self, binary: Any, operator: Any, **options: Any) -> str:  # noqa: ARG002
        """Write a division of whole numbers."""
        left, right = (self.process(side, **options) for side in (binary.left, binary.right))
        return f"({left}) // ({right})"


class DuckDbDialect(TextDialect):
    """DuckDB's words."""

    name = "duckdb"
    supports_statement_cache = False  # SQLAlchemy asks each class
    statement_compiler = DuckDbCompiler


def open_file(file: Path | None = None, *, read_only: bool = False) -> Session:
    """Open a file, or a database in memory.

    Raises:
        EngineError: It cannot be opened.
        ImportError: DuckDB is not installed.
    """
    import duckdb
    import pytz  # noqa: F401 - DuckDB's instants need it

    # The command line leaves what is left at its end; DuckDB would print all of it as a leak.
    atexit.unregister(gc.freeze)
    try:
        connection = duckdb.connect(file or ":memory:", read_only=read_only)
    except duckdb.Error as error:
        raise EngineError(str(error)) from error

    def run(statement: str) -> Answer:
        try:
            cursor = connection.execute(statement)
            return [name for name, *_ in cursor.description], cursor.fetchall()
        except duckdb.Error as error:
            raise EngineError(str(error)) from error

    run("SET TimeZone = 'UTC'")
    return Session(run, connection.close)


def _write_view(table: str, file: Path) -> str:
    return f'CREATE VIEW "{table}" AS {_write_select(file)}'


def copy_table(connection: Connection, table: str, file: Path) -> None:
    """Copy a Parquet file to a new table."""
    connection.exec_driver_sql(f'CREATE TABLE "{table}" AS {_write_select(file)}')


def _write_select(file: Path) -> str:
    path = str(file).replace("'", "''")
    return f"SELECT * FROM read_parquet('{path}')"  # noqa: S608 - ours


DUCKDB = EngineKind(DuckDbDialect, open_file, _write_view)
