"""Deleted data leave no trace in the file: SQLite keeps them in free pages and its log."""

from sqlalchemy import Connection

from cs_sync.store.engine import Store


def overwrite_deleted_rows(connection: Connection) -> None:
    """Have SQLite overwrite what this connection deletes."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def compact_database(store: Store) -> None:
    """Remove deleted data from SQLite's free pages and log."""
    if store.engine.dialect.name == "sqlite":
        with store.read() as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
