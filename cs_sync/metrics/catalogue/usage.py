"""Active people per day, week and month, and their days of use."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    CompoundSelect,
    FromClause,
    Integer,
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

from cs_sync.metrics.days_of_use import (
    USE,
    count_days,
    get_weight,
    select_people_use,
    select_use,
)
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.sql.relations import (
    get_segment_columns,
    select_period_rows,
    select_quotient,
    select_totals,
)
from cs_sync.metrics.sql.shared_parts import share_part

_WINDOW = {"window_days": 28}
_WEEKDAYS: dict[str, Any] = {"window_days": 28, "weekdays_only": False}
_SATURDAY = 5
_PEOPLE_NOTE = (
    "People are resolved contacts across sources. A row of usage without a person is the account's "
    "as a whole: beside people known that day it says nothing new; on another day it is the use of "
    "one of the account's people known in the window; only where none of them is known, the "
    "account counts as one (see unnamed_use_rate). Days are those of the reporting zone, as the "
    "source gives them. With `[metrics] active_features` only these features or events make "
    "somebody active, as `feature_days` tell them."
)
WindowLength = Callable[[Scope, Period], int]


def select_active_days(scope: Scope, days: WindowLength) -> FromClause:
    """Select each person's active days in the trailing window, per period.

    Columns: period, the segments, someone, window (its length in days), active. A period
    without any active person, but with earlier ones, has a row without someone.

    Args:
        scope: The scope.
        days: The length of the window in days, for a scope and period.
    """
    windows = tuple(
        tuple(_list_window_days(scope, period, days(scope, period))) for period in scope.periods
    )
    return share_part(
        scope, "active_days", lambda: _select_active_days(scope, days, windows), windows
    )


def _select_active_days(
    scope: Scope, days: WindowLength, windows: Sequence[Sequence[date]]
) -> CompoundSelect[Any]:
    """Select the rows of `select_active_days`, with the days of each period's window."""
    periods = select_period_rows(
        scope,
        since=lambda period: period.end - timedelta(days=days(scope, period)),
        until=lambda period: period.end,
        window=lambda period: len(_list_window_days(scope, period, days(scope, period))),
    )
    edges = {period.end for period in scope.periods}.union(*map(_list_edges, windows))
    use = select_people_use(scope, edges=edges)
    within = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    if scope.settings.get("weekdays_only"):
        counted = sorted({day for window in windows for day in window})
        within = and_(within, use.c.day.in_(counted))
    whose = [
        periods.c.period,
        *get_segment_columns(scope, use),
        use.c.person,
        use.c.whole,
        periods.c.window,
    ]
    person_days = (
        select(*whose, count_days(use).label("active"))
        .select_from(periods.join(use, within))
        .group_by(*whose)
        .cte("days_of_people")
    )
    named = func.min(person_days.c.person).over(
        partition_by=[person_days.c.period, person_days.c.whole]
    )
    someone = func.coalesce(person_days.c.person, named, person_days.c.whole).label("someone")
    marked = [person_days.c.period, *get_segment_columns(scope, person_days)]
    each = select(*marked, someone, person_days.c.window, person_days.c.active).cte(
        "people_of_days"
    )
    groups = [each.c.period, *get_segment_columns(scope, each), each.c.someone, each.c.window]
    active = select(*groups, func.sum(each.c.active).label("active")).group_by(*groups)
    return union_all(active, _select_quiet_periods(scope, periods))


def _select_quiet_periods(scope: Scope, periods: CTE) -> Select[Any]:
    """Select a row per period and segment without named users."""
    used = select_use(scope, edges=(period.end for period in scope.periods))
    marks = get_segment_columns(scope, used)
    # in the order of days the first row answers; the least of all days would read them all
    first = select(used.c.day.label("begun")).order_by(used.c.day).limit(1)
    of_segment = select(*marks, func.min(used.c.day).label("begun")).group_by(*marks)
    begun = (of_segment if scope.by else first).cte("begun")
    return select(
        periods.c.period, *get_segment_columns(scope, begun), literal(None, String),
        periods.c.window,
        literal(0),
    ).select_from(periods.join(begun, begun.c.begun < periods.c.until))  # fmt: skip


