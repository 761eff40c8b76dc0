"""How much the product is used: people active in a day, a week, a month."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, Select, and_, exists, func, literal, or_, select

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.relations import marks_of, period_rows, totals
from cs_sync_schemas import UsageDay, table_of

USE = table_of(UsageDay)
_WINDOW = {"window_days": 28}
_PEOPLE = (
    "People are resolved contacts across sources; where a source only knows the account, the "
    "account counts as one. Days are those of the reporting zone, as the source gives them."
)
Days = Callable[[Scope, Period], int]


def active_days(scope: Scope, days: Days) -> CTE:
    """Per period and person: on how many days of the trailing window they were active.

    Columns: period, the segments, someone, window (its length in days), active.
    """

    periods = period_rows(
        scope,
        since=lambda period: period.end - timedelta(days=days(scope, period)),
        until=lambda period: period.end,
        window=lambda period: days(scope, period),
    )
    use = attributed(scope, USE, USE.c.source, USE.c.account_source_id, USE.c.day, where=_active())
    someone = func.coalesce(
        use.c.person, use.c.account_id, use.c.source + literal(":") + use.c.account_source_id
    ).label("someone")
    within = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    groups = [periods.c.period, *marks_of(scope, use), someone, periods.c.window]
    return (
        select(*groups, func.count(use.c.day.distinct()).label("active"))
        .select_from(periods.join(use, within))
        .group_by(*groups)
        .cte("active_days")
    )


def _active() -> Any:
    """Something happened; the account's own row steps back where its people are known by name."""
    other = USE.alias("by_name")
    by_name = exists().where(
        other.c.source == USE.c.source,
        other.c.account_source_id == USE.c.account_source_id,
        other.c.day == USE.c.day,
        other.c.contact_source_id.is_not(None),
        other.c.deleted_at.is_(None),
    )
    return and_(
        or_(USE.c.events > 0, USE.c.sessions > 0),
        or_(USE.c.contact_source_id.is_not(None), ~by_name),
    )


def _window(scope: Scope, _: Period) -> int:
    return int(scope.settings["window_days"])


def _at_most_a_period(scope: Scope, period: Period) -> int:
    return min(period.days, int(scope.settings["window_days"]))


def _people(scope: Scope) -> Select[Any]:
    people = active_days(scope, _window)
    return totals(scope, people, numerator=func.count(), n=func.count())


def _per_day(scope: Scope) -> Select[Any]:
    people = active_days(scope, _at_most_a_period)
    return totals(
        scope,
        people,
        numerator=func.sum(people.c.active),
        denominator=func.max(people.c.window),
        n=func.count(),
    )


def _stickiness(scope: Scope) -> Select[Any]:
    people = active_days(scope, _window)
    return totals(
        scope,
        people,
        numerator=func.sum(people.c.active),
        denominator=func.sum(people.c.window),
        n=func.count(),
        yy=func.sum(people.c.active * people.c.active),
        xy=func.sum(people.c.active * people.c.window),
        xx=func.sum(people.c.window * people.c.window),
    )


USAGE: tuple[Metric, ...] = (
    Metric(
        "dau", "Daily active users", "count",
        "people active per day, mean over the last 28 days of the period (or the whole of a "
        "shorter one)",
        ("PostHog docs, DAU/MAU ratio",), _per_day, ("usage_day",), stage=("retention",),
        family="engagement", settings=_WINDOW, divides=True, edge_cases=_PEOPLE,
    ),
    Metric(
        "wau", "Weekly active users", "count",
        "people active on at least one of the 7 days that end with the period",
        ("PostHog docs, DAU/MAU ratio",), _people, ("usage_day",),
        stage=("retention",), family="engagement", settings={"window_days": 7},
        edge_cases=_PEOPLE,
    ),
    Metric(
        "mau", "Monthly active users", "count",
        "people active on at least one of the 28 days that end with the period",
        ("PostHog docs, DAU/MAU ratio",), _people, ("usage_day",),
        stage=("retention",), family="engagement", settings=_WINDOW,
        edge_cases=_PEOPLE + " 28 days hold four of every weekday.",
    ),
    Metric(
        "dau_mau", "DAU/MAU", "ratio",
        "mean daily active users of the 28 days that end with the period ÷ monthly active users",
        ("PostHog docs, DAU/MAU ratio",), _stickiness, ("usage_day",), stage=("retention",),
        family="engagement", settings=_WINDOW, spread="ratio", divides=True, bounds=(0.0, 1.0),
        edge_cases="The share of days on which a person is active. " + _PEOPLE,
    ),
)  # fmt: skip
