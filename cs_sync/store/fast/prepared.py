"""Prepared statements: their SQL text, and the driver's form of each value.

SQLAlchemy builds, looks up and binds a statement on every execution; for a page of records
that takes longer than the database itself. Statements that run for every page are compiled
once and then handed straight to the driver.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnElement,
    Connection,
    Date,
    Dialect,
    Select,
    String,
    Text,
    any_,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.sql.expression import Executable
from sqlalchemy.types import TypeDecorator, TypeEngine

from cs_sync_schemas.digests import Digest, pack_digests
from cs_sync_schemas.money import ExactDecimal
from cs_sync_schemas.times import Instant, Microseconds, count_microseconds, read_microseconds

Converter = Callable[[Any], Any]
Binder = Callable[[Sequence[Any]], list[Any]]
STATEMENT_CACHE_SIZE = 256


class PreparedStatement(Struct, frozen=True):
    """A compiled statement, ready for the driver."""

    text: str
    names: tuple[str, ...]
    """What the placeholders stand for, in their order."""
    binds: Mapping[str, Binder]
    """Name → what makes the stored form of the values of a column; not those stored as they are."""
    reads: tuple[Binder | None, ...] = ()
    """What makes the values of each column of the result."""

    def rows(self, connection: Connection, **params: Any) -> list[tuple[Any, ...]]:
        """Execute the query and return its rows.

        Args:
            connection: Any connection of the statement's dialect.
            **params: The value of each placeholder.
        """
        cursor = self._run(connection, params)
        fetched: list[tuple[Any, ...]] = cursor.fetchall()
        cursor.close()
        if not fetched or not any(self.reads):
            return fetched
        columns = zip(*fetched, strict=True)
        read = [
            column if convert is None else convert(column)
            for convert, column in zip(self.reads, columns, strict=True)
        ]
        return list(zip(*read, strict=True))

    def run(self, connection: Connection, **params: Any) -> int:
        """Execute the statement once and return the number of changed rows.

        Args:
            connection: Any connection of the statement's dialect.
            **params: The value of each placeholder.
        """
        cursor = self._run(connection, params)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def bind_value(self, name: str, value: Any) -> Any:
        """Convert the value of a placeholder to the driver's form."""
        return self.binds[name]((value,))[0] if name in self.binds else value

    def _run(self, connection: Connection, params: Mapping[str, Any]) -> Any:
        cursor = open_cursor(connection)
        cursor.execute(self.text, [self.bind_value(name, params[name]) for name in self.names])
        return cursor


def prepare_statement(
    statement: Executable, dialect: Dialect, names: Sequence[str] = ()
) -> PreparedStatement:
    """Compile a Core statement for the driver of a dialect.

    Every value must be a named bind parameter; a literal inside the statement would become an
    unnamed one. A query may only have columns whose values the driver returns in one form.

    Args:
        statement: A Core statement.
        dialect: The dialect of the connections to run it on.
        names: The columns of an insert.
    """
    positional = dialect if dialect.positional else type(dialect)(paramstyle="format")  # type: ignore[call-arg]
    compiled: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=positional, **({"column_keys": list(names)} if names else {})
    )
    order = tuple(compiled.positiontup or ())
    reads: tuple[Binder | None, ...] = ()
    if isinstance(statement, Select):
        reads = tuple(_build_reader(column.type, dialect) for column in statement.selected_columns)
    return PreparedStatement(
        text=str(compiled),
        names=order,
        binds=build_binders({name: compiled.binds[name].type for name in order}, dialect),
        reads=reads,
    )


def build_binders(kinds: Mapping[str, TypeEngine[Any]], dialect: Dialect) -> Mapping[str, Binder]:
    """Build what makes the driver's form of values, by name.

    Those that are stored as they are need none.
    """
    binders = {name: _build_binder(kind, dialect) for name, kind in kinds.items()}
    return {name: bind for name, bind in binders.items() if bind is not None}


def bind_columns(
    binds: Mapping[str, Binder], columns: Mapping[str, Sequence[Any]], shared: Mapping[str, Any]
) -> dict[str, Sequence[Any]]:
    """Convert columns of at least one value to the driver's form.

    Args:
        binds: What makes it, by column; see `build_binders`.
        columns: Column → values, one per row.
        shared: Columns with the same value in every row.
    """
    count = len(next(iter(columns.values())))
    once = {name: (value,) for name, value in shared.items()}
    bound = {
        name: binds[name](values) if name in binds else values
        for name, values in (*columns.items(), *once.items())
    }
    return bound | {name: list(bound[name]) * count for name in shared}


