"""History of rows: their old version is archived before a change or soft delete."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, literal, select, update

from cs_sync.store.inserts import build_insert
from cs_sync_schemas import get_history_table, get_known_from


def archive_rows(
    connection: Connection, table: Table, which: ColumnElement[bool], now: datetime
) -> None:
    """Copy rows to their history table, known until now.

    Unversioned tables are ignored. Rows learnt at this very instant were never known otherwise and
    are not copied.

    Args:
        connection: A write transaction, before the change.
        table: The table to be changed.
        which: The condition for the rows to be changed.
        now: The time of the change.
    """
    history = get_history_table(table)
    if history is None:
        return
    names = [column.name for column in history.c if column.name in table.c]
    until = literal(now, history.c.known_to.type)
    old = select(*(table.c[name] for name in names), until).where(
        which, get_known_from(table) < now
    )
    statement = build_insert(connection.dialect, history).from_select([*names, "known_to"], old)
    connection.execute(statement.on_conflict_do_nothing())


def end_knowledge(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """End the knowledge interval of rows; earlier times still see them.

    Args:
        connection: A write transaction.
        table: A bitemporal table, with `known_to`.
        rows: Rows of it with their primary key.
        now: The time of the change.
    """
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    same = [table.c[name] == bindparam(f"own_{name}") for name in keys]
    over = update(table).where(*same).values(known_to=now)
    connection.execute(over, [{f"own_{name}": row[name] for name in keys} for row in rows])
