"""How many people use the product: in a day, a week, a month, and on how many days each."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
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

from cs_sync.metrics.days_of_use import USE, people_days, used_days
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.relations import count_if, marks_of, period_rows, quotient, totals

_WINDOW = {"window_days": 28}
_WEEKDAYS: dict[str, Any] = {"window_days": 28, "weekdays_only": False}
_SATURDAY = 5
_PEOPLE = (
    "People are resolved contacts across sources. A row of usage without a person is the account's "
    "as a whole: beside people known that day it says nothing new; on another day it is the use of "
    "one of the account's people known in the window; only where none of them is known, the "
    "account counts as one (see unnamed_use_rate). Days are those of the reporting zone, as the "
    "source gives them. With `[metrics] active_features` only these features or events make "
    "somebody active, as `feature_days` tell them."
)
Days = Callable[[Scope, Period], int]


def active_days(scope: Scope, days: Days) -> CTE:
    """Per period and person: on how many days of the trailing window they were active.

    Columns: period, the segments, someone, window (its length in days), active. A period in
    which nobody was active, although somebody had been before, has a row without someone.
    """
    periods = period_rows(
        scope,
        since=lambda period: period.end - timedelta(days=days(scope, period)),
        until=lambda period: period.end,
        window=lambda period: len(_days_of(scope, period, days(scope, period))),
    )
    first = min(period.end - timedelta(days=days(scope, period)) for period in scope.periods)
    use = people_days(scope, since=first)
    within = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    if scope.settings.get("weekdays_only"):
        counted = {d for p in scope.periods for d in _days_of(scope, p, days(scope, p))}
        within = and_(within, use.c.day.in_(sorted(counted)))
    whose = [periods.c.period, *marks_of(scope, use), use.c.person, use.c.whole, periods.c.window]
    seen = (
        select(*whose, func.count(use.c.day.distinct()).label("active"))
        .select_from(periods.join(use, within))
        .group_by(*whose)
        .cte("days_of_people")
    )
    named = func.min(seen.c.person).over(partition_by=[seen.c.period, seen.c.whole])
    someone = func.coalesce(seen.c.person, named, seen.c.whole).label("someone")
    marked = [seen.c.period, *marks_of(scope, seen)]
    each = select(*marked, someone, seen.c.window, seen.c.active).cte("people_of_days")
    groups = [each.c.period, *marks_of(scope, each), each.c.someone, each.c.window]
    active = select(*groups, func.sum(each.c.active).label("active")).group_by(*groups)
    return union_all(active, _quiet(scope, periods)).cte("active_days")


def _quiet(scope: Scope, periods: CTE) -> Select[Any]:
    """A row without a person for each period, and segment, in or before which there was use."""
    used = used_days(scope)
    marks = marks_of(scope, used)
    # in the order of days the first row answers; the least of all days would read them all
    first = select(used.c.day.label("begun")).order_by(used.c.day).limit(1)
    of_segment = select(*marks, func.min(used.c.day).label("begun")).group_by(*marks)
    begun = (of_segment if scope.by else first).cte("begun")
    return select(
        periods.c.period, *marks_of(scope, begun), literal(None, String), periods.c.window,
        literal(0),
    ).select_from(periods.join(begun, begun.c.begun < periods.c.until))  # fmt: skip


def _days_of(scope: Scope, period: Period, length: int) -> list[date]:
    """The days of the window that ends with a period; Monday to Friday where only they count."""
    days = [period.end - timedelta(days=n) for n in range(length, 0, -1)]
    if not scope.settings.get("weekdays_only"):
        return days
    return [day for day in days if day.weekday() < _SATURDAY]


def _window(scope: Scope, _: Period) -> int:
    return int(scope.settings["window_days"])


def _at_most_a_period(scope: Scope, period: Period) -> int:
    return min(period.days, int(scope.settings["window_days"]))


def whole_period(_: Scope, period: Period) -> int:
    """All the days of a period, for `active_days`."""
    return period.days


def _people(scope: Scope) -> Select[Any]:
    people = active_days(scope, _window)
    heads = func.count(people.c.someone)
    return totals(scope, people, numerator=heads, n=heads)


def _per_day(scope: Scope) -> Select[Any]:
    people = active_days(scope, _at_most_a_period)
    return totals(
        scope,
        people,
        numerator=func.sum(people.c.active),
        denominator=func.max(people.c.window),
        n=func.count(people.c.someone),
    )


def _mean_over_people(days: Days, per: str | None) -> Callable[[Scope], Select[Any]]:
    """Active days of everybody over what each could have had (`per`), or over heads."""

    def build(scope: Scope) -> Select[Any]:
        people = active_days(scope, days)
        each = literal(1, Integer) if per is None else people.c[per]
        x = case((people.c.someone.is_not(None), each), else_=0)
        return totals(
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


def _histogram(scope: Scope) -> Select[Any]:
    people = active_days(scope, _window)
    kept = (
        select(
            people.c.period,
            *marks_of(scope, people),
            cast(people.c.active, String).label("dimension_0"),
            people.c.someone,
        )
        .where(people.c.someone.is_not(None))
        .cte("kept")
    )
    heads = func.count(kept.c.someone)
    return totals(scope, kept, numerator=heads, n=heads)


def _growth(scope: Scope) -> Select[Any]:
    """Events of the window over those of the window before, less one; people vary."""
    days = int(scope.settings["window_days"])
    periods = period_rows(
        scope,
        before=lambda period: period.end - timedelta(days=2 * days),
        since=lambda period: period.end - timedelta(days=days),
        until=lambda period: period.end,
    )
    first = min(period.end - timedelta(days=2 * days) for period in scope.periods)
    use = people_days(scope, USE.c.events, since=first)
    within = and_(use.c.day >= periods.c.before, use.c.day < periods.c.until)
    late = use.c.day >= periods.c.since
    groups = [periods.c.period, *marks_of(scope, use), use.c.someone]
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
    return quotient(scope, people, people.c.more, people.c.past)


def _unnamed(scope: Scope) -> Select[Any]:
    """Rows of usage without a person among those of the period."""
    periods = period_rows(scope, since=lambda period: period.start, until=lambda period: period.end)
    within = scope.periods[0].start, scope.periods[-1].end
    use = used_days(scope, within=within)
    inside = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    rows = (
        select(periods.c.period, *marks_of(scope, use), use.c.person)
        .select_from(periods.join(use, inside))
        .cte("rows_of_usage")
    )
    nobody = count_if(rows.c.person.is_(None))
    return totals(scope, rows, numerator=nobody, denominator=func.count(), n=func.count())


_POSTHOG = ("PostHog docs, DAU/MAU ratio",)


def _use(name: str, title: str, unit: Any, formula: str, build: Any, **more: Any) -> Metric:
    return Metric(
        name, title, unit, formula, more.pop("sources", _POSTHOG), build, ("usage_day",),
        stage=("retention",), family="engagement", settings=more.pop("settings", _WINDOW),
        edge_cases=more.pop("note", "") + _PEOPLE, **more,
    )  # fmt: skip


_SILENT = "0 when nobody was active any more; undefined before the first use was known. "

USAGE: tuple[Metric, ...] = (
    _use(
        "dau", "Daily active users", "count",
        "people active per day, mean over the last 28 days of the period (or the whole of a "
        "shorter one)", _per_day, divides=True, note=_SILENT,
    ),
    _use(
        "wau", "Weekly active users", "count",
        "people active on at least one of the 7 days that end with the period",
        _people, settings={"window_days": 7}, note=_SILENT,
    ),
    _use(
        "mau", "Monthly active users", "count",
        "people active on at least one of the 28 days that end with the period",
        _people, note="28 days hold four of every weekday. " + _SILENT,
    ),
    _use(
        "dau_mau", "DAU/MAU", "ratio",
        "mean daily active users of the 28 days that end with the period ÷ monthly active users",
        _mean_over_people(_window, "window"), spread="ratio", divides=True, bounds=(0.0, 1.0),
        settings=_WEEKDAYS,
        note="The share of days on which a person is active. Undefined when nobody was. With "
        "`weekdays_only` Saturdays and Sundays count neither as days nor as use. ",
    ),
    _use(
        "stickiness", "Stickiness", "count",
        "people by the number of days, of the 28 that end with the period, on which they were "
        "active", _histogram, dimensions=("days",), sources=("PostHog docs, Stickiness",),
        note="A histogram; its sum is MAU, its mean ÷ 28 is DAU/MAU. ",
    ),
    _use(
        "usage_frequency", "Usage frequency", "days",
        "days of activity in the period ÷ people active in it",
        _mean_over_people(whole_period, None), spread="ratio", divides=True, settings={},
        sources=("J. York, Chaotic Flow",),
        note="Days per person and period: of a week 0 to 7. Undefined when nobody was active. ",
    ),
    _use(
        "usage_growth", "Usage growth", "ratio",
        "events of the 28 days that end with the period ÷ events of the 28 days before − 1",
        _growth, divides=True, sources=("Standard definition",), spread="ratio",
        bounds=(-1.0, float("inf")),
        note="Undefined without events in the earlier window. n is the people active in it. ",
    ),
    _use(
        "unnamed_use_rate", "Use without a person", "ratio",
        "rows of usage in the period that name no person ÷ rows of usage in the period",
        _unnamed, spread="wilson", divides=True, settings={},
        sources=("Share of what is not attributed",),
        note="How far figures about people are known: 0 where every row names somebody. ",
    ),
)  # fmt: skip
