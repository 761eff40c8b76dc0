"""How long people stay in each section of the product, of the time that they spend in all of it."""

from dataclasses import replace
from typing import Any

from sqlalchemy import (
    CTE,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from cs_sync.metrics.days_of_use import FEATURE, select_days_by_owner, select_timed_days
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.relations import get_segment_columns, select_period_rows, select_totals


def _sum_sections(scope: Scope) -> Select[Any]:
    """Select seconds per section over the sessions of accounts with timed sections."""
    scope = replace(scope, active_features=())  # it is about time, whoever counts as active
    periods = select_period_rows(
        scope, since=lambda period: period.start, until=lambda period: period.end
    )
    timed = _select_section_seconds(scope, periods)
    rest = _select_unsectioned_time(scope, periods, timed)
    named = select(
        timed.c.period,
        *get_segment_columns(scope, timed),
        cast(timed.c.feature, String).label("dimension_0"),
        timed.c.seconds,
        literal(0).label("sessions"),
    )
    rows = union_all(named, select(*rest.c)).cte("sections_and_rest")
    groups = [rows.c.period, *get_segment_columns(scope, rows)]
    each = (
        select(*groups, rows.c.dimension_0, func.sum(rows.c.seconds).label("seconds"),
               func.sum(rows.c.sessions).label("sessions"), func.count().label("accounts"))
        .group_by(*groups, rows.c.dimension_0)
        .cte("sections")
    )  # fmt: skip
    own = [each.c.period, *get_segment_columns(scope, each)]
    sessions = func.sum(each.c.sessions).over(partition_by=own).label("all_sessions")
    shown = select(*own, each.c.dimension_0, each.c.seconds, each.c.accounts, sessions).cte("shown")
    return select_totals(
        scope,
        shown,
        numerator=func.sum(shown.c.seconds),
        denominator=func.max(shown.c.all_sessions),
        n=func.sum(shown.c.accounts),
    )


def _select_section_seconds(scope: Scope, periods: CTE) -> CTE:
    """Select the seconds spent per period, account and section."""
    columns = FEATURE.c.feature, FEATURE.c.seconds
    within = scope.periods[0].start, scope.periods[-1].end
    use = select_days_by_owner(scope, FEATURE, *columns, where=FEATURE.c.seconds > 0, within=within)
    inside = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    groups = [periods.c.period, *get_segment_columns(scope, use), use.c.whole, use.c.feature]
    return (
        select(*groups, func.sum(use.c.seconds).label("seconds"))
        .select_from(periods.join(use, inside))
        .group_by(*groups)
        .cte("timed_sections")
    )


def _select_unsectioned_time(scope: Scope, periods: CTE, timed: CTE) -> CTE:
    """Select sessions and seconds outside any section.

    Of accounts with timed sections.
    """
    first = min(period.start for period in scope.periods)
    use = select_timed_days(scope, first)
    inside = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    groups = [periods.c.period, *get_segment_columns(scope, use), use.c.whole]
    all_use = (
        select(*groups, func.sum(use.c.seconds).label("seconds"),
               func.sum(use.c.sessions).label("sessions"))
        .select_from(periods.join(use, inside))
        .where(use.c.sessions > 0)
        .group_by(*groups)
        .cte("use_of_accounts")
    )  # fmt: skip
    keys = [timed.c.period, timed.c.whole]
    in_sections = (
        select(*keys, func.sum(timed.c.seconds).label("seconds")).group_by(*keys).cte("in_any")
    )
    same = and_(in_sections.c.period == all_use.c.period, in_sections.c.whole == all_use.c.whole)
    left = all_use.c.seconds - in_sections.c.seconds
    return (
        select(
            all_use.c.period,
            *get_segment_columns(scope, all_use),
            cast(literal(None, String), String).label("dimension_0"),
            case((left > 0, left), else_=0).label("seconds"),
            all_use.c.sessions,
        )
        .select_from(all_use.join(in_sections, same))
        .cte("rest_of_time")
    )


SECTIONS: tuple[Metric, ...] = (
    Metric(
        "section_seconds", "Session time by section", "seconds",
        "seconds spent in a section (feature) in the period ÷ sessions of the period, of accounts "
        "whose time by section is known",
        ("Session length by section of the product",), _sum_sections, ("feature_day", "usage_day"),
        stage=("retention",), family="engagement", divides=True, dimensions=("section",),
        edge_cases="All sections and the rest of the time (section null) add up to the session "
        "length of these accounts; where sections overlap, so that they hold more than the "
        "sessions, the rest is 0 and they add up to more. Undefined where no sessions with their "
        "time are known. n is the accounts. Of files it is `seconds` in `feature_days`; PostHog's "
        "events do not say how long a feature was used.",
    ),
)  # fmt: skip
