"""How well the product and its shop window work: quality by the day, visitors who convert."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, String, Table, and_, case, cast, func, select

from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.relations import period_rows, present, totals
from cs_sync_schemas import FunnelDay, QualityDay, table_of

FUNNEL = table_of(FunnelDay)
QUALITY = table_of(QualityDay)


def _days(scope: Scope, table: Table, *columns: ColumnElement[Any]) -> CTE:
    """The table's days in each period."""
    periods = period_rows(scope, since=lambda period: period.start, until=lambda period: period.end)
    inside = and_(table.c.day >= periods.c.since, table.c.day < periods.c.until)
    return (
        select(periods.c.period, *columns)
        .select_from(periods.join(table, inside))
        .where(present(scope, table))
        .cte(f"{table.name}_in_period")
    )


def _total(name: str) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        days = _days(scope, QUALITY, QUALITY.c[name])
        return totals(scope, days, numerator=func.sum(days.c[name]), n=func.count(days.c[name]))

    return build


def _response(scope: Scope) -> Select[Any]:
    """The days' means weighted by their requests; a day without a number counts as one."""
    days = _days(scope, QUALITY, QUALITY.c.response_seconds, QUALITY.c.requests)
    known = days.c.response_seconds.is_not(None)
    weight = case((known, func.coalesce(days.c.requests, 1)), else_=0)
    return totals(
        scope,
        days,
        numerator=func.sum(days.c.response_seconds * weight),
        denominator=func.sum(weight),
        n=func.count(days.c.response_seconds),
    )


def _share(top: str, bottom: str, *, by_goal: bool = False) -> Callable[[Scope], Select[Any]]:
    """Goals of which nothing below is counted are left out of both sums."""

    def build(scope: Scope) -> Select[Any]:
        goal = cast(FUNNEL.c.goal, String).label("dimension_0" if by_goal else "goal")
        days = _days(scope, FUNNEL, FUNNEL.c[top], FUNNEL.c[bottom], goal)
        sums = [func.sum(days.c[name]).label(name) for name in (top, bottom)]
        goals = (
            select(days.c.period, days.c[goal.name], *sums)
            .group_by(days.c.period, days.c[goal.name])
            .having(func.sum(days.c[bottom]) > 0)
            .cte("goals")
        )
        below = func.sum(goals.c[bottom])
        return totals(scope, goals, numerator=func.sum(goals.c[top]), denominator=below, n=below)

    return build


def _leads(scope: Scope) -> Select[Any]:
    days = _days(scope, FUNNEL, FUNNEL.c.leads)
    return totals(scope, days, numerator=func.sum(days.c.leads), n=func.sum(days.c.leads))


_COMPANY = "For the whole company: it cannot be split by attributes of accounts. "
_GOALS = (
    "Goals, where the rows name them, are added up, but those of which the denominator is never "
    "counted in the period. "
)


def _quality(name: str, title: str, unit: Any, formula: str, build: Any, **more: Any) -> Metric:
    return Metric(
        name, title, unit, formula, ("Standard count of product quality",), build,
        ("quality_day",), stage=("retention",), strategy=("stability",), family="technical",
        splits=False, edge_cases=more.pop("note", "") + _COMPANY, **more,
    )  # fmt: skip


def _funnel(name: str, title: str, unit: Any, formula: str, build: Any, **more: Any) -> Metric:
    return Metric(
        name, title, unit, formula, ("Standard funnel of lead management",), build,
        ("funnel_day",), stage=("onboarding",), family="lead management", splits=False,
        edge_cases=more.pop("note", _GOALS) + _COMPANY, **more,
    )  # fmt: skip


_RATE: dict[str, Any] = {"divides": True, "spread": "wilson"}

PRODUCT: tuple[Metric, ...] = (
    _quality(
        "defects", "Defects", "count", "defects of the period's days", _total("defects"),
        note="Days on which they were not counted are not in n. ",
    ),
    _quality(
        "downtime_seconds", "Downtime", "seconds", "downtime of the period's days",
        _total("downtime_seconds"), note="Days on which it was not measured are not in n. ",
    ),
    _quality(
        "response_seconds", "Response time", "seconds",
        "Σ mean of the day × requests of the day ÷ Σ requests", _response, divides=True,
        note="A day without a number of requests counts as one request. ",
    ),
    _funnel("leads", "Leads", "count", "leads of the period's days", _leads),
    _funnel(
        "conversion_rate", "Conversion rate", "ratio", "conversions ÷ visitors",
        _share("conversions", "visitors"), **_RATE,
    ),
    _funnel(
        "lead_conversion_rate", "Lead conversion rate", "ratio", "conversions ÷ leads",
        _share("conversions", "leads"), **_RATE,
    ),
    _funnel(
        "visitor_to_lead_rate", "Visitors who become leads", "ratio", "leads ÷ visitors",
        _share("leads", "visitors"), **_RATE,
    ),
    _funnel(
        "goal_conversion_rate", "Conversion rate by goal", "ratio",
        "conversions ÷ visitors, for each goal", _share("conversions", "visitors", by_goal=True),
        dimensions=("goal",), **_RATE, note="A goal is what counts as a conversion. ",
    ),
)  # fmt: skip
