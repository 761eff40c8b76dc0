"""SQL dialect differences: typed values, and seconds between two instants."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Cast, ColumnElement, Date, Integer, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from cs_sync_schemas import Account, get_table

_INSTANT = get_table(Account).c.first_seen_at.type


class _TypedLiteral(Cast[Any]):
    """A value with an explicit type, for databases that would read it as text."""

    inherit_cache = True


@compiles(_TypedLiteral, "sqlite")
def _compile_untyped(element: _TypedLiteral, compiler: Any, **options: Any) -> str:
    """Compile without a type, as SQLite stores instants as text."""
    return str(compiler.process(element.clause, **options))


def bind_instant(value: datetime) -> ColumnElement[datetime]:
    """Return an instant as a typed SQL value."""
    return _TypedLiteral(literal(value, _INSTANT), _INSTANT)


def bind_day(value: date) -> ColumnElement[date]:
    """Return a day as a typed SQL value."""
    return _TypedLiteral(literal(value, Date()), Date())


class seconds_between(GenericFunction[int]):  # noqa: N801 - a function of SQL
    """The seconds from one instant to a later one, both cut to whole seconds."""

    type = Integer()
    inherit_cache = True
    name = "seconds_between"


def _compile_sides(element: seconds_between, compiler: Any, **options: Any) -> tuple[str, str]:
    start, end = (compiler.process(side, **options) for side in element.clauses)
    return start, end


@compiles(seconds_between)
def _compile_epoch(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _compile_sides(element, compiler, **options)
    later, sooner = (f"FLOOR(EXTRACT(EPOCH FROM ({side})))" for side in (end, start))
    return f"CAST({later} - {sooner} AS BIGINT)"


@compiles(seconds_between, "sqlite")
def _compile_strftime(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _compile_sides(element, compiler, **options)
    return f"(STRFTIME('%s', {end}) - STRFTIME('%s', {start}))"


@compiles(seconds_between, "snowflake")
@compiles(seconds_between, "databricks")
def _compile_datediff(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _compile_sides(element, compiler, **options)
    return f"DATEDIFF(SECOND, {start}, {end})"


@compiles(seconds_between, "bigquery")
def _compile_timestamp_diff(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _compile_sides(element, compiler, **options)
    return f"TIMESTAMP_DIFF({end}, {start}, SECOND)"


@compiles(seconds_between, "trino")
def _compile_date_diff(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _compile_sides(element, compiler, **options)
    return f"DATE_DIFF('second', {start}, {end})"
