"""Relations with which several metrics begin: computed once for the statements of a connection."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from hashlib import sha256
from typing import Any, Protocol

from sqlalchemy import BigInteger, Column, Double, FromClause, Integer, MetaData, String, Table
from sqlalchemy.sql.selectable import SelectBase

from cs_sync.metrics.periods import Period

_ROWS = "rows of the part"
_STORED: Mapping[type[Any], type[Any]] = {Integer: BigInteger, String: String, Double: Double}
"""Kinds of the columns of parts, with those in which tables hold them."""


class Shares(Protocol):
    """A scope whose statements may share parts."""

    @property
    def periods(self) -> tuple[Period, ...]:
        """The periods."""
        ...

    @property
    def by(self) -> tuple[str, ...]:
        """The attributes of segments."""
        ...

    @property
    def shared_parts(self) -> bool:
        """Whether parts stand in temporary tables."""
        ...


def share_part(
    scope: Shares, name: str, build: Callable[[], SelectBase], *given: Hashable
) -> FromClause:
    """Return a relation that other statements may share.

    A temporary table of its rows, or else a part of the one statement.

    Args:
        scope: The scope; a shared part rests on no attributes of accounts.
        name: The name of the relation.
        build: Builds its rows, of texts, whole numbers and doubles.
        *given: All that the rows rest on besides the scope without its settings.
    """
    rows = build()
    if not scope.shared_parts or scope.by:
        return rows.cte(name)
    digest = sha256(repr((scope.periods, given)).encode()).hexdigest()[:16]
    columns: Iterable[Column[Any]] = (
        Column(column.name, _find_stored_type(column.type)) for column in rows.selected_columns
    )
    return Table(
        f"{name}_{digest}", MetaData(), *columns, prefixes=["TEMPORARY"], info={_ROWS: rows}
    )


def _find_stored_type(own: Any) -> type[Any]:
    return next(stored for kind, stored in _STORED.items() if isinstance(own, kind))


def get_part_rows(table: Table) -> SelectBase | None:
    """Return the rows that a part's table has to hold.

    None for other tables.
    """
    rows: SelectBase | None = table.info.get(_ROWS)
    return rows
