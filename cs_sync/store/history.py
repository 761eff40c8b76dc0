"""Keeping what was known of a row before it is replaced or buried."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync_schemas import history_of, known_from


def remember(
    connection: Connection, table: Table, which: ColumnElement[bool], now: datetime
) -> None:
    """Copy these rows to their history, as known until now; nothing for other tables.

    What was learnt at this very instant was never known otherwise, and is not copied.
    """
    history = history_of(table)
    if history is None:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    names = [column.name for column in history.c if column.name in table.c]
    until = literal(now, history.c.known_to.type)
    old = select(*(table.c[name] for name in names), until).where(which, known_from(table) < now)
    statement = dialect.insert(history).from_select([*names, "known_to"], old)
    connection.execute(statement.on_conflict_do_nothing())
