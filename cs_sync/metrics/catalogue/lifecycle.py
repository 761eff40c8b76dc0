"""Lifecycle of use: new, returning, resurrecting and dormant people."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, case, func, select

from cs_sync.metrics.days_of_use import select_people_use
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.relations import get_segment_columns, select_period_rows, select_totals


def _select_lifecycle(scope: Scope) -> Select[Any]:
    """Select people by activity now, in the period before, and earlier."""
    periods = select_period_rows(
        scope,
        before=lambda period: period.start - timedelta(days=period.days),
        since=lambda period: period.start,
        until=lambda period: period.end,
    )
    edges = (
        day
        for period in scope.periods
        for day in (None, period.start - timedelta(days=period.days), period.start, period.end)
    )
    use = select_people_use(scope, edges=edges)
    now = use.c.day >= periods.c.since
    past = and_(use.c.day >= periods.c.before, use.c.day < periods.c.since)
    groups = [periods.c.period, *get_segment_columns(scope, use), use.c.someone]
    people = (
        select(
            *groups,
            func.max(case((now, 1), else_=0)).label("now"),
            func.max(case((past, 1), else_=0)).label("past"),
            func.max(case((use.c.day < periods.c.before, 1), else_=0)).label("ever"),
        )
        .select_from(periods.join(use, use.c.day < periods.c.until))
        .group_by(*groups)
        .cte("people_in_time")
    )
    state = case(
        (and_(people.c.now == 1, people.c.past == 1), "returning"),
        (and_(people.c.now == 1, people.c.ever == 1), "resurrecting"),
        (people.c.now == 1, "new"),
        else_="dormant",
    )
    stages = (
        select(people.c.period, *get_segment_columns(scope, people), state.label("dimension_0"))
        .where(people.c.now + people.c.past > 0)
        .cte("lifecycle")
    )
    return select_totals(scope, stages, numerator=func.count(), n=func.count())


LIFECYCLE: tuple[Metric, ...] = (
    Metric(
        "usage_lifecycle", "Lifecycle of use", "count",
        "people by state: new (never active before), returning (active in the period before, too), "
        "resurrecting (active earlier, but not in the period before), dormant (active in the "
        "period before, but not in this one)",
        ("PostHog docs, Lifecycle",), _select_lifecycle, ("usage_day",), stage=("retention",),
        family="engagement", dimensions=("state",),
        edge_cases="The period before is as many days as the period has. New, returning and "
        "resurrecting are the people active in the period; where a source only knows the account, "
        "the account counts as one.",
    ),
)  # fmt: skip
