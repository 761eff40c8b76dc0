"""Statements prepared once: their text, and what the driver gets for a value.

SQLAlchemy builds, looks up and binds a statement anew each time, which for a page of records takes
longer than the database does. What runs for every page is put together by it once, and then given
to the driver as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    JSON,
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
    null,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import Executable
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import UTCDateTime

Convert = Callable[[Any], Any]
Bind = Callable[[Sequence[Any]], list[Any]]
STATEMENTS = 256
INSTANT = "%04d-%02d-%02d %02d:%02d:%02d.%06d"
MANY = 20
"""Rows from which on a statement of their own pays."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the driver takes it."""

    text: str
    names: tuple[str, ...]
    """What the placeholders stand for, in their order."""
    binds: Mapping[str, Bind]
    """Name → what makes the stored form of the values of a column; not those stored as they are."""
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

    def table(
        self, rows: Sequence[Mapping[str, Any]], shared: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """The stored form of the rows, as the placeholders stand."""
        columns = self.columns(rows, shared)
        return list(zip(*(columns[name] for name in self.names), strict=True))

    def columns(
        self, rows: Sequence[Mapping[str, Any]], shared: Mapping[str, Any]
    ) -> dict[str, Sequence[Any]]:
        """The stored form of the rows, column by column: that is the fast way round."""
        own = [name for name in self.names if name not in shared]
        # The first name twice, as an itemgetter of one name gives no tuple.
        taken = zip(*map(itemgetter(*own, own[0]), rows), strict=True)
        found = {name: self._column(name, values) for name, values in zip(own, taken, strict=False)}
        for name in shared.keys() & self.names:
            found[name] = [self._bound(name, shared[name])] * len(rows)
        return found

    def _column(self, name: str, values: Sequence[Any]) -> Sequence[Any]:
        return self.binds[name](values) if name in self.binds else values

    def _bound(self, name: str, value: Any) -> Any:
        return self._column(name, (value,))[0]

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
        binds={name: bind for name, bind in binds.items() if bind is not None},
        reads=reads,
    )


@lru_cache(STATEMENTS)
def prepared_upsert(
    dialect: Dialect, table: Table, names: tuple[str, ...], empty: frozenset[str] = frozenset()
) -> Prepared:
    """Insert, or replace by primary key; `first_seen_at` of what exists is kept.

    Columns of `empty` are NULL in every row and no parameters.
    """
    flavour = sqlite if dialect.name == "sqlite" else postgresql
    insert = flavour.insert(table)
    given = tuple(name for name in names if name not in empty)
    if empty:
        values = {name: bindparam(name, type_=table.c[name].type) for name in given}
        insert = insert.values({**values, **dict.fromkeys(empty, null())})
    return prepare(or_replace(insert, table, names), dialect, () if empty else names)


def upsert_all(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    shared: Mapping[str, Any],
) -> None:
    """Insert, or replace by primary key; all rows have the same fields, and `shared` beside them.

    SQLite's driver takes six times as long for None as for a text, and of a page of one kind many
    columns have nothing at all: they are written as NULL.
    """
    names = tuple(dict.fromkeys((*rows[0], *shared)))
    whole = prepared_upsert(connection.dialect, table, names)
    columns = whole.columns(rows, shared)
    empty = frozenset[str]()
    if connection.dialect.name == "sqlite" and len(rows) >= MANY:
        empty = frozenset(name for name, values in columns.items() if _is_empty(values))
    statement = prepared_upsert(connection.dialect, table, names, empty) if empty else whole
    cursor = _cursor(connection)
    cursor.executemany(statement.text, zip(*map(columns.__getitem__, statement.names), strict=True))
    cursor.close()


def _is_empty(values: Sequence[Any]) -> bool:
    return not any(values) and values.count(None) == len(values)


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


def as_json(value: Any) -> str:
    """The JSON text of a value; what JSON does not know becomes text."""
    return orjson.dumps(value, default=str).decode()


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


def _bind(kind: TypeEngine[Any], dialect: Dialect) -> Bind | None:
    """The stored form of values by their column's own type; None where they are stored as is."""
    bind: Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
    if bind is None:
        return None
    if dialect.name == "sqlite" and isinstance(kind, UTCDateTime):
        return partial(_instants, bind)
    if dialect.name == "sqlite" and isinstance(kind, JSON):
        return partial(_each, as_json, bind(None))
    return partial(_each, bind, bind(None))


def _each(bind: Convert, nothing: Any, values: Sequence[Any]) -> list[Any]:
    return [nothing if value is None else bind(value) for value in values]


def _instants(bind: Convert, values: Sequence[datetime | None]) -> list[Any]:
    """What `bind` makes of instants, far quicker where they are in UTC as almost all are."""
    return [
        None
        if at is None
        else bind(at)
        if at.tzinfo is not UTC
        else INSTANT % (at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond)
        for at in values
    ]


def _reads(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _read(convert: Convert | None, value: Any) -> Any:
    return value if convert is None else convert(value)
