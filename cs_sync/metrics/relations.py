"""Building blocks of statements: periods as rows, accounts that count, sums per segment.

Only the subset of SQL that SQLite, PostgreSQL, DuckDB, Snowflake, BigQuery, Databricks, Trino and
Spark share is used: CTEs, range joins, CASE, row_number; no greatest/least, no generate_series.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    Cast,
    ColumnElement,
    Date,
    Double,
    FromClause,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    types,
    union_all,
)
from sqlalchemy.ext.compiler import compiles

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period, midnight
from cs_sync_schemas import Account, table_of

ACCOUNT = table_of(Account)
_INSTANT = ACCOUNT.c.first_seen_at.type


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


Moment = Callable[[Period], datetime | date | int]


def period_rows(scope: Scope, **moments: Moment) -> CTE:
    """The scope's periods as rows: `period` (index) and one column per moment asked for."""
    rows = [
        select(
            literal(index).label("period"),
            *(_moment(moment(period)).label(name) for name, moment in moments.items()),
        )
        for index, period in enumerate(scope.periods)
    ]
    return (union_all(*rows) if len(rows) > 1 else rows[0]).cte("periods")


def _moment(value: datetime | date | int) -> ColumnElement[Any]:
    if isinstance(value, int):
        return literal(value)
    return instant(value) if isinstance(value, datetime) else day(value)


def trailing(days: int) -> Callable[[Period], datetime]:
    """The instant at which the window of so many days that ends with a period begins."""
    return lambda period: midnight(period.end - timedelta(days=days), period.zone)


def counted(account: FromClause = ACCOUNT) -> ColumnElement[bool]:
    """Whether an account counts: no test account, not merged into another."""
    return and_(account.c.is_test.is_(False), account.c.merged_into.is_(None))


def segments(scope: Scope, account: FromClause = ACCOUNT) -> list[ColumnElement[str]]:
    """The scope's attributes of an account as text, labelled segment_0, segment_1, …"""
    return [
        cast(account.c.attributes[name].as_string(), String).label(f"segment_{index}")
        for index, name in enumerate(scope.by)
    ]


def known(scope: Scope, table: FromClause) -> ColumnElement[bool]:
    """Rows of a bitemporal table as known now, or at the scope's `known_at`."""
    if scope.known_at is None:
        return table.c.known_to.is_(None)
    at = instant(scope.known_at)
    return and_(table.c.known_from <= at, or_(table.c.known_to.is_(None), table.c.known_to > at))


def present(scope: Scope, table: FromClause) -> ColumnElement[bool]:
    """Records that are there: seen, and not gone, now or at the scope's `known_at`."""
    if scope.known_at is None:
        return table.c.deleted_at.is_(None)
    at = instant(scope.known_at)
    gone = or_(table.c.deleted_at.is_(None), table.c.deleted_at > at)
    return and_(table.c.first_seen_at <= at, gone)


def count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows meet a condition."""
    return func.sum(case((condition, 1), else_=0))


def marks_of(scope: Scope, relation: FromClause) -> list[ColumnElement[Any]]:
    """The segment columns of a relation that carries them."""
    return [relation.c[f"segment_{index}"] for index in range(len(scope.by))]


def totals(
    scope: Scope,
    relation: FromClause,
    *,
    numerator: ColumnElement[Any],
    denominator: ColumnElement[Any] | None = None,
    n: ColumnElement[Any],
    currency: bool = False,
    **more: ColumnElement[Any],
) -> Select[Any]:
    """Aggregate a relation with `period` and segment columns into the rows a metric returns."""
    groups = [relation.c.period, *marks_of(scope, relation)]
    money = relation.c.currency if currency else None
    return (
        select(
            *groups,
            (literal(None, String) if money is None else money).label("currency"),
            numerator.label("numerator"),
            (literal(None, types.Integer) if denominator is None else denominator).label(
                "denominator"
            ),
            n.label("n"),
            *(column.label(name) for name, column in more.items()),
        )
        .select_from(relation)
        .group_by(*groups, *([] if money is None else [money]))
        .order_by(*groups, *([] if money is None else [money]))
    )


def quotient(
    scope: Scope,
    relation: FromClause,
    y: ColumnElement[Any],
    x: ColumnElement[Any],
    *,
    currency: bool = False,
) -> Select[Any]:
    """Σy ÷ Σx over the rows with x above nought, and the sums that its interval needs."""
    fy, fx = cast(y, Double), cast(x, Double)
    return totals(
        scope,
        relation,
        numerator=func.sum(y),
        denominator=func.sum(x),
        n=count_if(x > 0),
        currency=currency,
        yy=func.sum(fy * fy),
        xy=func.sum(fx * fy),
        xx=func.sum(fx * fx),
    )
