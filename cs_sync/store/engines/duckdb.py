"""DuckDB over the Parquet files of an export."""

import atexit
import gc
from pathlib import Path
from typing import Any

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


def _start() -> Session:
    import duckdb
    import pytz  # noqa: F401 - DuckDB's instants need it

    # The command line leaves what is left at its end; DuckDB would print all of it as a leak.
    atexit.unregister(gc.freeze)
    connection = duckdb.connect()

    def run(statement: str) -> Answer:
        try:
            cursor = connection.execute(statement)
            return [name for name, *_ in cursor.description], cursor.fetchall()
        except duckdb.Error as error:
            raise EngineError(str(error)) from error

    run("SET TimeZone = 'UTC'")
    return Session(run, connection.close)


def _write_view(table: str, file: Path) -> str:
    path = str(file).replace("'", "''")
    return f"CREATE VIEW \"{table}\" AS SELECT * FROM read_parquet('{path}')"  # noqa: S608 - ours


DUCKDB = EngineKind(DuckDbDialect, _start, _write_view)
