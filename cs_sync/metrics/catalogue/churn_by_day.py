"""The customer churn rate added up day by day."""

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
from cs_sync.metrics.mrr_relations import SPAN, customers, mrr_pairs
from cs_sync.metrics.periods import Period, midnight
from cs_sync.metrics.relations import count_if, known, marks_of, period_rows, totals


def daily_churn(scope: Scope) -> Select[Any]:
    """Σ over days of the customers lost on it ÷ those at its start."""
    heads = customers(mrr_pairs(scope), scope)
    start = (
        select(heads.c.period, *marks_of(scope, heads), func.sum(heads.c.was).label("start"))
        .group_by(heads.c.period, *marks_of(scope, heads))
        .cte("start")
    )
    turns = _turns(scope, _days(scope), heads)
    before = turns.alias("before")
    so_far = (
        select(func.coalesce(func.sum(before.c.won - before.c.lost), 0))
        .where(
            before.c.own == turns.c.own, *_alike(scope, before, turns), before.c.day < turns.c.day
        )
        .scalar_subquery()
    )
    there = start.c.start + so_far
    theirs = and_(turns.c.own == start.c.period, *_alike(scope, turns, start))
    days = (
        select(*start.c, turns.c.lost, there.label("there"))
        .select_from(start.outerjoin(turns, theirs))
        .cte("days_of_loss")
    )
    share = cast(days.c.lost, Double) / days.c.there
    rate = func.sum(case((days.c.lost > 0, share), else_=0.0))
    some = func.max(days.c.start)
    return totals(
        scope,
        days,
        numerator=rate * some,
        denominator=some,
        n=some,
        events=func.coalesce(func.sum(days.c.lost), 0),
        variance=func.sum(case((days.c.lost > 0, share / days.c.there), else_=0.0)),
    )


def _alike(scope: Scope, one: FromClause, other: FromClause) -> list[ColumnElement[bool]]:
    """Whether two rows are of the same segment."""
    pairs = zip(marks_of(scope, one), marks_of(scope, other), strict=True)
    return [mine.is_not_distinct_from(theirs) for mine, theirs in pairs]


def _days(scope: Scope) -> CTE:
    """Every day of every period: period, opens, closes."""
    days = [
        (index, Period(day, day + timedelta(days=1), period.zone))
        for index, period in enumerate(scope.periods)
        for day in _dates(period)
    ]
    numbers = {day: index for index, day in days}
    return period_rows(
        Scope(tuple(numbers)),
        own=lambda day: numbers[day],
        opens=lambda day: midnight(day.start, day.zone),
        closes=lambda day: midnight(day.end, day.zone),
    )


def _dates(period: Period) -> list[date]:
    return [period.start + timedelta(days=n) for n in range(period.days)]


def _turns(scope: Scope, days: CTE, heads: CTE) -> CTE:
    """Per day how many customers were won and lost, seen only at accounts that changed then.

    Each in the segment in which the period's end finds it.
    """
    mine = and_(SPAN.c.policy == scope.policy.hash, known(scope, SPAN))
    changes = union(
        select(SPAN.c.account_id, SPAN.c.valid_from.label("at")).where(mine),
        select(SPAN.c.account_id, SPAN.c.valid_to).where(mine, SPAN.c.valid_to.is_not(None)),
    ).cte("changes")
    inside = and_(changes.c.at >= days.c.opens, changes.c.at < days.c.closes)
    counted = and_(heads.c.account_id == changes.c.account_id, heads.c.period == days.c.own)
    touched = (
        select(*days.c, changes.c.account_id, *marks_of(scope, heads))
        .distinct()
        .select_from(days.join(changes, inside).join(heads, counted))
        .cte("touched")
    )
    marks = marks_of(scope, touched)
    keys = [touched.c.period, touched.c.own, *marks, touched.c.account_id]
    states = (
        select(*keys, _holds(touched.c.opens).label("was"), _holds(touched.c.closes).label("now"))
        .select_from(touched.join(SPAN, and_(SPAN.c.account_id == touched.c.account_id, mine)))
        .group_by(*keys)
        .cte("states")
    )
    return (
        select(
            states.c.period.label("day"),
            states.c.own,
            *marks_of(scope, states),
            count_if(and_(states.c.was == 0, states.c.now == 1)).label("won"),
            count_if(and_(states.c.was == 1, states.c.now == 0)).label("lost"),
        )
        .group_by(states.c.period, states.c.own, *marks_of(scope, states))
        .cte("turns")
    )


def _holds(moment: ColumnElement[Any]) -> ColumnElement[int]:
    holds = and_(
        SPAN.c.valid_from < moment,
        or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= moment),
    )
    return func.max(case((holds, 1), else_=0))
