"""Inserts that can say what to do where a row exists."""

from typing import TYPE_CHECKING

from sqlalchemy import Dialect, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def build_insert(dialect: Dialect, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return the dialect's insert, which takes an ON CONFLICT clause."""
    if dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # a tenth of a second to import

    return postgresql.insert(table)
