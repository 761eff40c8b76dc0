"""Customer value and cost: lifetime value, acquisition, retention, profit."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    FromClause,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    select,
)

from cs_sync.metrics.catalogue.economics import PURPOSES, null_if_zero, select_economics
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.mrr_relations import select_mrr_pairs
from cs_sync.metrics.sql.relations import count_if, get_segment_columns, select_totals

ColumnBuilder = Callable[[FromClause, Scope], ColumnElement[Any]]


def _build_margin(e: FromClause, scope: Scope) -> ColumnElement[Any]:
    """Build the gross margin: the setting, else from costs, else null."""
    if scope.gross_margin is not None:
        return literal(scope.gross_margin, Double)
    return 1 - e.c.service / null_if_zero(e.c.mrr * e.c.months)


def _build_revenue(e: FromClause, _: Scope) -> ColumnElement[Any]:
    """Build the revenue per account over the period."""
    return e.c.mrr * e.c.months / null_if_zero(e.c.payers)


def _build_gross_profit(e: FromClause, scope: Scope) -> ColumnElement[Any]:
    return _build_revenue(e, scope) * _build_margin(e, scope)


def _build_churn(e: FromClause, _: Scope) -> ColumnElement[Any]:
    return e.c.churn


def _build_cac(e: FromClause, _: Scope) -> ColumnElement[Any]:
    return e.c.acquisition / null_if_zero(e.c.fresh)


def _build_crc(e: FromClause, _: Scope) -> ColumnElement[Any]:
    return e.c.retention / null_if_zero(e.c.heads)


def _build_ltv(e: FromClause, scope: Scope) -> ColumnElement[Any]:
    return _build_gross_profit(e, scope) / null_if_zero(_build_churn(e, scope))


def _build_profit(e: FromClause, _: Scope) -> ColumnElement[Any]:
    costs = [func.coalesce(e.c[purpose], 0.0) for purpose in PURPOSES]
    profit = e.c.mrr * e.c.months - costs[0] - costs[1] - costs[2]
    return case((e.c.costed == 1, profit))


def _build_revenue_variance(e: FromClause) -> ColumnElement[Any]:
    """Build the relative variance of mean revenue: s² ÷ (n × mean²)."""
    n, total = e.c.payers, e.c.mrr
    about_the_mean = e.c.squares / (null_if_zero(total) * total) - 1 / null_if_zero(n)
    return case((n > 1, about_the_mean * n / (n - 1)))


def _build_churn_variance(e: FromClause) -> ColumnElement[Any]:
    """Build the relative variance of a share; the policy's substitute has none."""
    share = 1 / null_if_zero(e.c.lost) - 1 / null_if_zero(e.c.starters)
    return case((e.c.lost > 0, share), else_=0.0)


def _build_arrival_variance(e: FromClause) -> ColumnElement[Any]:
    """Build the relative variance of a number of events."""
    return 1 / null_if_zero(e.c.fresh)


VarianceBuilder = Callable[[FromClause], ColumnElement[Any]]


def _make_quotient_query(
    top: ColumnBuilder, bottom: ColumnBuilder | None, n: str, vary: tuple[VarianceBuilder, ...] = ()
) -> Callable[[Scope], Select[Any]]:
    """Make a query of a quotient.

    Relative variances of independent parts add up.
    """

    def build(scope: Scope) -> Select[Any]:
        e = select_economics(scope)
        spread = [part(e) for part in vary]
        variance = {"variance": func.max(sum(spread[1:], spread[0]))} if spread else {}
        return select_totals(
            scope,
            e,
            numerator=func.max(top(e, scope)),
            denominator=None if bottom is None else func.max(bottom(e, scope)),
            n=func.max(e.c[n]),
            currency=True,
            **variance,
        )

    return build


def _select_retention_budget(scope: Scope) -> Select[Any]:
    """Select the budget for retention per segment.

    It is gross profit ÷ the target ratio − cost of retention. Only the segment's payers count.
    """
    pairs = select_mrr_pairs(scope)
    e = select_economics(scope, pairs)
    marks = get_segment_columns(scope, pairs)
    paying = (
        select(
            pairs.c.period,
            *marks,
            pairs.c.currency,
            cast(func.sum(pairs.c.cur), Double).label("mrr"),
            cast(count_if(pairs.c.cur > 0), Double).label("payers"),
        )
        .group_by(pairs.c.period, *marks, pairs.c.currency)
        .cte("paying")
    )
    same = and_(e.c.period == paying.c.period, e.c.currency == paying.c.currency)
    target = literal(float(scope.settings["ltv_crc_target"]), Double)
    may_cost = paying.c.mrr * e.c.months * _build_margin(e, scope) / target
    rows = (
        select(
            paying.c.period,
            *get_segment_columns(scope, paying),
            paying.c.currency,
            (may_cost - _build_crc(e, scope) * paying.c.payers).label("left"),
            paying.c.payers,
        )
        .select_from(paying.join(e, same))
        .cte("budgets")
    )
    payers = func.max(rows.c.payers)
    return select_totals(
        scope, rows, numerator=func.max(rows.c.left), denominator=payers, n=payers, currency=True
    )


