"""Inserts that can say what to do where a row exists."""

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite


def build_insert(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return the dialect's insert, which takes an ON CONFLICT clause."""
    return sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)
