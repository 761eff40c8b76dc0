"""SQL building blocks: periods as rows, counted accounts, sums per segment.

Only the subset of SQL common to SQLite, PostgreSQL, DuckDB, Snowflake, BigQuery,
Databricks, Trino and Spark is used: CTEs, range joins, CASE, row_number; no
greatest/least, no generate_series.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

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
    column,
    func,
    literal,
    or_,
    select,
    types,
    union_all,
)
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import replacement_traverse

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period, get_day_start
from cs_sync.metrics.sql.dialects import bind_day, bind_instant
from cs_sync_schemas import get_seen
from cs_sync_schemas.tables import ACCOUNT

_AGGREGATES = {"sum": "sum", "count": "sum", "min": "min", "max": "max"}
"""Aggregate → how its values over parts become that over the whole."""
_MAX_UNION_ROWS = 400
"""Rows in one UNION: SQLite refuses more than 500."""

Moment = Callable[[Period], datetime | date | int]


def select_period_rows(scope: Scope, **moments: Moment) -> CTE:
    """Select the scope's periods: `period` (index) and one column per requested moment."""
    values = tuple(tuple(moment(period) for moment in moments.values()) for period in scope.periods)
    return _build_period_rows(tuple(moments), values)


@lru_cache(512)
def _build_period_rows(
    names: tuple[str, ...], values: tuple[tuple[datetime | date | int, ...], ...]
) -> CTE:
    """Build the rows of periods; many metrics ask for the same ones."""
    rows = [
        select(
            literal(index).label("period"),
            *(_bind_moment(at).label(name) for name, at in zip(names, moments, strict=True)),
        )
        for index, moments in enumerate(values)
    ]
    name = "_".join(("periods", *names))
    if len(rows) <= _MAX_UNION_ROWS:
        return _union_rows(rows, name)
    chunks = [
        rows[start : start + _MAX_UNION_ROWS] for start in range(0, len(rows), _MAX_UNION_ROWS)
    ]
    parts = [_union_rows(part, f"{name}_{number}") for number, part in enumerate(chunks)]
    return _union_rows([select(part) for part in parts], name)


def _union_rows(rows: Sequence[Select[Any]], name: str) -> CTE:
    return (union_all(*rows) if len(rows) > 1 else rows[0]).cte(name)


def _bind_moment(value: datetime | date | int) -> ColumnElement[Any]:
    if isinstance(value, int):
        return literal(value)
    return bind_instant(value) if isinstance(value, datetime) else bind_day(value)


def make_window_start(days: int) -> Callable[[Period], datetime]:
    """Return a function for a window's start before a period's end."""
    return lambda period: get_day_start(period.end - timedelta(days=days), period.zone)


def is_counted(account: FromClause = ACCOUNT) -> ColumnElement[bool]:
    """Return the condition for counted accounts: no test account, not merged."""
    return and_(account.c.is_test.is_(False), account.c.merged_into.is_(None))


class KnownAt(Protocol):
    """A scope with a time of knowledge; None is now."""

    @property
    def known_at(self) -> datetime | None:
        """The time of knowledge."""
        ...


def is_known(scope: KnownAt, table: FromClause) -> ColumnElement[bool]:
    """Build the condition for bitemporal rows known at the scope's time.

    Now, or at `known_at`.
    """
    return is_known_at(table, None if scope.known_at is None else bind_instant(scope.known_at))


def is_known_at(
    table: FromClause, at: ColumnElement[datetime] | datetime | None
) -> ColumnElement[bool]:
    """Return the condition for bitemporal rows known at an instant."""
    if at is None:
        return table.c.known_to.is_(None)
    return and_(table.c.known_from <= at, or_(table.c.known_to.is_(None), table.c.known_to > at))


def is_present(table: FromClause, known_at: datetime | None) -> ColumnElement[bool]:
    """Return the condition for existing records: not deleted, now or at `known_at`."""
    if known_at is None:
        return table.c.deleted_at.is_(None)
    at = bind_instant(known_at)
    undeleted = or_(table.c.deleted_at.is_(None), table.c.deleted_at > at)
    return and_(get_seen(table, "first_seen_at") <= at, undeleted)