_COST_NOTE = (
    "What has no rate to the reporting currency stays in its own: costs of a currency over "
    "customers whatever they pay in, so that the rows of several currencies add up. Costs are "
    "monthly; days and weeks have none."
)
_ACQUIRED_NOTE = (
    "Acquired is who first paid in the period, also who has left since, so that the months of a "
    "year add up; where the policy drops who came and left, so does this. "
)
_MARGIN_NOTE = (
    "Gross margin is `[metrics] gross_margin`, one for all, or else 1 − cost of service ÷ MRR in "
    "the same currency; undefined without either. "
)


def _make_value_metric(
    name: str,
    title: str,
    unit: Any,
    formula: str,
    source: str,
    build: Any,
    **more: Any,
) -> Metric:
    return Metric(
        name, title, unit, formula, (source,), build, ("cost", *BILLING), stage=("expansion",),
        strategy=("profitability",), family="customer ROI", divides=more.pop("divides", True),
        splits=more.pop("splits", False), **more,
    )  # fmt: skip


VALUE: tuple[Metric, ...] = (
    _make_value_metric(
        "ltv", "Lifetime value", "money_minor",
        "revenue per account in the period × gross margin ÷ customer churn rate of the period",
        "ChartMogul help, article 203359061; D. Skok, SaaS Metrics 2.0",
        _make_quotient_query(_build_gross_profit, _build_churn, "starters",
        (_build_revenue_variance, _build_churn_variance)),
        spread="log",
        edge_cases=_MARGIN_NOTE + "Undefined when nobody left, not infinite, unless the policy "
        "puts a rate in place of none.",
    ),
    _make_value_metric(
        "ltv_revenue", "Lifetime revenue", "money_minor",
        "revenue per account in the period ÷ customer churn rate of the period",
        "ChartMogul help, article 203359061",
        _make_quotient_query(_build_revenue, _build_churn, "starters", (_build_revenue_variance,
        _build_churn_variance)), spread="log",
        edge_cases="Lifetime value without its costs. Undefined when nobody left.",
    ),
    _make_value_metric(
        "cac", "Customer acquisition cost", "money_minor",
        "cost of acquisition in the period ÷ customers acquired in the period",
        "D. Skok, SaaS Metrics 2.0",
        _make_quotient_query(lambda e, _: e.c.acquisition, lambda e, _: e.c.fresh, "fresh",
        (_build_arrival_variance,)),
        spread="log", edge_cases=_ACQUIRED_NOTE + _COST_NOTE,
    ),
    _make_value_metric(
        "ltv_cac", "LTV to CAC", "ratio", "lifetime value ÷ customer acquisition cost",
        "D. Skok, SaaS Metrics 2.0",
        _make_quotient_query(_build_ltv, _build_cac, "fresh", (_build_revenue_variance,
        _build_churn_variance, _build_arrival_variance)), spread="log",
        edge_cases=_ACQUIRED_NOTE + _MARGIN_NOTE + "A multiple, not a share. 3 is the usual "
        "target; below 1 an account costs more than it brings.",
    ),
    _make_value_metric(
        "cac_payback_months", "CAC payback in months", "count",
        "customer acquisition cost ÷ (MRR per account × gross margin)",
        "D. Skok, SaaS Metrics 2.0",
        _make_quotient_query(
            _build_cac, lambda e, scope: _build_gross_profit(e, scope) / e.c.months, "fresh",
            (_build_revenue_variance, _build_arrival_variance),
        ),
        spread="log", edge_cases=_ACQUIRED_NOTE + _MARGIN_NOTE,
    ),
    _make_value_metric(
        "crc", "Customer retention cost", "money_minor",
        "cost of retention in the period ÷ customers at its end",
        "Five cost lines: salaries, engagement programmes, services, training, marketing",
        _make_quotient_query(lambda e, _: e.c.retention, lambda e, _: e.c.heads, "heads"),
        edge_cases=_COST_NOTE,
    ),
    _make_value_metric(
        "ltv_crc", "LTV to CRC", "ratio",
        "lifetime value ÷ (customer retention cost × lifetime in periods)",
        "Both sides over one lifetime, which cancels out",
        _make_quotient_query(_build_gross_profit, _build_crc, "heads", (_build_revenue_variance,)),
        spread="log",
        edge_cases=_MARGIN_NOTE + "A multiple, not a share. ",
    ),
    _make_value_metric(
        "retention_budget", "Retention budget per customer", "money_minor",
        "revenue per account in the period × gross margin ÷ 3 − customer retention cost",
        "LTV to CRC, solved for the cost at the ratio aimed at",
        _select_retention_budget, settings={"ltv_crc_target": 3}, splits=True,
        edge_cases=_MARGIN_NOTE + "What may be spent in the period on keeping a customer, beside "
        "what is spent already, until lifetime value is 3 times the cost of retention. Both last "
        "one lifetime, which cancels out. Below 0: too much is spent. By --by, the revenue is the "
        "segment's, margin and cost of retention are the company's; the numerator is the budget "
        "of all its customers. Undefined without costs of retention.",
    ),
    _make_value_metric(
        "saas_profit", "SaaS profit", "money_minor",
        "customers × (recurring revenue − recurring cost per customer) − new customers × "
        "acquisition cost", "J. York, Chaotic Flow", _make_quotient_query(_build_profit, None,
        "heads"),
        edge_cases="MRR at the period's end × its months, less every cost of the period; undefined "
        "in a period without any. " + _COST_NOTE,
        divides=False,
    ),
)  # fmt: skip
