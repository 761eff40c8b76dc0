"""Fast databases for tests: copies of an empty one, with shared compiled statements."""

import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Engine, event

from cs_sync.http import ManualClock
from cs_sync.store.engine import Store, open_store
from cs_sync.store.migrate import migrate_schema


@cache
def make_empty_database() -> bytes:
    """Return a migrated, empty SQLite file; copying it is faster than migrating."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        store = open_store(f"sqlite:///{path}")
        migrate_schema(store, ManualClock().now())
        store.close()
        return path.read_bytes()


def create_tables(store: Store) -> None:
    """Create the tables of an empty SQLite database from the prepared one."""
    if store.engine.dialect.name == "sqlite":
        with store.read() as connection:
            driver: Any = connection.connection.driver_connection
            if not driver.execute("SELECT 1 FROM sqlite_master").fetchone():
                driver.executescript(_dump_tables())


@cache
def _dump_tables() -> str:
    """Return the empty database as SQL statements."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        path.write_bytes(make_empty_database())
        with closing(sqlite3.connect(path)) as connection:
            return "\n".join(connection.iterdump())


def speed_up(engine: Engine) -> Engine:
    """Return the engine, for SQLite with shared compiled statements and no disk syncs.

    SQLAlchemy and we cache compiled statements by dialect, and every engine has its own: a
    test with a fresh database would compile each once more. And no test cuts the power.
    """
    if engine.dialect.name != "sqlite":
        return engine
    engine.dialect = _DIALECT
    engine.update_execution_options(compiled_cache=_STATEMENTS)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    return engine


def _make_dialect() -> Dialect:
    """Return a dialect after its first connection: version and defaults are known."""
    store = open_store("sqlite://")
    with store.read():
        dialect = store.engine.dialect
    store.close()
    return dialect


_DIALECT = _make_dialect()
_STATEMENTS: dict[Any, Any] = {}
