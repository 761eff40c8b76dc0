"""The customer churn rate as a sum over days."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    FromClause,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period, get_day_start
from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync.metrics.sql.mrr_relations import select_customers, select_mrr_pairs
from cs_sync.metrics.sql.mrr_stocks import SPAN
from cs_sync.metrics.sql.relations import (
    count_if,
    get_segment_columns,
    is_known,
    select_period_rows,
    select_totals,
)


def select_daily_churn(scope: Scope) -> Select[Any]:
    """Select Σ over days of customers lost ÷ customers at start."""
    heads = select_customers(select_mrr_pairs(scope), scope)
    start = (
        select(
            heads.c.period, *get_segment_columns(scope, heads), func.sum(heads.c.was).label("start")
        )
        .group_by(heads.c.period, *get_segment_columns(scope, heads))
        .cte("start")
    )
    turns = _select_daily_changes(scope, _select_days(scope), heads)
    balance = func.sum(turns.c.won - turns.c.lost).over(
        partition_by=[turns.c.own, *get_segment_columns(scope, turns)],
        order_by=turns.c.day.nulls_first(),
        rows=(None, -1),
    )
    so_far = select(turns, balance.label("balance")).cte("so_far")
    present = start.c.start + func.coalesce(so_far.c.balance, 0)
    same_period = and_(so_far.c.own == start.c.period, *_is_same_segment(scope, so_far, start))
    days = (
        select(*start.c, so_far.c.lost, present.label("there"))
        .select_from(start.outerjoin(so_far, same_period))
        .cte("days_of_loss")
    )
    share = cast(days.c.lost, Double) / days.c.there
    rate = func.sum(case((days.c.lost > 0, share), else_=0.0))
    opening = func.max(days.c.start)
    return select_totals(
        scope,
        days,
        numerator=rate * opening,
        denominator=opening,
        n=opening,
        events=func.coalesce(func.sum(days.c.lost), 0),
        variance=func.sum(case((days.c.lost > 0, share / days.c.there), else_=0.0)),
    )


def _is_same_segment(
    scope: Scope, left: FromClause, right: FromClause
) -> list[ColumnElement[bool]]:
    """Return the conditions for two rows of the same segment."""
    pairs = zip(get_segment_columns(scope, left), get_segment_columns(scope, right), strict=True)
    return [left_column.is_not_distinct_from(right_column) for left_column, right_column in pairs]


def _select_days(scope: Scope) -> CTE:
    """Select every day of every period: period, opens, closes."""
    days = [
        (index, Period(day, day + timedelta(days=1), period.zone))
        for index, period in enumerate(scope.periods)
        for day in _list_days(period)
    ]
    numbers = {day: index for index, day in days}
    return select_period_rows(
        Scope(tuple(numbers)),
        own=lambda day: numbers[day],
        opens=lambda day: get_day_start(day.start, day.zone),
        closes=lambda day: get_day_start(day.end, day.zone),
    )


def _list_days(period: Period) -> list[date]:
    return [period.start + timedelta(days=n) for n in range(period.days)]


def _select_daily_changes(scope: Scope, days: CTE, heads: CTE) -> CTE:
    """Select the customers won and lost per day.

    Only accounts with a change on the day are read; each counts in its segment at the
    period's end.
    """
    dated_changes = _date_changes(scope, days)
    counted = and_(
        heads.c.account_id == dated_changes.c.account_id, heads.c.period == dated_changes.c.own
    )
    touched = (
        select(*dated_changes.c, *get_segment_columns(scope, heads))
        .select_from(dated_changes.join(heads, counted))
        .cte("touched")
    )
    marks = get_segment_columns(scope, touched)
    keys = [touched.c.period, touched.c.own, *marks, touched.c.account_id]
    states = (
        select(
            *keys,
            _is_in_force(touched.c.opens).label("was"),
            _is_in_force(touched.c.closes).label("now"),
        )
        .select_from(
            touched.join(SPAN, and_(SPAN.c.account_id == touched.c.account_id, _is_visible(scope)))
        )
        .group_by(*keys)
        .cte("states")
    )
    return (
        select(
            states.c.period.label("day"),
            states.c.own,
            *get_segment_columns(scope, states),
            count_if(and_(states.c.was == 0, states.c.now == 1)).label("won"),
            count_if(and_(states.c.was == 1, states.c.now == 0)).label("lost"),
        )
        .group_by(states.c.period, states.c.own, *get_segment_columns(scope, states))
        .cte("turns")
    )


def _date_changes(scope: Scope, days: CTE) -> CTE:
    """Select days with the accounts whose spans begin or end then."""
    since = bind_instant(min(period.starts_at for period in scope.periods))
    until = bind_instant(max(period.ends_at for period in scope.periods))
    changes = union(
        *(
            select(SPAN.c.account_id, at.label("at")).where(
                _is_visible(scope), at >= since, at < until
            )
            for at in (SPAN.c.valid_from, SPAN.c.valid_to)
        )
    ).cte("changes")
    inside = and_(changes.c.at >= days.c.opens, changes.c.at < days.c.closes)
    # Distinct before heads are joined, or SQLite would look at every customer on every day.
    dated = select(*days.c, changes.c.account_id).distinct().select_from(days.join(changes, inside))
    return dated.cte("dated_changes")


def _is_visible(scope: Scope) -> ColumnElement[bool]:
    return and_(SPAN.c.policy == scope.policy.hash, is_known(scope, SPAN))


def _is_in_force(moment: ColumnElement[Any]) -> ColumnElement[int]:
    holds = and_(
        SPAN.c.valid_from < moment,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= moment),
    )
    return func.max(case((holds, 1), else_=0))
