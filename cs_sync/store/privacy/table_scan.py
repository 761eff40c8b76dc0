"""Find and rewrite rows in any table, whatever its columns."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
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
    true,
    update,
)
from sqlalchemy.types import TypeEngine

from cs_sync.store.privacy.email_addresses import AT_SIGNS
from cs_sync_schemas.digests import Digest
from cs_sync_schemas.packed import PackedText
from cs_sync_schemas.tables import METADATA, OWNER, SUPPRESSION

RowChange = Callable[[dict[str, Any]], dict[str, Any]]


def rewrite_rows(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], change: RowChange
) -> int:
    """Replace rows, keys included.

    Args:
        connection: A write transaction.
        table: The table of the rows.
        rows: Complete rows as stored; duplicates count once.
        change: Returns the new row.

    Returns:
        The number of changed rows.
    """
    keys = [column.name for column in table.primary_key]
    distinct = {tuple(row[key] for key in keys): row for row in rows}
    pairs = [(row, change(row)) for row in distinct.values()]
    pairs = [(old, new) for old, new in pairs if _has_changed(old, new)]
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


def _has_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return any(old[name] != new[name] for name in old if name != "row_hash")


def find_address_rows(
    connection: Connection, table: Table, addresses: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Find rows with any at sign, which may contain an address.

    The database knows neither every spelling of an address nor the lower case of every letter.
    """
    if get_text_columns(table) and addresses:
        yield from select_rows(connection, table, _contains_at_sign(table))


@cache
def _contains_at_sign(table: Table) -> ColumnElement[bool]:
    """Return the condition for rows with any at sign.

    Packed texts may all have one.
    """
    if any(isinstance(column.type, PackedText) for column in table.c):
        return true()
    return or_(
        *(
            func.lower(cast(column, Text)).contains(sign, autoescape=True)
            for column in get_text_columns(table)
            for sign in AT_SIGNS
        )
    )


def get_text_columns(table: Table) -> list[Column[Any]]:
    """Return the text and JSON columns of a table.

    Packed ones are among them, digests are not.
    """
    return [
        column
        for column in table.c
        if isinstance(get_stored_type(column.type), String | JSON)
        or isinstance(column.type, PackedText)
        if not isinstance(column.type, Digest)
    ]


def get_stored_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the database's own type; SQLModel wraps the type of text."""
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def list_searched_tables() -> list[Table]:
    """List all tables but owners, who are colleagues, and the suppression list."""
    left_out = (OWNER, SUPPRESSION)
    return [table for table in METADATA.sorted_tables if table not in left_out]


def select_rows(connection: Connection, table: Table, *where: Any) -> list[dict[str, Any]]:
    """Return the rows of a table that match all conditions."""
    rows = connection.execute(select(table).where(*where)).mappings()
    return [dict(row) for row in rows]
