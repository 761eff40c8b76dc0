"""Statements prepared once: their text, and what the driver gets for a value.

SQLAlchemy builds, looks up and binds a statement anew each time, which for a page of records takes
longer than the database does. What runs for every page is put together by it once, and then given
to the driver as it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import repeat
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    String,
    Table,
    Text,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import Executable
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import UTCDateTime

Convert = Callable[[Any], Any]
STATEMENTS = 256
INSTANT = "%04d-%02d-%02d %02d:%02d:%02d.%06d"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the driver takes it."""

    text: str
    names: tuple[str, ...]
    """What the placeholders stand for, in their order."""
    binds: Mapping[str, tuple[Convert, Any]]
    """Name → what makes the stored form of a value, and the stored form of None."""
    reads: tuple[Convert | None, ...] = ()
    """What makes a value of each column of the result."""

    def rows(self, connection: Connection, **given: Any) -> list[tuple[Any, ...]]:
        """What a query finds."""
        cursor = self._run(connection, given)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        cursor.close()
        if not any(self.reads):
            return found
        return [tuple(map(_read, self.reads, row)) for row in found]

    def run(self, connection: Connection, **given: Any) -> int:
        """Execute it once; the number of rows that it changed."""
        cursor = self._run(connection, given)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def many(
        self,
        connection: Connection,
        rows: Sequence[Mapping[str, Any]],
        shared: Mapping[str, Any] | None = None,
    ) -> None:
        """Execute it for every row; all rows have the same fields, and `shared` beside them."""
        cursor = _cursor(connection)
        cursor.executemany(self.text, self.table(rows, shared or {}))
        cursor.close()

    def table(
        self, rows: Sequence[Mapping[str, Any]], shared: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """The stored form of the rows, column by column: that is the fast way round."""
        columns = (
            repeat(self._bound(name, shared[name]), len(rows))
            if name in shared
            else self._column(name, [row[name] for row in rows])
            for name in self.names
        )
        return list(zip(*columns, strict=True))

    def _column(self, name: str, values: list[Any]) -> Iterable[Any]:
        if name not in self.binds:
            return values
        bind, nothing = self.binds[name]
        return [nothing if value is None else bind(value) for value in values]

    def _bound(self, name: str, value: Any) -> Any:
        if name not in self.binds:
            return value
        bind, nothing = self.binds[name]
        return nothing if value is None else bind(value)

    def _run(self, connection: Connection, given: Mapping[str, Any]) -> Any:
        cursor = _cursor(connection)
        cursor.execute(self.text, [self._bound(name, given[name]) for name in self.names])
        return cursor


def prepare(statement: Executable, dialect: Dialect, names: Sequence[str] = ()) -> Prepared:
    """A Core statement for the driver of a dialect; `names` are the columns of an insert.

    Its parameters are bind parameters with names, and nothing else: a value inside the statement
    would be one without. A query may only have columns whose values the driver gives alike.
    """
    positional = dialect if dialect.positional else type(dialect)(paramstyle="format")  # type: ignore[call-arg]
    compiled: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=positional, **({"column_keys": list(names)} if names else {})
    )
    order = tuple(compiled.positiontup or ())
    binds = {name: _bind(compiled.binds[name].type, dialect) for name in order}
    reads: tuple[Convert | None, ...] = ()
    if isinstance(statement, Select):
        reads = tuple(_reads(column.type, dialect) for column in statement.selected_columns)
    return Prepared(
        text=str(compiled),
        names=order,
        binds={name: (bind, bind(None)) for name, bind in binds.items() if bind is not None},
        reads=reads,
    )


@lru_cache(STATEMENTS)
def prepared_upsert(dialect: Dialect, table: Table, names: tuple[str, ...]) -> Prepared:
    """Insert, or replace by primary key; `first_seen_at` of what exists is kept."""
    flavour = sqlite if dialect.name == "sqlite" else postgresql
    return prepare(or_replace(flavour.insert(table), table, names), dialect, names)


def or_replace(
    insert: sqlite.Insert | postgresql.Insert, table: Table, names: Sequence[str]
) -> sqlite.Insert | postgresql.Insert:
    """The insert of these columns, which replaces what has the key but for `first_seen_at`."""
    keys = [column.name for column in table.primary_key]
    kept = {*keys, "first_seen_at"}
    replaced = {name: insert.excluded[name] for name in names if name not in kept}
    if not replaced:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=replaced)


class Ids(TypeDecorator[Sequence[str]]):
    """Any number of ids as one parameter, so that a statement is the same for all of them."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """JSON text on SQLite, an array elsewhere."""
        array = Text() if dialect.name == "sqlite" else ARRAY(String())
        return dialect.type_descriptor(array)

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        """The ids as the driver takes them."""
        given = list(value or ())
        return orjson.dumps(given).decode() if dialect.name == "sqlite" else given


def among(column: ColumnElement[str] | Column[str], dialect: Dialect) -> ColumnElement[bool]:
    """Whether the column is one of `:ids`."""
    ids = bindparam("ids", type_=Ids())
    if dialect.name == "sqlite":
        return column.in_(select(func.json_each(ids).table_valued("value").c.value))
    return column == any_(ids)


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()


def _bind(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """The stored form of a value by its column's own type; None where it is stored as it is."""
    bind: Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
    if bind is not None and isinstance(kind, UTCDateTime) and dialect.name == "sqlite":
        return partial(_instant, bind)
    return bind


def _instant(bind: Convert, value: datetime | None) -> Any:
    """What `bind` makes of an instant, thrice as fast where it is in UTC as almost all are."""
    if value is None or value.tzinfo is not UTC:
        return bind(value)
    day = (value.year, value.month, value.day)
    return INSTANT % (*day, value.hour, value.minute, value.second, value.microsecond)


def _reads(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _read(convert: Convert | None, value: Any) -> Any:
    return value if convert is None else convert(value)
