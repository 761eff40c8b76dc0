"""Fast databases for tests: copies of an empty one, with shared compiled statements."""

import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from cs_sync.http import ManualClock
from cs_sync.store.engine import Store, open_store
from cs_sync.store.fast.compiled_statements import COMPILED
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
                _open_empty_database().backup(driver)


@cache
def _open_empty_database() -> sqlite3.Connection:
    """Return the empty database in memory, to copy its pages from."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.deserialize(_make_memory_content())
    return connection


@cache
def _make_memory_content() -> bytes:
    """Return the empty database without its write-ahead log, which memory cannot keep."""
    content = bytearray(make_empty_database())
    content[18:20] = b"\1\1"  # the file format's versions for writing and reading
    return bytes(content)


def open_memory_database() -> Engine:
    """Open a migrated, empty database in memory."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.deserialize(_make_memory_content())
    return speed_up(create_engine("sqlite://", poolclass=StaticPool, creator=lambda: connection))


def speed_up(engine: Engine) -> Engine:
    """Share the engine's compiled and prepared statements, and spare SQLite disk syncs.

    We keep prepared statements by dialect, and every engine has its own: a test with a fresh
    database would prepare each once more. And no test cuts the power.
    """
    engine.update_execution_options(compiled_cache=COMPILED)
    if engine.dialect.name != "sqlite":
        return _share_dialect(engine)
    engine.dialect = _DIALECT

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


def _share_dialect(engine: Engine) -> Engine:
    """Let all engines of a server use the first one's dialect.

    That of the first that was connected.
    """
    if engine.driver in _SERVER_DIALECTS:
        engine.dialect = engine.pool._dialect = _SERVER_DIALECTS[engine.driver]
        return engine

    @event.listens_for(engine, "connect", once=True)
    def share(_connection: Any, _record: Any) -> None:
        _SERVER_DIALECTS.setdefault(engine.driver, engine.dialect)

    return engine


_DIALECT = _make_dialect()
_SERVER_DIALECTS: dict[str, Dialect] = {}