def count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Count the rows with a true condition."""
    return func.sum(case((condition, 1), else_=0))


def get_segment_columns(scope: Scope, relation: FromClause) -> list[ColumnElement[Any]]:
    """Return the segment columns of a relation."""
    return [relation.c[f"segment_{index}"] for index in range(len(scope.by))]


def select_totals(
    scope: Scope,
    relation: FromClause,
    *,
    numerator: ColumnElement[Any],
    denominator: ColumnElement[Any] | None = None,
    n: ColumnElement[Any],
    currency: bool = False,
    **more: ColumnElement[Any],
) -> Select[Any]:
    """Aggregate a relation with `period` and segment columns into a metric's rows.

    Columns of the relation named `dimension_0`, … split the rows further. Rows with `first` and
    `after` instead of `period` stand for each period in between; all aggregates are then sums,
    counts, or largest and smallest values, or made of such.

    Args:
        scope: The scope with the attributes.
        relation: The rows to aggregate.
        numerator: The aggregate above the line.
        denominator: The aggregate below the line; None for a plain amount.
        n: The aggregate for the sample size.
        currency: Also group by `currency`.
        **more: Further aggregates by name, for the interval.
    """
    below = literal(None, types.Integer) if denominator is None else denominator
    totals = {"numerator": numerator, "denominator": below, "n": n, **more}
    if "period" not in relation.c:
        relation, totals = sum_runs(scope, relation, totals)
    own = [column for column in relation.c if column.name.startswith("dimension_")]
    groups = [relation.c.period, *get_segment_columns(scope, relation), *own]
    money = relation.c.currency if currency else literal(None, String)
    splits = [*groups, money] if currency else groups
    return (
        select(
            *groups,
            money.label("currency"),
            *(column.label(name) for name, column in totals.items()),
        )
        .select_from(relation)
        .group_by(*splits)
        .order_by(*(split.nulls_first() for split in splits))
    )


def get_period_columns(relation: FromClause) -> list[ColumnElement[int]]:
    """Return a relation's period, or its columns of runs.

    Each row stands for a run of periods then.
    """
    return [relation.c[name] for name in ("period", "first", "after") if name in relation.c]


def sum_runs(
    scope: Scope,
    runs: FromClause,
    totals: Mapping[str, ColumnElement[Any]],
    groups: Sequence[str] = ("currency",),
) -> tuple[FromClause, dict[str, ColumnElement[Any]]]:
    """Sum the rows of equal runs first.

    There are far fewer runs than accounts and periods.

    Args:
        scope: The periods.
        runs: Rows with `first` and `after`.
        totals: Sums, counts, smallest and largest values over them, or what is made of these.
        groups: Further columns to keep, besides the dimensions.

    Returns:
        A relation with `period`, and the totals over it.
    """
    parts: dict[str, ColumnElement[Any]] = {}

    def split(element: Any, **_: Any) -> Any:
        if not isinstance(element, FunctionElement) or element.name not in _AGGREGATES:
            return None
        name = f"part_{len(parts)}"
        parts[name] = element
        return getattr(func, _AGGREGATES[element.name])(column(name, element.type))

    split_totals = {name: replacement_traverse(total, {}, split) for name, total in totals.items()}
    keys = [*get_period_columns(runs), *(runs.c[name] for name in groups if name in runs.c)]
    keys += [own for own in runs.c if own.name.startswith("dimension_")]
    sums = (
        select(*keys, *(part.label(name) for name, part in parts.items()))
        .select_from(runs)
        .group_by(*keys)
        .cte("sums_of_runs")
    )
    periods = select_period_rows(scope)
    inside = and_(sums.c.first <= periods.c.period, sums.c.after > periods.c.period)
    spread = select(periods.c.period, sums).select_from(periods.join(sums, inside)).cte("spread")
    return spread, split_totals


def select_median(scope: Scope, relation: FromClause) -> Select[Any]:
    """Select the median `value` of a relation per period and segment.

    For an even number it is the mean of the middle two. It is ranked by window functions,
    as not every database has a median. Rows without a value are excluded, also from n.
    """
    groups = [relation.c.period, *get_segment_columns(scope, relation)]
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
    return select_totals(scope, middle, numerator=func.avg(value), n=func.max(middle.c.size))


def select_quotient(
    scope: Scope,
    relation: FromClause,
    y: ColumnElement[Any],
    x: ColumnElement[Any],
    *,
    currency: bool = False,
) -> Select[Any]:
    """Select Σy ÷ Σx over rows with x above zero.

    With the sums of its interval.
    """
    fy, fx = cast(y, Double), cast(x, Double)
    return select_totals(
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