def _list_window_days(scope: Scope, period: Period, length: int) -> list[date]:
    """List the days of the window at a period's end.

    Weekdays only if set.
    """
    days = [period.end - timedelta(days=n) for n in range(length, 0, -1)]
    if not scope.settings.get("weekdays_only"):
        return days
    return [day for day in days if day.weekday() < _SATURDAY]


def _list_edges(days: Sequence[date]) -> set[date]:
    """List the days that begin runs of days, or follow them."""
    counted, step = set(days), timedelta(days=1)
    begun = {day for day in days if day - step not in counted}
    return begun | {day + step for day in days if day + step not in counted}


def _get_window_days(scope: Scope, _: Period) -> int:
    return int(scope.settings["window_days"])


def _get_capped_window(scope: Scope, period: Period) -> int:
    return min(period.days, int(scope.settings["window_days"]))


def get_period_days(_: Scope, period: Period) -> int:
    """Return all days of a period, for `select_active_days`."""
    return period.days


def _select_active_people(scope: Scope) -> Select[Any]:
    people = select_active_days(scope, _get_window_days)
    heads = func.count(people.c.someone)
    return select_totals(scope, people, numerator=heads, n=heads)


def _select_people_per_day(scope: Scope) -> Select[Any]:
    people = select_active_days(scope, _get_capped_window)
    return select_totals(
        scope,
        people,
        numerator=func.sum(people.c.active),
        denominator=func.max(people.c.window),
        n=func.count(people.c.someone),
    )


def _make_mean_query(days: WindowLength, per: str | None) -> Callable[[Scope], Select[Any]]:
    """Make a query of active days ÷ possible days, or people.

    Possible days are the column `per`.
    """

    def build(scope: Scope) -> Select[Any]:
        people = select_active_days(scope, days)
        each = literal(1, Integer) if per is None else people.c[per]
        x = case((people.c.someone.is_not(None), each), else_=0)
        return select_totals(
            scope,
            people,
            numerator=func.sum(people.c.active),
            denominator=func.sum(x),
            n=func.count(people.c.someone),
            yy=func.sum(people.c.active * people.c.active),
            xy=func.sum(people.c.active * x),
            xx=func.sum(x * x),
        )

    return build


def _select_histogram(scope: Scope) -> Select[Any]:
    people = select_active_days(scope, _get_window_days)
    active_people = (
        select(
            people.c.period,
            *get_segment_columns(scope, people),
            cast(people.c.active, String).label("dimension_0"),
            people.c.someone,
        )
        .where(people.c.someone.is_not(None))
        .cte("kept")
    )
    heads = func.count(active_people.c.someone)
    return select_totals(scope, active_people, numerator=heads, n=heads)


def _select_growth(scope: Scope) -> Select[Any]:
    """Select the window's events ÷ the former window's − 1."""
    days = int(scope.settings["window_days"])
    periods = select_period_rows(
        scope,
        before=lambda period: period.end - timedelta(days=2 * days),
        since=lambda period: period.end - timedelta(days=days),
        until=lambda period: period.end,
    )
    back = (timedelta(days=n * days) for n in (0, 1, 2))
    edges = [period.end - time for time in back for period in scope.periods]
    use = select_people_use(scope, USE.c.events, edges=edges)
    within = and_(use.c.day >= periods.c.before, use.c.day < periods.c.until)
    late = use.c.day >= periods.c.since
    groups = [periods.c.period, *get_segment_columns(scope, use), use.c.someone]
    people = (
        select(
            *groups,
            func.sum(case((late, use.c.events), else_=-use.c.events)).label("more"),
            func.sum(case((late, 0), else_=use.c.events)).label("past"),
        )
        .select_from(periods.join(use, within))
        .group_by(*groups)
        .cte("events")
    )
    return select_quotient(scope, people, people.c.more, people.c.past)


