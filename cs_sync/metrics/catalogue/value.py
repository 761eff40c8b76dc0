"""What a customer is worth and costs: lifetime value, acquisition, retention, profit."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import CTE, ColumnElement, Double, Select, and_, case, cast, func, literal, select

from cs_sync.metrics.catalogue.economics import PURPOSES, divisor, economics
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import mrr_pairs
from cs_sync.metrics.relations import count_if, marks_of, totals

Column = Callable[[CTE, Scope], ColumnElement[Any]]


def _margin(e: CTE, scope: Scope) -> ColumnElement[Any]:
    """Gross margin: as set, or 1 − cost of service ÷ revenue; None without either."""
    if scope.gross_margin is not None:
        return literal(scope.gross_margin, Double)
    return 1 - e.c.service / divisor(e.c.mrr * e.c.months)


def _revenue(e: CTE, _: Scope) -> ColumnElement[Any]:
    """Revenue per account over the period."""
    return e.c.mrr * e.c.months / divisor(e.c.payers)


def _gross_profit(e: CTE, scope: Scope) -> ColumnElement[Any]:
    return _revenue(e, scope) * _margin(e, scope)


def _churn(e: CTE, _: Scope) -> ColumnElement[Any]:
    return e.c.churn


def _cac(e: CTE, _: Scope) -> ColumnElement[Any]:
    return e.c.acquisition / divisor(e.c.fresh)


def _crc(e: CTE, _: Scope) -> ColumnElement[Any]:
    return e.c.retention / divisor(e.c.heads)


def _ltv(e: CTE, scope: Scope) -> ColumnElement[Any]:
    return _gross_profit(e, scope) / divisor(_churn(e, scope))


def _profit(e: CTE, _: Scope) -> ColumnElement[Any]:
    costs = [func.coalesce(e.c[purpose], 0) for purpose in PURPOSES]
    profit = e.c.mrr * e.c.months - costs[0] - costs[1] - costs[2]
    return case((e.c.costed == 1, profit))


def _vary_revenue(e: CTE) -> ColumnElement[Any]:
    """Relative variance of the mean revenue of accounts: s² ÷ (n × mean²)."""
    n, total = e.c.payers, e.c.mrr
    about_the_mean = e.c.squares / (divisor(total) * total) - 1 / divisor(n)
    return case((n > 1, about_the_mean * n / (n - 1)))


def _vary_churn(e: CTE) -> ColumnElement[Any]:
    """Relative variance of a share; what the policy puts in its place has none."""
    share = 1 / divisor(e.c.lost) - 1 / divisor(e.c.starters)
    return case((e.c.lost > 0, share), else_=0.0)


def _vary_arrivals(e: CTE) -> ColumnElement[Any]:
    """Relative variance of a number of events."""
    return 1 / divisor(e.c.fresh)


Vary = Callable[[CTE], ColumnElement[Any]]


def _built(
    top: Column, bottom: Column | None, n: str, vary: tuple[Vary, ...] = ()
) -> Callable[[Scope], Select[Any]]:
    """The quotient; relative variances of its independent parts add up."""

    def build(scope: Scope) -> Select[Any]:
        e = economics(scope)
        spread = [part(e) for part in vary]
        variance = {"variance": func.max(sum(spread[1:], spread[0]))} if spread else {}
        return totals(
            scope,
            e,
            numerator=func.max(top(e, scope)),
            denominator=None if bottom is None else func.max(bottom(e, scope)),
            n=func.max(e.c[n]),
            currency=True,
            **variance,
        )

    return build


def _budget(scope: Scope) -> Select[Any]:
    """Gross profit ÷ the ratio aimed at, less the cost of retention, of each segment's payers."""
    pairs = mrr_pairs(scope)
    e = economics(scope, pairs)
    marks = marks_of(scope, pairs)
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
    may_cost = paying.c.mrr * e.c.months * _margin(e, scope) / target
    rows = (
        select(
            paying.c.period,
            *marks_of(scope, paying),
            paying.c.currency,
            (may_cost - _crc(e, scope) * paying.c.payers).label("left"),
            paying.c.payers,
        )
        .select_from(paying.join(e, same))
        .cte("budgets")
    )
    payers = func.max(rows.c.payers)
    return totals(
        scope, rows, numerator=func.max(rows.c.left), denominator=payers, n=payers, currency=True
    )


_BY_COST = (
    "What has no rate to the reporting currency stays in its own: costs of a currency over "
    "customers whatever they pay in, so that the rows of several currencies add up. Costs are "
    "monthly; days and weeks have none."
)
_ACQUIRED = (
    "Acquired is who first paid in the period, also who has left since, so that the months of a "
    "year add up; where the policy drops who came and left, so does this. "
)
_BY_MARGIN = (
    "Gross margin is `[metrics] gross_margin`, one for all, or else 1 − cost of service ÷ MRR in "
    "the same currency; undefined without either. "
)


