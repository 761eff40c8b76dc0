"""How many people use the product: in a day, a week, a month, and on how many days each."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.portable import day
from cs_sync.metrics.relations import count_if, marks_of, period_rows, quotient, totals
from cs_sync_schemas import FeatureDay, UsageDay, table_of

USE, FEATURE = table_of(UsageDay), table_of(FeatureDay)
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
    used = used_days(scope)
    first = min(period.end - timedelta(days=days(scope, period)) for period in scope.periods)
    use = named_apart(scope, used, first)
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
    marks = marks_of(scope, used)
    begun = select(*marks, func.min(used.c.day).label("begun")).group_by(*marks).cte("begun")
    quiet = select(
        periods.c.period,
        *marks_of(scope, begun),
        literal(None, String),
        periods.c.window,
        literal(0),
    ).select_from(periods.join(begun, begun.c.begun < periods.c.until))
    return union_all(active, quiet).cte("active_days")


def _days_of(scope: Scope, period: Period, length: int) -> list[date]:
    """The days of the window that ends with a period; Monday to Friday where only they count."""
    days = [period.end - timedelta(days=n) for n in range(length, 0, -1)]
    if not scope.settings.get("weekdays_only"):
        return days
    return [day for day in days if day.weekday() < _SATURDAY]


def people_days(scope: Scope, *columns: ColumnElement[Any], since: date) -> CTE:
    """As `named_apart`, of the rows of usage with these columns of `USE` too."""
    return named_apart(scope, used_days(scope, *columns), since)


def named_apart(scope: Scope, use: CTE, since: date) -> CTE:
    """Rows of usage since a day with `someone`: the person, or the account where none is named.

    An account's own row steps back on days whose people are known by name.
    """
    by_name = func.max(case((use.c.person.is_not(None), 1), else_=0)).over(
        partition_by=[use.c.whole, use.c.day]
    )
    someone = func.coalesce(use.c.person, use.c.whole).label("someone")
    until = max(period.end for period in scope.periods)
    marked = (
        select(*use.c, someone, by_name.label("by_name"))
        .where(use.c.day >= day(since), use.c.day < day(until))
        .cte("days_by_name")
    )
    alone = and_(marked.c.by_name == 0, marked.c.whole.is_not(None))
    kept = [column for column in marked.c if column.name != "by_name"]
    return select(*kept).where(or_(marked.c.person.is_not(None), alone)).cte("people_days")


def used_days(scope: Scope, *columns: ColumnElement[Any]) -> CTE:
    """Rows of usage on which somebody was active, with `whole`: the account behind them.

    Where features are named by which one is active, these are the rows of those features; what
    only the rows of usage tell, their sessions, is that of the days of such people.
    """
    if not scope.active_features:
        return with_whole(scope, USE, *columns, where=or_(USE.c.events > 0, USE.c.sessions > 0))
    some = FEATURE.c.events + FEATURE.c.users > 0
    ours = and_(FEATURE.c.feature.in_(scope.active_features), some)
    if not any(column.name == "sessions" for column in columns):
        return with_whole(
            scope, FEATURE, *(FEATURE.c[column.name] for column in columns), where=ours
        )
    return _on_days_of(
        with_whole(scope, FEATURE, where=ours), with_whole(scope, USE, *columns, where=true())
    )


def with_whole(
    scope: Scope, table: Table, *columns: ColumnElement[Any], where: ColumnElement[bool]
) -> CTE:
    """Days of a table by whom and of which account: linked, or else as its source names it."""
    own = [table.c[name] for name in ("source", "account_source_id", "day")]
    use = attributed(scope, table, *own, *columns, where=where)
    unlinked = use.c.source + literal(":") + use.c.account_source_id
    whole = func.coalesce(use.c.account_id, unlinked).label("whole")
    return select(*use.c, whole).cte(f"days_of_{table.name}")


def _on_days_of(active: CTE, use: CTE) -> CTE:
    """The rows of usage of who was active on a day: the person, or the account where unnamed."""
    who = func.coalesce(active.c.person, active.c.whole).label("who")
    days = select(active.c.whole, active.c.day, who).distinct().cte("days_of_active")
    person, account = days.alias("person_active"), days.alias("account_active")
    by_person = and_(
        person.c.whole == use.c.whole,
        person.c.day == use.c.day,
        person.c.who == func.coalesce(use.c.person, use.c.whole),
    )
    by_account = and_(
        account.c.whole == use.c.whole, account.c.day == use.c.day, account.c.who == use.c.whole
    )
    return (
        select(*use.c)
        .select_from(use.outerjoin(person, by_person).outerjoin(account, by_account))
        .where(or_(person.c.who.is_not(None), account.c.who.is_not(None)))
        .cte("used_days")
    )


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
    use = used_days(scope)
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