def _select_unnamed_share(scope: Scope) -> Select[Any]:
    """Select the share of rows of usage without a person."""
    periods = select_period_rows(
        scope, since=lambda period: period.start, until=lambda period: period.end
    )
    within = scope.periods[0].start, scope.periods[-1].end
    edges = (day for period in scope.periods for day in (period.start, period.end))
    use = select_use(scope, edges=edges, within=within)
    inside = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    rows = (
        select(
            periods.c.period,
            *get_segment_columns(scope, use),
            use.c.person,
            get_weight(use).label("weight"),
        )
        .select_from(periods.join(use, inside))
        .cte("rows_of_usage")
    )
    nobody = func.sum(case((rows.c.person.is_(None), rows.c.weight), else_=0))
    count = func.sum(rows.c.weight)
    return select_totals(scope, rows, numerator=nobody, denominator=count, n=count)


_CITED = ("PostHog docs, DAU/MAU ratio",)


def _make_usage_metric(
    name: str, title: str, unit: Any, formula: str, build: Any, **more: Any
) -> Metric:
    return Metric(
        name, title, unit, formula, more.pop("sources", _CITED), build, ("usage_day",),
        stage=("retention",), family="engagement", settings=more.pop("settings", _WINDOW),
        edge_cases=more.pop("note", "") + _PEOPLE_NOTE, **more,
    )  # fmt: skip


_NO_USE_NOTE = "0 when nobody was active any more; undefined before the first use was known. "

USAGE: tuple[Metric, ...] = (
    _make_usage_metric(
        "dau", "Daily active users", "count",
        "people active per day, mean over the last 28 days of the period (or the whole of a "
        "shorter one)", _select_people_per_day, divides=True, note=_NO_USE_NOTE,
    ),
    _make_usage_metric(
        "wau", "Weekly active users", "count",
        "people active on at least one of the 7 days that end with the period",
        _select_active_people, settings={"window_days": 7}, note=_NO_USE_NOTE,
    ),
    _make_usage_metric(
        "mau", "Monthly active users", "count",
        "people active on at least one of the 28 days that end with the period",
        _select_active_people, note="28 days hold four of every weekday. " + _NO_USE_NOTE,
    ),
    _make_usage_metric(
        "dau_mau", "DAU/MAU", "ratio",
        "mean daily active users of the 28 days that end with the period ÷ monthly active users",
        _make_mean_query(_get_window_days, "window"), spread="ratio", divides=True, bounds=(0.0,
        1.0),
        settings=_WEEKDAYS,
        note="The share of days on which a person is active. Undefined when nobody was. With "
        "`weekdays_only` Saturdays and Sundays count neither as days nor as use. ",
    ),
    _make_usage_metric(
        "stickiness", "Stickiness", "count",
        "people by the number of days, of the 28 that end with the period, on which they were "
        "active", _select_histogram, dimensions=("days",), sources=("PostHog docs, Stickiness",),
        note="A histogram; its sum is MAU, its mean ÷ 28 is DAU/MAU. ",
    ),
    _make_usage_metric(
        "usage_frequency", "Usage frequency", "days",
        "days of activity in the period ÷ people active in it",
        _make_mean_query(get_period_days, None), spread="ratio", divides=True, settings={},
        sources=("J. York, Chaotic Flow",),
        note="Days per person and period: of a week 0 to 7. Undefined when nobody was active. ",
    ),
    _make_usage_metric(
        "usage_growth", "Usage growth", "ratio",
        "events of the 28 days that end with the period ÷ events of the 28 days before − 1",
        _select_growth, divides=True, sources=("Standard definition",), spread="ratio",
        bounds=(-1.0, float("inf")),
        note="Undefined without events in the earlier window. n is the people active in it. ",
    ),
    _make_usage_metric(
        "unnamed_use_rate", "Use without a person", "ratio",
        "rows of usage in the period that name no person ÷ rows of usage in the period",
        _select_unnamed_share, spread="wilson", divides=True, settings={},
        sources=("Share of what is not attributed",),
        note="How far figures about people are known: 0 where every row names somebody. ",
    ),
)  # fmt: skip
