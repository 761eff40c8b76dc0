"""How often and how long people work with the product: sessions and the time spent in them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import CTE, ColumnElement, Double, Select, and_, case, cast, func, select

from cs_sync.metrics.days_of_use import USE, people_days
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.relations import marks_of, median, period_rows, quotient, totals

_DAYS = (
    "A row of usage is one person's day, so what is said of sessions is said of the sessions of "
    "such days. "
)
_TIMED = "Days whose sessions or time the source does not give are left out. "


def _days(scope: Scope) -> CTE:
    """Days of use in each period: period, its length, the segments, who, sessions, seconds."""
    periods = period_rows(
        scope,
        since=lambda period: period.start,
        until=lambda period: period.end,
        length=lambda period: period.days,
    )
    first = min(period.start for period in scope.periods)
    use = people_days(scope, USE.c.sessions, USE.c.seconds, since=first)
    inside = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    fields = ("someone", "account_id", "sessions", "seconds")
    return (
        select(
            periods.c.period,
            periods.c.length,
            *marks_of(scope, use),
            *(use.c[name] for name in fields),
        )
        .select_from(periods.join(use, inside))
        .cte("use_in_period")
    )


def _grouped(scope: Scope, days: CTE, by: str, *sums: str) -> CTE:
    """Per period and person or account the sums of these columns, where they are known."""
    groups = [days.c.period, days.c.length, *marks_of(scope, days), days.c[by]]
    return (
        select(*groups, *(func.sum(days.c[name]).label(name) for name in sums))
        .where(*(days.c[name].is_not(None) for name in (by, *sums)))
        .group_by(*groups)
        .cte("grouped")
    )


def _per_day(scope: Scope) -> Select[Any]:
    accounts = _grouped(scope, _days(scope), "account_id", "sessions")
    return quotient(scope, accounts, accounts.c.sessions, accounts.c.length)


def _sessions(scope: Scope) -> Select[Any]:
    days = _days(scope)
    return totals(scope, days, numerator=func.sum(days.c.sessions), n=func.count(days.c.sessions))


def _length(*, timed_only: bool) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        days = _timed(scope, timed_only=timed_only)
        return quotient(scope, days, days.c.seconds, days.c.sessions)

    return build


def _median_length(scope: Scope) -> Select[Any]:
    days = _timed(scope, timed_only=False)
    seconds = cast(days.c.seconds, Double) / days.c.sessions
    value = select(days.c.period, *marks_of(scope, days), seconds.label("value"))
    return median(scope, value.cte("lengths"))


def _timed(scope: Scope, *, timed_only: bool) -> CTE:
    days = _days(scope)
    kept = [days.c.sessions > 0, days.c.seconds.is_not(None)]
    if timed_only:
        kept.append(days.c.seconds > 0)
    return select(*days.c).where(*kept).cte("timed")


def _per_person(scope: Scope) -> Select[Any]:
    people = _grouped(scope, _days(scope), "someone", "seconds")
    return quotient(scope, people, people.c.seconds, _one(people))


def _one(people: CTE) -> ColumnElement[int]:
    return case((people.c.someone.is_not(None), 1), else_=0)


def _session(name: str, title: str, unit: Any, formula: str, build: Any, **more: Any) -> Metric:
    return Metric(
        name, title, unit, formula, more.pop("sources", ("PostHog docs, Sessions",)), build,
        ("usage_day",), stage=("retention",), family="engagement",
        edge_cases=more.pop("note", _DAYS + _TIMED), **more,
    )  # fmt: skip


_SPREAD: dict[str, Any] = {"spread": "ratio", "divides": True, "bounds": (0.0, float("inf"))}

SESSIONS: tuple[Metric, ...] = (
    _session(
        "sessions_per_day", "Sessions per day", "count",
        "sessions in the period ÷ (days of the period × accounts that used the product in it)",
        _per_day, strategy=("stability",), **_SPREAD, sources=("Standard definition",),
        note="Per account, so that it does not grow with the number of accounts. "
        "Usage that belongs to no account, or without a number of sessions, is left out.",
    ),
    _session(
        "sessions", "Sessions", "count", "sessions in the period", _sessions, note=_DAYS,
    ),
    _session(
        "session_seconds", "Session length", "seconds",
        "seconds spent in all sessions of the period ÷ number of those sessions",
        _length(timed_only=False), **_SPREAD,
        note="With sessions of a single event, which last 0 seconds. " + _DAYS + _TIMED,
    ),
    _session(
        "session_seconds_timed", "Session length without single events", "seconds",
        "as session_seconds, over the days on which any time was spent",
        _length(timed_only=True), **_SPREAD,
        note="Leaves out days that only had sessions of a single event. " + _DAYS + _TIMED,
    ),
    _session(
        "session_seconds_median", "Median session length", "seconds",
        "median over people's days of seconds ÷ sessions", _median_length,
    ),
    _session(
        "usage_seconds", "Time spent per person", "seconds",
        "seconds spent in the period ÷ people of whom the time is known", _per_person, **_SPREAD,
        note="Duration, which is not frequency: see usage_frequency. " + _TIMED,
    ),
)  # fmt: skip
