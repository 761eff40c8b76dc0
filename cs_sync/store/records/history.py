"""History of rows: their old version is archived before a change or soft delete."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync_schemas import get_history_table, get_known_from


def archive_rows(
    connection: Connection, table: Table, which: ColumnElement[bool], now: datetime
) -> None:
    """Copy rows to their history table, known until now; unversioned tables are ignored.

    Rows learnt at this very instant were never known otherwise and are not copied.

    Args:
        connection: A write transaction, before the change.
        table: The table to be changed.
        which: The condition for the rows to be changed.
        now: The time of the change.
    """
    history = get_history_table(table)
    if history is None:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    names = [column.name for column in history.c if column.name in table.c]
    until = literal(now, history.c.known_to.type)
    old = select(*(table.c[name] for name in names), until).where(
        which, get_known_from(table) < now
    )
    statement = dialect.insert(history).from_select([*names, "known_to"], old)
    connection.execute(statement.on_conflict_do_nothing())
