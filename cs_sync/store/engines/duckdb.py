"""DuckDB over the Parquet files of an export."""

import atexit
import gc
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine

from cs_sync.store.engines.dialect import (
    Answer,
    EngineError,
    Session,
    TextDialect,
    create_text_engine,
)


def open_duckdb(files: Mapping[str, Path]) -> Engine:
    """Open DuckDB with a view for each file.

    Args:
        files: The Parquet file of each table.
    """
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
    for table, file in files.items():
        path = str(file).replace("'", "''")
        run(f"CREATE VIEW \"{table}\" AS SELECT * FROM read_parquet('{path}')")  # noqa: S608 - our own names
    return create_text_engine(TextDialect, Session(run, connection.close))