def dump_json(value: Any) -> str:
    """Dump a value as JSON text.

    Types unknown to JSON become text.
    """
    return orjson.dumps(value, default=str).decode()


class IdList(TypeDecorator[Sequence[str]]):
    """A list of ids as one bind parameter, so that one statement serves any number.

    It is JSON: for an array, PostgreSQL's driver takes ten times as long.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str:  # noqa: ARG002
        """Convert the ids to JSON."""
        return orjson.dumps(list(value or ())).decode()


def match_ids(column: ColumnElement[str] | Column[str], dialect: Dialect) -> ColumnElement[bool]:
    """Build the condition that a column is one of `:ids`."""
    ids = bindparam("ids", type_=IdList())
    if dialect.name == "sqlite":
        return column.in_(select(func.json_each(ids).table_valued("value").c.value))
    listed = func.json_array_elements_text(cast(ids, JSON)).column_valued("id")
    return column == any_(func.array(select(listed).scalar_subquery(), type_=ARRAY(String())))


def open_cursor(connection: Connection) -> Any:
    """Open a cursor of the driver."""
    return connection.connection.cursor()


def _build_binder(kind: TypeEngine[Any], dialect: Dialect) -> Binder | None:
    """Build the converter of a column's values.

    None if they are stored unchanged.
    """
    bind: Converter | None = kind.dialect_impl(dialect).bind_processor(dialect)
    if bind is None:
        return None
    if dialect.name == "sqlite" and isinstance(kind, Instant):
        return partial(_bind_datetimes, bind)
    if dialect.name == "sqlite" and isinstance(kind, Digest):
        return pack_digests
    if dialect.name == "sqlite" and isinstance(kind, Date | ExactDecimal):
        return partial(_bind_repeated, bind, bind(None))
    if dialect.name == "sqlite" and isinstance(kind, JSON):
        return partial(_bind_documents, bind(None))
    return partial(_bind_each, bind, bind(None))


def _bind_each(bind: Converter, nothing: Any, values: Sequence[Any]) -> list[Any]:
    return [nothing if value is None else bind(value) for value in values]


def _bind_repeated(bind: Converter, nothing: Any, values: Sequence[Any]) -> list[Any]:
    """Convert each distinct value once.

    A page has few days, prices and quantities.
    """
    bound = {value: nothing if value is None else bind(value) for value in set(values)}
    return [bound[value] for value in values]


def _bind_documents(nothing: Any, values: Sequence[Any]) -> list[Any]:
    """Convert JSON documents; most lists and objects of a page are empty."""
    return [
        nothing
        if value is None
        else dump_json(value)
        if value or type(value) not in _EMPTY_DOCUMENTS
        else _EMPTY_DOCUMENTS[type(value)]
        for value in values
    ]


_EMPTY_DOCUMENTS: Mapping[type, str] = {list: "[]", dict: "{}"}


def _bind_datetimes(bind: Converter, values: Sequence[datetime | None]) -> list[Any]:
    """Convert datetimes like `bind`, with a fast path for UTC."""
    return [
        None if at is None else count_microseconds(at) if at.tzinfo is UTC else bind(at)
        for at in values
    ]


_NUMERIC = 1700
"""PostgreSQL's number of `numeric`; other types and databases do not look at it."""


def _build_reader(kind: TypeEngine[Any], dialect: Dialect) -> Binder | None:
    """Return the converter of a result column, if it needs one."""
    read = kind.dialect_impl(dialect).result_processor(dialect, _NUMERIC)
    if read is None or (isinstance(kind, Digest) and dialect.name != "sqlite"):
        return None
    if dialect.name == "sqlite" and isinstance(kind, Microseconds):
        return None
    if dialect.name == "sqlite" and isinstance(kind, Instant):
        return _read_datetimes
    return partial(_read_each if isinstance(kind, JSON) else _read_repeated, read)


def _read_each(read: Converter, values: Sequence[Any]) -> list[Any]:
    return [read(value) for value in values]


def _read_repeated(read: Converter, values: Sequence[Any]) -> list[Any]:
    """Convert the values of a column.

    A text that repeats is converted once.
    """
    known: dict[Any, Any] = {}
    converted = []
    for value in values:
        if not isinstance(value, str):
            converted.append(read(value))
            continue
        if value not in known:
            known[value] = read(value)
        converted.append(known[value])
    return converted


def _read_datetimes(values: Sequence[int | None]) -> list[datetime | None]:
    """Convert the instants of a column from numbers, as `_bind_datetimes` writes them."""
    return [None if at is None else read_microseconds(at) for at in values]
