"""The few things that databases say differently: typed values, seconds between two instants."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Cast, ColumnElement, Date, Integer, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from cs_sync_schemas import Account, table_of

_INSTANT = table_of(Account).c.first_seen_at.type


class _Typed(Cast[Any]):
    """A value with its type said, for databases that would take it for text."""

    inherit_cache = True


@compiles(_Typed, "sqlite")
def _untyped(element: _Typed, compiler: Any, **options: Any) -> str:
    """SQLite keeps instants and days as text, and would make a number of them."""
    return str(compiler.process(element.clause, **options))


def instant(value: datetime) -> ColumnElement[datetime]:
    """An instant as a value of a statement."""
    return _Typed(literal(value, _INSTANT), _INSTANT)


def day(value: date) -> ColumnElement[date]:
    """A day as a value of a statement."""
    return _Typed(literal(value, Date()), Date())


class seconds_between(GenericFunction[int]):  # noqa: N801 - a function of SQL
    """From one instant to a later one, both cut to whole seconds."""

    type = Integer()
    inherit_cache = True
    name = "seconds_between"


def _sides(element: seconds_between, compiler: Any, **options: Any) -> tuple[str, str]:
    start, end = (compiler.process(side, **options) for side in element.clauses)
    return start, end


@compiles(seconds_between)
def _by_epoch(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _sides(element, compiler, **options)
    later, sooner = (f"FLOOR(EXTRACT(EPOCH FROM ({side})))" for side in (end, start))
    return f"CAST({later} - {sooner} AS BIGINT)"


@compiles(seconds_between, "sqlite")
def _by_strftime(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _sides(element, compiler, **options)
    return f"(STRFTIME('%s', {end}) - STRFTIME('%s', {start}))"


@compiles(seconds_between, "snowflake")
@compiles(seconds_between, "databricks")
def _by_datediff(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _sides(element, compiler, **options)
    return f"DATEDIFF(SECOND, {start}, {end})"


@compiles(seconds_between, "bigquery")
def _by_timestamp_diff(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _sides(element, compiler, **options)
    return f"TIMESTAMP_DIFF({end}, {start}, SECOND)"


@compiles(seconds_between, "trino")
def _by_date_diff(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = _sides(element, compiler, **options)
    return f"DATE_DIFF('second', {start}, {end})"
