"""Building blocks of statements: periods as rows, accounts that count, MRR at two instants.

Only the subset of SQL that SQLite, PostgreSQL, DuckDB, Snowflake, BigQuery, Databricks, Trino and
Spark share is used: CTEs, range joins, CASE, row_number; no greatest/least, no generate_series.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
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
from cs_sync.metrics.periods import Period
from cs_sync_schemas import Account, MrrSpan, table_of

ACCOUNT = table_of(Account)
SPAN = table_of(MrrSpan)
_INSTANT = SPAN.c.valid_from.type


def instant(value: datetime) -> ColumnElement[datetime]:
    """An instant as a value of a statement."""
    return literal(value, _INSTANT)


def day(value: date) -> ColumnElement[date]:
    """A day as a value of a statement."""
    return literal(value, Date())


def period_rows(scope: Scope, **moments: Callable[[Period], datetime | date]) -> CTE:
    """The scope's periods as rows: `period` (index) and one column per moment asked for."""
    rows = [
        select(
            literal(index).label("period"),
            *(_moment(moment(period)).label(name) for name, moment in moments.items()),
        )
        for index, period in enumerate(scope.periods)
    ]
    return (union_all(*rows) if len(rows) > 1 else rows[0]).cte("periods")


def _moment(value: datetime | date) -> ColumnElement[Any]:
    return instant(value) if isinstance(value, datetime) else day(value)


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


def mrr_pairs(
    scope: Scope,
    opens: Callable[[Period], datetime] = lambda period: period.starts_at,
    closes: Callable[[Period], datetime] = lambda period: period.ends_at,
) -> CTE:
    """Per period, account and currency: MRR just before `opens` and just before `closes`.

    Columns: period, account_id, the segments, currency, prev, cur (minor units) and seen (1 when
    there was any MRR before `opens`). Everyone who had MRR before `closes` has a row.
    """
    periods = period_rows(scope, opens=opens, closes=closes)
    mine = and_(SPAN.c.policy == scope.policy.hash, known(scope, SPAN))
    first = (
        select(SPAN.c.account_id, SPAN.c.currency, func.min(SPAN.c.valid_from).label("first_at"))
        .where(mine)
        .group_by(SPAN.c.account_id, SPAN.c.currency)
        .cte("first_mrr")
    )
    running = and_(
        SPAN.c.account_id == first.c.account_id,
        SPAN.c.currency == first.c.currency,
        mine,
        SPAN.c.valid_from < periods.c.closes,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= periods.c.opens),
    )
    marks = segments(scope)
    return (
        select(
            periods.c.period,
            first.c.account_id,
            *marks,
            first.c.currency,
            _at(periods.c.opens).label("prev"),
            _at(periods.c.closes).label("cur"),
            func.max(case((first.c.first_at < periods.c.opens, 1), else_=0)).label("seen"),
        )
        .select_from(periods)
        .join(first, first.c.first_at < periods.c.closes)
        .join(ACCOUNT, ACCOUNT.c.id == first.c.account_id)
        .outerjoin(SPAN, running)
        .where(counted())
        .group_by(periods.c.period, first.c.account_id, *marks, first.c.currency)
        .cte("mrr_pairs")
    )


def _at(moment: ColumnElement[datetime]) -> ColumnElement[int]:
    """The amount of the span in force just before a moment."""
    holds = and_(
        SPAN.c.valid_from < moment, or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= moment)
    )
    return func.sum(case((holds, SPAN.c.amount), else_=0))


def movement(pairs: FromClause) -> dict[str, ColumnElement[int]]:
    """Each kind's positive magnitude per row of `pairs`; the cases with a zero come first."""
    prev, cur = pairs.c.prev, pairs.c.cur
    started, ended = and_(prev == 0, cur > 0), and_(prev > 0, cur == 0)
    lasted = and_(prev > 0, cur > 0)
    kinds: Mapping[str, tuple[ColumnElement[bool], ColumnElement[int]]] = {
        "new": (and_(started, pairs.c.seen == 0), cur),
        "reactivation": (and_(started, pairs.c.seen == 1), cur),
        "expansion": (and_(lasted, cur > prev), cur - prev),
        "contraction": (and_(lasted, cur < prev), prev - cur),
        "churn": (ended, prev),
    }
    return {kind: case((when, amount), else_=0) for kind, (when, amount) in kinds.items()}


def marks_of(scope: Scope, relation: FromClause) -> list[ColumnElement[Any]]:
    """The segment columns of a relation that carries them."""
    return [relation.c[f"segment_{index}"] for index in range(len(scope.by))]


def customers(pairs: CTE, scope: Scope) -> CTE:
    """Per period and account: had it MRR in any currency before (`was`), has it now (`now`)?"""
    marks = marks_of(scope, pairs)
    return (
        select(
            pairs.c.period,
            pairs.c.account_id,
            *marks,
            func.max(case((pairs.c.prev > 0, 1), else_=0)).label("was"),
            func.max(case((pairs.c.cur > 0, 1), else_=0)).label("now"),
        )
        .group_by(pairs.c.period, pairs.c.account_id, *marks)
        .cte("customers")
    )


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
