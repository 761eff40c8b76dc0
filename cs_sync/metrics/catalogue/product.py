"""Product quality per day, and the conversion of visitors."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, String, Table, and_, case, cast, func, select

from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.relations import is_present, select_period_rows, select_totals
from cs_sync_schemas.tables import FUNNEL_DAY, QUALITY_DAY

FUNNEL = FUNNEL_DAY
QUALITY = QUALITY_DAY


def _select_days(scope: Scope, table: Table, *columns: ColumnElement[Any]) -> CTE:
    """Select the table's days in each period."""
    periods = select_period_rows(
        scope, since=lambda period: period.start, until=lambda period: period.end
    )
    inside = and_(table.c.day >= periods.c.since, table.c.day < periods.c.until)
    return (
        select(periods.c.period, *columns)
        .select_from(periods.join(table, inside))
        .where(is_present(table, scope.known_at))
        .cte(f"{table.name}_in_period")
    )


def _make_total_query(name: str) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        days = _select_days(scope, QUALITY, QUALITY.c[name])
        return select_totals(
            scope, days, numerator=func.sum(days.c[name]), n=func.count(days.c[name])
        )

    return build


def _select_response_time(scope: Scope) -> Select[Any]:
    """Select the daily means weighted by requests."""
    days = _select_days(scope, QUALITY, QUALITY.c.response_seconds, QUALITY.c.requests)
    measured = days.c.response_seconds.is_not(None)
    weight = case((measured, func.coalesce(days.c.requests, 1)), else_=0)
    return select_totals(
        scope,
        days,
        numerator=func.sum(days.c.response_seconds * weight),
        denominator=func.sum(weight),
        n=func.count(days.c.response_seconds),
    )


def _make_share_query(
    top: str, bottom: str, *, by_goal: bool = False
) -> Callable[[Scope], Select[Any]]:
    """Return a query of a conversion rate.

    Goals without a counted denominator are excluded from both sums.
    """

    def build(scope: Scope) -> Select[Any]:
        goal = cast(FUNNEL.c.goal, String).label("dimension_0" if by_goal else "goal")
        days = _select_days(scope, FUNNEL, FUNNEL.c[top], FUNNEL.c[bottom], goal)
        sums = [func.sum(days.c[name]).label(name) for name in (top, bottom)]
        goals = (
            select(days.c.period, days.c[goal.name], *sums)
            .group_by(days.c.period, days.c[goal.name])
            .having(func.sum(days.c[bottom]) > 0)
            .cte("goals")
        )
        below = func.sum(goals.c[bottom])
        return select_totals(
            scope, goals, numerator=func.sum(goals.c[top]), denominator=below, n=below
        )

    return build


def _select_leads(scope: Scope) -> Select[Any]:
    days = _select_days(scope, FUNNEL, FUNNEL.c.leads)
    return select_totals(scope, days, numerator=func.sum(days.c.leads), n=func.sum(days.c.leads))


_COMPANY = "For the whole company: it cannot be split by attributes of accounts. "
_GOALS = (
    "Goals, where the rows name them, are added up, but those of which the denominator is never "
    "counted in the period. "
)


def _make_quality_metric(
    name: str, title: str, unit: Any, formula: str, build: Any, **more: Any
) -> Metric:
    return Metric(
        name, title, unit, formula, ("Standard count of product quality",), build,
        ("quality_day",), stage=("retention",), strategy=("stability",), family="technical",
        splits=False, edge_cases=more.pop("note", "") + _COMPANY, **more,
    )  # fmt: skip


def _make_funnel_metric(
    name: str, title: str, unit: Any, formula: str, build: Any, **more: Any
) -> Metric:
    return Metric(
        name, title, unit, formula, ("Standard funnel of lead management",), build,
        ("funnel_day",), stage=("onboarding",), family="lead management", splits=False,
        edge_cases=more.pop("note", _GOALS) + _COMPANY, **more,
    )  # fmt: skip


_RATE: dict[str, Any] = {"divides": True, "spread": "wilson"}

PRODUCT: tuple[Metric, ...] = (
    _make_quality_metric(
        "defects", "Defects", "count", "defects of the period's days", _make_total_query("defects"),
        note="Days on which they were not counted are not in n. ",
    ),
    _make_quality_metric(
        "downtime_seconds", "Downtime", "seconds", "downtime of the period's days",
        _make_total_query("downtime_seconds"),
        note="Days on which it was not measured are not in n. ",
    ),
    _make_quality_metric(
        "response_seconds", "Response time", "seconds",
        "Σ mean of the day × requests of the day ÷ Σ requests", _select_response_time, divides=True,
        note="A day without a number of requests counts as one request. ",
    ),
    _make_funnel_metric("leads", "Leads", "count", "leads of the period's days", _select_leads),
    _make_funnel_metric(
        "conversion_rate", "Conversion rate", "ratio", "conversions ÷ visitors",
        _make_share_query("conversions", "visitors"), **_RATE,
    ),
    _make_funnel_metric(
        "lead_conversion_rate", "Lead conversion rate", "ratio", "conversions ÷ leads",
        _make_share_query("conversions", "leads"), **_RATE,
    ),
    _make_funnel_metric(
        "visitor_to_lead_rate", "Visitors who become leads", "ratio", "leads ÷ visitors",
        _make_share_query("leads", "visitors"), **_RATE,
    ),
    _make_funnel_metric(
        "goal_conversion_rate", "Conversion rate by goal", "ratio",
        "conversions ÷ visitors, for each goal", _make_share_query("conversions", "visitors",
        by_goal=True),
        dimensions=("goal",), **_RATE, note="A goal is what counts as a conversion. ",
    ),
)  # fmt: skip
