"""Sessions: frequency, length and time spent."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import CTE, ColumnElement, Double, Select, and_, case, cast, func, select

from cs_sync.metrics.days_of_use import USE, get_weight, select_people_use, select_timed_days
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.relations import (
    get_segment_columns,
    select_median,
    select_period_rows,
    select_quotient,
    select_totals,
)

_DAYS_NOTE = (
    "A row of usage is one person's day, so what is said of sessions is said of the sessions of "
    "such days. "
)
_TIMED_NOTE = "Days whose sessions or time the source does not give are left out. "


def _select_use(scope: Scope, *, timed: bool) -> CTE:
    """Select use per period: length, segments, person, account, sessions.

    Timed: days whose time is known, with their seconds; else with the number of records, `counted`,
    whose sessions are.
    """
    periods = select_period_rows(
        scope,
        since=lambda period: period.start,
        until=lambda period: period.end,
        length=lambda period: period.days,
    )
    edges = [day for period in scope.periods for day in (period.start, period.end)]
    if timed:
        use = select_timed_days(scope, min(edges))
        last = use.c.seconds
    else:
        use = select_people_use(scope, USE.c.sessions, edges=edges)
        last = get_weight(use, "counted").label("counted")
    inside = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    fields = ("someone", "account_id", "sessions")
    return (
        select(
            periods.c.period,
            periods.c.length,
            *get_segment_columns(scope, use),
            *(use.c[name] for name in fields),
            last,
        )
        .select_from(periods.join(use, inside))
        .cte("use_in_period")
    )


def _sum_by(scope: Scope, days: CTE, by: str, *sums: str) -> CTE:
    """Sum the known columns per period and person or account."""
    groups = [days.c.period, days.c.length, *get_segment_columns(scope, days), days.c[by]]
    return (
        select(*groups, *(func.sum(days.c[name]).label(name) for name in sums))
        .where(*(days.c[name].is_not(None) for name in (by, *sums)))
        .group_by(*groups)
        .cte("grouped")
    )


def _select_sessions_per_day(scope: Scope) -> Select[Any]:
    accounts = _sum_by(scope, _select_use(scope, timed=False), "account_id", "sessions")
    return select_quotient(scope, accounts, accounts.c.sessions, accounts.c.length)


def _select_sessions(scope: Scope) -> Select[Any]:
    use = _select_use(scope, timed=False)
    return select_totals(scope, use, numerator=func.sum(use.c.sessions), n=func.sum(use.c.counted))


def _make_length_query(*, timed_only: bool) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        days = _select_timed_days(scope, timed_only=timed_only)
        return select_quotient(scope, days, days.c.seconds, days.c.sessions)

    return build


def _select_median_length(scope: Scope) -> Select[Any]:
    days = _select_timed_days(scope, timed_only=False)
    seconds = cast(days.c.seconds, Double) / cast(func.nullif(days.c.sessions, 0), Double)
    value = select(days.c.period, *get_segment_columns(scope, days), seconds.label("value"))
    return select_median(scope, value.cte("lengths"))


def _select_timed_days(scope: Scope, *, timed_only: bool) -> CTE:
    days = _select_use(scope, timed=True)
    conditions = [days.c.sessions > 0]
    if timed_only:
        conditions.append(days.c.seconds > 0)
    return select(*days.c).where(*conditions).cte("timed")


def _select_time_per_person(scope: Scope) -> Select[Any]:
    people = _sum_by(scope, _select_use(scope, timed=True), "someone", "seconds")
    return select_quotient(scope, people, people.c.seconds, _count_person(people))


def _count_person(people: CTE) -> ColumnElement[int]:
    return case((people.c.someone.is_not(None), 1), else_=0)


def _make_session_metric(
    name: str, title: str, unit: Any, formula: str, build: Any, **more: Any
) -> Metric:
    return Metric(
        name, title, unit, formula, more.pop("sources", ("PostHog docs, Sessions",)), build,
        ("usage_day",), stage=("retention",), family="engagement",
        edge_cases=more.pop("note", _DAYS_NOTE + _TIMED_NOTE), **more,
    )  # fmt: skip


_SPREAD: dict[str, Any] = {"spread": "ratio", "divides": True, "bounds": (0.0, float("inf"))}

SESSIONS: tuple[Metric, ...] = (
    _make_session_metric(
        "sessions_per_day", "Sessions per day", "count",
        "sessions in the period ÷ (days of the period × accounts that used the product in it)",
        _select_sessions_per_day, strategy=("stability",), **_SPREAD,
        sources=("Standard definition",),
        note="Per account, so that it does not grow with the number of accounts. "
        "Usage that belongs to no account, or without a number of sessions, is left out.",
    ),
    _make_session_metric(
        "sessions", "Sessions", "count", "sessions in the period", _select_sessions,
        note=_DAYS_NOTE,
    ),
    _make_session_metric(
        "session_seconds", "Session length", "seconds",
        "seconds spent in all sessions of the period ÷ number of those sessions",
        _make_length_query(timed_only=False), **_SPREAD,
        note="With sessions of a single event, which last 0 seconds. " + _DAYS_NOTE + _TIMED_NOTE,
    ),
    _make_session_metric(
        "session_seconds_timed", "Session length without single events", "seconds",
        "as session_seconds, over the days on which any time was spent",
        _make_length_query(timed_only=True), **_SPREAD,
        note="Leaves out days that only had sessions of a single event. "
        "" + _DAYS_NOTE + _TIMED_NOTE,
    ),
    _make_session_metric(
        "session_seconds_median", "Median session length", "seconds",
        "median over people's days of seconds ÷ sessions", _select_median_length,
    ),
    _make_session_metric(
        "usage_seconds", "Time spent per person", "seconds",
        "seconds spent in the period ÷ people of whom the time is known", _select_time_per_person,
        **_SPREAD,
        note="Duration, which is not frequency: see usage_frequency. " + _TIMED_NOTE,
    ),
)  # fmt: skip
