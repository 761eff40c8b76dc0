"""Follow-ups, kept by their key."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync_schemas import FollowUp, table_of

FOLLOW_UP = table_of(FollowUp)


def keep_follow_ups(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store new ones; one that exists stays as it was first written."""
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(FOLLOW_UP).on_conflict_do_nothing(index_elements=["key"])
    connection.execute(statement, list(rows))


def read_follow_ups(connection: Connection) -> list[dict[str, Any]]:
    """Every follow-up, the most urgent first."""
    ordered = select(FOLLOW_UP).order_by(FOLLOW_UP.c.due_at, FOLLOW_UP.c.key)
    return [row._asdict() for row in connection.execute(ordered)]