def _value(
    name: str,
    title: str,
    unit: Any,
    formula: str,
    source: str,
    build: Any,
    *,
    note: str,
    **more: Any,
) -> Metric:
    return Metric(
        name, title, unit, formula, (source,), build, ("cost", *BILLING), stage=("expansion",),
        strategy=("profitability",), family="customer ROI", divides=more.pop("divides", True),
        splits=more.pop("splits", False), edge_cases=note, **more,
    )  # fmt: skip


VALUE: tuple[Metric, ...] = (
    _value(
        "ltv", "Lifetime value", "money_minor",
        "revenue per account in the period × gross margin ÷ customer churn rate of the period",
        "ChartMogul help, article 203359061; D. Skok, SaaS Metrics 2.0",
        _built(_gross_profit, _churn, "starters", (_vary_revenue, _vary_churn)),
        spread="log",
        note=_BY_MARGIN + "Undefined when nobody left, not infinite, unless the policy puts a rate "
        "in place of none.",
    ),
    _value(
        "ltv_revenue", "Lifetime revenue", "money_minor",
        "revenue per account in the period ÷ customer churn rate of the period",
        "ChartMogul help, article 203359061",
        _built(_revenue, _churn, "starters", (_vary_revenue, _vary_churn)), spread="log",
        note="Lifetime value without its costs. Undefined when nobody left.",
    ),
    _value(
        "cac", "Customer acquisition cost", "money_minor",
        "cost of acquisition in the period ÷ customers acquired in the period",
        "D. Skok, SaaS Metrics 2.0",
        _built(lambda e, _: e.c.acquisition, lambda e, _: e.c.fresh, "fresh", (_vary_arrivals,)),
        spread="log", note=_ACQUIRED + _BY_COST,
    ),
    _value(
        "ltv_cac", "LTV to CAC", "ratio", "lifetime value ÷ customer acquisition cost",
        "D. Skok, SaaS Metrics 2.0",
        _built(_ltv, _cac, "fresh", (_vary_revenue, _vary_churn, _vary_arrivals)), spread="log",
        note=_ACQUIRED + _BY_MARGIN + "A multiple, not a share. 3 is the usual target; below 1 an "
        "account costs more than it brings.",
    ),
    _value(
        "cac_payback_months", "CAC payback in months", "count",
        "customer acquisition cost ÷ (MRR per account × gross margin)",
        "D. Skok, SaaS Metrics 2.0",
        _built(
            _cac, lambda e, scope: _gross_profit(e, scope) / e.c.months, "fresh",
            (_vary_revenue, _vary_arrivals),
        ),
        spread="log", note=_ACQUIRED + _BY_MARGIN,
    ),
    _value(
        "crc", "Customer retention cost", "money_minor",
        "cost of retention in the period ÷ customers at its end",
        "Five cost lines: salaries, engagement programmes, services, training, marketing",
        _built(lambda e, _: e.c.retention, lambda e, _: e.c.heads, "heads"), note=_BY_COST,
    ),
    _value(
        "ltv_crc", "LTV to CRC", "ratio",
        "lifetime value ÷ (customer retention cost × lifetime in periods)",
        "Both sides over one lifetime, which cancels out",
        _built(_gross_profit, _crc, "heads", (_vary_revenue,)), spread="log",
        note=_BY_MARGIN + "A multiple, not a share. ",
    ),
    _value(
        "retention_budget", "Retention budget per customer", "money_minor",
        "revenue per account in the period × gross margin ÷ 3 − customer retention cost",
        "LTV to CRC, solved for the cost at the ratio aimed at",
        _budget, settings={"ltv_crc_target": 3}, splits=True,
        note=_BY_MARGIN + "What may be spent in the period on keeping a customer, beside what is "
        "spent already, until lifetime value is 3 times the cost of retention. Both last one "
        "lifetime, which cancels out. Below 0: too much is spent. By --by, the revenue is the "
        "segment's, margin and cost of retention are the company's; the numerator is the budget "
        "of all its customers. Undefined without costs of retention.",
    ),
    _value(
        "saas_profit", "SaaS profit", "money_minor",
        "customers × (recurring revenue − recurring cost per customer) − new customers × "
        "acquisition cost", "J. York, Chaotic Flow", _built(_profit, None, "heads"),
        note="MRR at the period's end × its months, less every cost of the period; undefined in a "
        "period without any. " + _BY_COST,
        divides=False,
    ),
)  # fmt: skip
