"""SQL dialect differences: typed values, and seconds between two instants."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CTE, Cast, ColumnElement, Date, Integer, Select, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from cs_sync_schemas.tables import ACCOUNT

_INSTANT = ACCOUNT.c.first_seen_at.type
_SINCE_YEAR_ONE = 62135596800000000
"""Microseconds from the year 1 to 1970."""


class _TypedLiteral(Cast[Any]):
    """A value with an explicit type, for databases that would read it as text."""

    inherit_cache = True


@compiles(_TypedLiteral, "sqlite")
def _compile_untyped(element: _TypedLiteral, compiler: Any, **options: Any) -> str:
    """Compile without a type.

    SQLite stores instants as numbers and days as text.
    """
    return str(compiler.process(element.clause, **options))


def bind_instant(value: datetime) -> ColumnElement[datetime]:
    """Return an instant as a typed SQL value."""
    return _TypedLiteral(literal(value, _INSTANT), _INSTANT)


def bind_day(value: date) -> ColumnElement[date]:
    """Return a day as a typed SQL value."""
    return _TypedLiteral(literal(value, Date()), Date())


def ignore_index(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column as an expression, which no index is searched for.

    SQLite takes an index of which most rows are wanted, too: in its order, reading them takes three
    times as long as in their own.
    """
    return func.coalesce(column, column)


def compute_once(statement: Select[Any], name: str | None = None) -> CTE:
    """Keep SQLite from computing a relation for every row joined to it.

    It computes one with a limit by itself, and looks up whose records they are once.
    """
    name = name or f"{statement.get_final_froms()[0].description}_once"
    return statement.suffix_with("LIMIT -1", dialect="sqlite").cte(name)


class seconds_between(GenericFunction[int]):  # noqa: N801 - a function of SQL
    """The seconds from one instant to a later one, both cut to whole seconds."""

    type = Integer()
    inherit_cache = True
    name = "seconds_between"


def _compile_sides(element: seconds_between, compiler: Any, **options: Any) -> tuple[str, str]:
    start, end = (compiler.process(side, **options) for side in element.clauses)
    return start, end


def _subtract_floors(
    seconds: str,
    element: seconds_between,
    compiler: Any,
    whole_number: str = "BIGINT",
    **options: Any,
) -> str:
    """Subtract instants as numbers of seconds, each cut to a whole one."""
    start, end = (
        f"FLOOR({seconds.format(side)})" for side in _compile_sides(element, compiler, **options)
    )
    return f"CAST({end} - {start} AS {whole_number})"


@compiles(seconds_between)
def _compile_epoch(element: seconds_between, compiler: Any, **options: Any) -> str:
    return _subtract_floors("EXTRACT(EPOCH FROM ({}))", element, compiler, **options)


@compiles(seconds_between, "sqlite")
def _compile_microseconds(element: seconds_between, compiler: Any, **options: Any) -> str:
    """Compile with all instants after the year 1.

    SQLite rounds towards zero.
    """
    start, end = _compile_sides(element, compiler, **options)
    later, sooner = (f"({side} + {_SINCE_YEAR_ONE}) / 1000000" for side in (end, start))
    return f"({later} - {sooner})"


@compiles(seconds_between, "snowflake")
def _compile_boundaries(element: seconds_between, compiler: Any, **options: Any) -> str:
    """Compile to a difference that ignores fractions, by Snowflake's manual."""
    start, end = _compile_sides(element, compiler, **options)
    return f"DATEDIFF(SECOND, {start}, {end})"


@compiles(seconds_between, "spark")
@compiles(seconds_between, "databricks")
@compiles(seconds_between, "bigquery")
def _compile_unix_micros(element: seconds_between, compiler: Any, **options: Any) -> str:
    """Compile to numbers.

    By its manual, what Databricks calls a difference counts the seconds that have passed.
    """
    return _subtract_floors("UNIX_MICROS({}) / 1000000", element, compiler, **options)


@compiles(seconds_between, "clickhouse")
def _compile_unix_timestamp(element: seconds_between, compiler: Any, **options: Any) -> str:
    micros = "toUnixTimestamp64Micro({}) / 1000000"
    return _subtract_floors(micros, element, compiler, "Nullable(Int64)", **options)


@compiles(seconds_between, "trino")
def _compile_unixtime(element: seconds_between, compiler: Any, **options: Any) -> str:
    return _subtract_floors("TO_UNIXTIME({})", element, compiler, **options)


class readable_instant(GenericFunction[datetime]):  # noqa: N801 - a function of SQL
    """An instant as people read it, where the database stores a number."""

    type = _INSTANT
    inherit_cache = True
    name = "readable_instant"


@compiles(readable_instant)
def _compile_instant(element: readable_instant, compiler: Any, **options: Any) -> str:
    (at,) = element.clauses
    return str(compiler.process(at, **options))


@compiles(readable_instant, "sqlite")
def _compile_text(element: readable_instant, compiler: Any, **options: Any) -> str:
    """Compile to text in UTC, with its microseconds."""
    (at,) = (f"({compiler.process(side, **options)})" for side in element.clauses)
    part = f"(({at} % 1000000 + 1000000) % 1000000)"
    seconds = f"datetime(({at} - {part}) / 1000000, 'unixepoch')"
    return f"({seconds} || '.' || substr(1000000 + {part}, 2))"
