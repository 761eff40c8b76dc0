"""Snapshot a few accounts as of an instant, in temporary tables that shadow the real ones.

A temporary table hides the one of the same name, on SQLite and on PostgreSQL. So the statement
for all accounts serves a few of them unchanged, and needs no second definition.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    case,
    delete,
    insert,
    select,
    true,
    union,
)

from cs_sync_schemas import AccountAttribute, MrrSpan, get_table

SPAN, ATTRIBUTE = get_table(MrrSpan), get_table(AccountAttribute)


def select_changed_accounts(policy: str, since: datetime, *, segmented: bool) -> Select[Any]:
    """Select the accounts whose known MRR changed after `since`.

    Args:
        policy: Hash of the MRR policy.
        since: The knowledge time.
        segmented: Also select accounts whose known attributes changed.
    """
    spans = [
        select(SPAN.c.account_id).where(SPAN.c.policy == policy, when > since)
        for when in (SPAN.c.known_from, SPAN.c.known_to)
    ]
    attributes = [
        select(ATTRIBUTE.c.account_id).where(when > since)
        for when in (ATTRIBUTE.c.known_from, ATTRIBUTE.c.known_to)
    ]
    changed = union(*spans, *(attributes if segmented else ())).subquery("learnt")
    return select(changed.c.account_id)


@contextmanager
def snapshot_accounts(
    connection: Connection, policy: str, accounts: Select[Any], *, segmented: bool
) -> Iterator[Callable[[datetime], None]]:
    """Limit all statements inside the context to the MRR spans of these accounts.

    Args:
        connection: A connection for the temporary tables.
        policy: Hash of the MRR policy.
        accounts: A query of account ids.
        segmented: Limit the attributes, too.

    Yields:
        A function that sets the knowledge time; later knowledge is then left out.
    """
    chosen = _define_temporary_table("few_account", [Column("account_id", SPAN.c.account_id.type)])
    chosen.create(connection)
    connection.execute(insert(chosen).from_select(["account_id"], accounts))
    conditions: dict[Table, ColumnElement[bool]] = {SPAN: SPAN.c.policy == policy}
    if segmented:
        conditions[ATTRIBUTE] = true()
    copies = {
        table: _copy_account_rows(connection, table, chosen, conditions[table])
        for table in conditions
    }
    shown = {
        table: _define_temporary_table(table.name, _copy_columns(table)) for table in conditions
    }
    for table in shown.values():
        table.create(connection)

    def as_known(at: datetime) -> None:
        for table, copy in copies.items():
            connection.execute(delete(shown[table]))
            names = [column.name for column in copy.c]
            connection.execute(insert(shown[table]).from_select(names, _select_as_of(copy, at)))

    try:
        yield as_known
    finally:
        for table in (chosen, *copies.values(), *shown.values()):
            table.drop(connection)


def _copy_account_rows(
    connection: Connection, table: Table, chosen: Table, condition: ColumnElement[bool]
) -> Table:
    """Copy all versions of these accounts' rows."""
    copy = _define_temporary_table(f"few_{table.name}", _copy_columns(table))
    copy.create(connection)
    rows = (
        select(*(table.c[column.name] for column in copy.c))
        .join_from(chosen, table, chosen.c.account_id == table.c.account_id)
        .where(condition)
    )
    connection.execute(insert(copy).from_select([column.name for column in copy.c], rows))
    return copy


def _select_as_of(copy: Table, at: datetime) -> Select[Any]:
    """Select the rows as of a knowledge time; an interval ended later is still open."""
    over = copy.c.known_to
    columns = [
        case((over > at, None), else_=over).label("known_to") if column is over else column
        for column in copy.c
    ]
    return select(*columns).where(copy.c.known_from <= at)


def _copy_columns(table: Table) -> Sequence[Column[Any]]:
    """Copy the columns that MRR statements read, without a span's parts."""
    return [
        Column(column.name, column.type, primary_key=column.primary_key)
        for column in table.c
        if column.name != "parts"
    ]


def _define_temporary_table(name: str, columns: Sequence[Column[Any]]) -> Table:
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"])
