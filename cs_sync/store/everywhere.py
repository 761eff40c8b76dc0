"""Finding and rewriting rows in any table, whatever their columns are."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    String,
    Table,
    Text,
    TypeDecorator,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from cs_sync.store.addresses import AT_SIGNS
from cs_sync_schemas import Owner, Suppression, table_of

Change = Callable[[dict[str, Any]], dict[str, Any]]


def rewrite(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], change: Change
) -> int:
    """Replace rows by what `change` makes of them, also their keys; how many differ."""
    keys = [column.name for column in table.primary_key]
    distinct = {tuple(row[key] for key in keys): row for row in rows}
    pairs = [(row, change(row)) for row in distinct.values()]
    pairs = [(old, new) for old, new in pairs if _differs(old, new)]
    if pairs:
        where = and_(*(table.c[key] == bindparam(f"old_{key}") for key in keys))
        names = [column.name for column in table.c]
        statement = update(table).where(where).values({n: bindparam(f"new_{n}") for n in names})
        connection.execute(
            statement,
            [
                {f"old_{key}": old[key] for key in keys} | {f"new_{n}": new[n] for n in names}
                for old, new in pairs
            ],
        )
    return len(pairs)


def _differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return any(old[name] != new[name] for name in old if name != "row_hash")


def holding(
    connection: Connection, table: Table, addresses: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Rows in which one of the addresses may stand: all that have an at sign in their texts.

    The database knows neither all spellings of an address nor the small form of every letter.
    """
    texts = texts_of(table)
    if not texts or not addresses:
        return
    hits = [
        func.lower(cast(column, Text)).contains(sign, autoescape=True)
        for column in texts
        for sign in AT_SIGNS
    ]
    yield from rows_of(connection, table, or_(*hits))


def texts_of(table: Table) -> list[Column[Any]]:
    """The columns that hold text, or JSON."""
    return [column for column in table.c if isinstance(stored_as(column.type), String | JSON)]


def stored_as(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The database's own type; SQLModel wraps that of text in one of its own."""
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def searched_tables() -> list[Table]:
    """All but owners, who are colleagues, and the list of digests itself."""
    left_out = (table_of(Owner), table_of(Suppression))
    return [table for table in SQLModel.metadata.sorted_tables if table not in left_out]


def rows_of(connection: Connection, table: Table, *where: Any) -> list[dict[str, Any]]:
    """The rows of a table that meet all conditions."""
    found = connection.execute(select(table).where(*where)).mappings()
    return [dict(row) for row in found]
