"""Databases for tests: made by copying an empty one, and quick because they share what is alike."""

import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Engine, event

from cs_sync.http import ManualClock
from cs_sync.store.database import Store, open_store
from cs_sync.store.migrating import migrate


@cache
def empty_database() -> bytes:
    """A migrated, empty SQLite file, made once: copying it is quicker than migrating."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        store = open_store(f"sqlite:///{path}")
        migrate(store, ManualClock().now())
        store.close()
        return path.read_bytes()


def fill(store: Store) -> None:
    """Give a database of SQLite that has no table yet those of an empty one."""
    if store.engine.dialect.name == "sqlite":
        with store.read() as connection:
            driver: Any = connection.connection.driver_connection
            if not driver.execute("SELECT 1 FROM sqlite_master").fetchone():
                driver.executescript(_tables())


@cache
def _tables() -> str:
    """An empty database as the statements that make it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        path.write_bytes(empty_database())
        with closing(sqlite3.connect(path)) as connection:
            return "\n".join(connection.iterdump())


def quick(engine: Engine) -> Engine:
    """The same engine, if it is SQLite's with the compiled statements of all others, and in no
    hurry to reach the disk.

    SQLAlchemy and we keep compiled statements by the dialect, of which every engine has its own:
    a test with a fresh database would compile each of them once more. And no test cuts the power.
    """
    if engine.dialect.name != "sqlite":
        return engine
    engine.dialect = _DIALECT
    engine.update_execution_options(compiled_cache=_STATEMENTS)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    return engine


def _dialect() -> Dialect:
    """A dialect that has met a database: it has asked for the version and the defaults."""
    store = open_store("sqlite://")
    with store.read():
        dialect = store.engine.dialect
    store.close()
    return dialect


_DIALECT = _dialect()
_STATEMENTS: dict[Any, Any] = {}
