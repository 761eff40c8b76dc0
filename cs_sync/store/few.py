"""Some accounts alone, as they were known at an instant: temporary tables before the real ones.

A temporary table hides the one of the same name, on SQLite and on PostgreSQL. So a statement that
was made for everyone answers for some accounts word for word, and there is no second definition.
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

from cs_sync_schemas import AccountAttribute, MrrSpan, table_of

SPAN, ATTRIBUTE = table_of(MrrSpan), table_of(AccountAttribute)


def learnt_of(policy: str, since: datetime, *, segmented: bool) -> Select[Any]:
    """The accounts of whose MRR, or if asked of whose attributes, anything was learnt since."""
    spans = [
        select(SPAN.c.account_id).where(SPAN.c.policy == policy, when > since)
        for when in (SPAN.c.known_from, SPAN.c.known_to)
    ]
    attributes = [
        select(ATTRIBUTE.c.account_id).where(when > since)
        for when in (ATTRIBUTE.c.known_from, ATTRIBUTE.c.known_to)
    ]
    found = union(*spans, *(attributes if segmented else ())).subquery("learnt")
    return select(found.c.account_id)


@contextmanager
def few_accounts(
    connection: Connection, policy: str, accounts: Select[Any], *, segmented: bool
) -> Iterator[Callable[[datetime], None]]:
    """Within it statements find these accounts' spans only, and if asked their attributes.

    What is given sets the instant: the tables are then as they were, later knowledge left out.
    """
    chosen = _temporary("few_account", [Column("account_id", SPAN.c.account_id.type)])
    chosen.create(connection)
    connection.execute(insert(chosen).from_select(["account_id"], accounts))
    mine: dict[Table, ColumnElement[bool]] = {SPAN: SPAN.c.policy == policy}
    if segmented:
        mine[ATTRIBUTE] = true()
    copies = {table: _staged(connection, table, chosen, mine[table]) for table in mine}
    shown = {table: _temporary(table.name, _columns(table)) for table in mine}
    for table in shown.values():
        table.create(connection)

    def as_known(at: datetime) -> None:
        for table, copy in copies.items():
            connection.execute(delete(shown[table]))
            names = [column.name for column in copy.c]
            connection.execute(insert(shown[table]).from_select(names, _then(copy, at)))

    try:
        yield as_known
    finally:
        for table in (chosen, *copies.values(), *shown.values()):
            table.drop(connection)


def _staged(
    connection: Connection, table: Table, chosen: Table, mine: ColumnElement[bool]
) -> Table:
    """A copy of these accounts' rows, all that was ever known of them."""
    copy = _temporary(f"few_{table.name}", _columns(table))
    copy.create(connection)
    rows = (
        select(*(table.c[column.name] for column in copy.c))
        .join_from(chosen, table, chosen.c.account_id == table.c.account_id)
        .where(mine)
    )
    connection.execute(insert(copy).from_select([column.name for column in copy.c], rows))
    return copy


def _then(copy: Table, at: datetime) -> Select[Any]:
    """The rows as they were at an instant: what was unlearnt later was still believed."""
    over = copy.c.known_to
    columns = [
        case((over > at, None), else_=over).label("known_to") if column is over else column
        for column in copy.c
    ]
    return select(*columns).where(copy.c.known_from <= at)


def _columns(table: Table) -> Sequence[Column[Any]]:
    """What statements about MRR read of a table; the parts of a span are not among it."""
    return [
        Column(column.name, column.type, primary_key=column.primary_key)
        for column in table.c
        if column.name != "parts"
    ]


def _temporary(name: str, columns: Sequence[Column[Any]]) -> Table:
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"])
