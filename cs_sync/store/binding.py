"""Statements over many rows, prepared once: their text, and what the driver gets for a value.

SQLAlchemy would compile the statement again for every page, and ask three functions about every
value; of a page of records most values are None, or an instant that many of them share.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import UTCDateTime

Bind = Callable[[Any], Any]
STATEMENTS = 256
INSTANTS = 1024
"""How many instants a column remembers the stored form of."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the driver takes it, with the columns whose values need another form."""

    text: str
    order: Sequence[str] | None
    """Names in the order of the placeholders; None where these have names."""
    binds: Mapping[str, tuple[Bind, Any]]
    """Column → what makes the stored form of a value, and the stored form of None."""

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for every row; all rows have the same fields."""
        given = [self._bound(row) for row in rows]
        if self.order is None:
            connection.exec_driver_sql(self.text, given)
        else:
            names = self.order
            connection.exec_driver_sql(
                self.text, [tuple(map(row.__getitem__, names)) for row in given]
            )

    def _bound(self, row: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(row)
        for name, (bind, nothing) in self.binds.items():
            value = values[name]
            values[name] = nothing if value is None else bind(value)
        return values


def prepared_upsert(connection: Connection, table: Table, names: Sequence[str]) -> Prepared:
    """Insert, or replace by primary key; `first_seen_at` of what exists is kept."""
    return _prepared(connection.dialect, table, tuple(names))


@lru_cache(STATEMENTS)
def _prepared(dialect: Dialect, table: Table, names: tuple[str, ...]) -> Prepared:
    flavour = sqlite if dialect.name == "sqlite" else postgresql
    keys = [column.name for column in table.primary_key]
    statement = flavour.insert(table)
    kept = {*keys, "first_seen_at"}
    replaced = {name: statement.excluded[name] for name in names if name not in kept}
    whole = (
        statement.on_conflict_do_update(index_elements=keys, set_=replaced)
        if replaced
        else statement.on_conflict_do_nothing(index_elements=keys)
    )
    compiled: Any = whole.compile(dialect=dialect, column_keys=list(names))
    binds = {name: _bind(table.c[name], dialect) for name in names}
    return Prepared(
        text=str(compiled),
        order=compiled.positiontup if compiled.positional else None,
        binds={name: (bind, bind(None)) for name, bind in binds.items() if bind is not None},
    )


def _bind(column: Column[Any], dialect: Dialect) -> Bind | None:
    """The stored form of a value by its column's own type; None where it is stored as it is."""
    bind: Bind | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    if bind is not None and isinstance(column.type, UTCDateTime):
        return lru_cache(INSTANTS)(bind)
    return bind
