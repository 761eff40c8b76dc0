"""Building blocks of statements: periods as rows, accounts that count, sums per segment.

Only the subset of SQL that SQLite, PostgreSQL, DuckDB, Snowflake, BigQuery, Databricks, Trino and
Spark share is used: CTEs, range joins, CASE, row_number; no greatest/least, no generate_series.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
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

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period, midnight
from cs_sync.metrics.portable import day, instant
from cs_sync_schemas import Account, table_of

ACCOUNT = table_of(Account)


_AT_ONCE = 400
"""Rows in one UNION: SQLite refuses more than 500."""

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
    name = "_".join(("periods", *moments))
    if len(rows) <= _AT_ONCE:
        return _together(rows, name)
    some = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
    parts = [_together(part, f"{name}_{number}") for number, part in enumerate(some)]
    return _together([select(part) for part in parts], name)


def _together(rows: Sequence[Select[Any]], name: str) -> CTE:
    return (union_all(*rows) if len(rows) > 1 else rows[0]).cte(name)


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
    """Aggregate a relation with `period` and segment columns into the rows a metric returns.

    Columns of the relation named `dimension_0`, … split the rows further.
    """
    own = [column for column in relation.c if column.name.startswith("dimension_")]
    groups = [relation.c.period, *marks_of(scope, relation), *own]
    money = relation.c.currency if currency else literal(None, String)
    splits = [*groups, money] if currency else groups
    below = literal(None, types.Integer) if denominator is None else denominator
    return (
        select(
            *groups,
            money.label("currency"),
            numerator.label("numerator"),
            below.label("denominator"),
            n.label("n"),
            *(column.label(name) for name, column in more.items()),
        )
        .select_from(relation)
        .group_by(*splits)
        .order_by(*splits)
    )


def median(scope: Scope, relation: FromClause) -> Select[Any]:
    """The middle `value` of a relation per period and segment: of an even number, the middle two.

    Ranked by window functions, as not every database has a median. Rows without a value are
    left out of it and of n.
    """
    groups = [relation.c.period, *marks_of(scope, relation)]
    ranked = (
        select(
            *groups,
            relation.c.value,
            func.row_number().over(partition_by=groups, order_by=relation.c.value).label("place"),
            func.count().over(partition_by=groups).label("size"),
        )
        .where(relation.c.value.is_not(None))
        .subquery("ranked")
    )
    twice, size = ranked.c.place * 2, ranked.c.size
    columns = [ranked.c[column.name] for column in groups]
    middle = (
        select(*columns, ranked.c.value, size)
        .where(or_(twice == size, twice == size + 1, twice == size + 2))
        .subquery("middle")
    )
    value = cast(middle.c.value, Double)
    return totals(scope, middle, numerator=func.avg(value), n=func.max(middle.c.size))


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
