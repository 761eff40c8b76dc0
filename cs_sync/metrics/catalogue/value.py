"""What a customer is worth and costs: lifetime value, acquisition, retention, profit."""

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    select,
)

from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.conversion import amounts_in_one_currency
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import customers, mrr_pairs
from cs_sync.metrics.periods import Period
from cs_sync.metrics.relations import count_if, period_rows, present, totals
from cs_sync.metrics.scaling import scaled
from cs_sync_schemas import Cost, table_of

COST = table_of(Cost)
_MONTH_DAYS = 365 / 12
_PURPOSES = ("acquisition", "retention", "service")


def economics(scope: Scope) -> CTE:
    """Per period and currency: revenue, customers and costs side by side.

    Columns: period, currency, months (the period's length), mrr and payers at its end, starters
    and lost (who paid in the currency at its start, and no longer), churn (lost ÷ starters, or
    what the policy puts in its place where nobody was lost), fresh and heads (new and all
    customers, whatever they pay in), acquisition, retention, service (costs; None where there are
    none), costed.
    """
    pairs = mrr_pairs(scope)
    money, heads, costs = _money(pairs), _heads(pairs, scope), _costs(scope)
    keys = (
        select(money.c.period, money.c.currency)
        .union(select(costs.c.period, costs.c.currency))
        .cte("keys")
    )
    months = period_rows(
        scope,
        thousandths=lambda period: round(1000 * _months(period)),
        billionths=lambda period: round(1e9 * _assumed_churn(scope, period)),
    )
    same_money = and_(money.c.period == keys.c.period, money.c.currency == keys.c.currency)
    same_costs = and_(costs.c.period == keys.c.period, costs.c.currency == keys.c.currency)
    return (
        select(
            keys.c.period,
            keys.c.currency,
            (months.c.thousandths / literal(1000.0, Double)).label("months"),
            *(_number(money.c[name]) for name in ("mrr", "payers", "starters", "lost")),
            _churned(money, months).label("churn"),
            *(_number(heads.c[name]) for name in ("fresh", "heads")),
            *(cast(costs.c[name], Double).label(name) for name in _PURPOSES),
            _costed(costs, keys).label("costed"),
        )
        .select_from(keys)
        .join(months, months.c.period == keys.c.period)
        .outerjoin(money, same_money)
        .outerjoin(heads, heads.c.period == keys.c.period)
        .outerjoin(costs, same_costs)
        .cte("economics")
    )


def _assumed_churn(scope: Scope, period: Period) -> float:
    """The policy's rate for periods in which nobody left, over the length of one; 0: none."""
    monthly = scope.policy.churn_rate_without_churn
    return 0.0 if monthly is None else scaled(monthly, 1, _months(period))


def _churned(money: CTE, months: CTE) -> ColumnElement[Any]:
    lost, starters = (cast(money.c[name], Double) for name in ("lost", "starters"))
    assumed = months.c.billionths / literal(1e9, Double)
    rate = case((money.c.lost > 0, lost / divisor(starters)), else_=assumed)
    return case((money.c.starters > 0, rate))


def _costed(costs: CTE, keys: CTE) -> ColumnElement[int]:
    """1 in a period with costs of any currency; without them nothing can be said of profit."""
    other = costs.alias("any_costs")
    return case((exists().where(other.c.period == keys.c.period), 1), else_=0)


def divisor(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column where it is not nought. NULLIF would do, but DuckDB rounds what it returns."""
    return case((column != 0, column))


def _number(column: ColumnElement[Any]) -> ColumnElement[float]:
    return cast(func.coalesce(column, 0), Double).label(column.name)


def _months(period: Period) -> float:
    """The length of a period in months; of days and weeks as shares of a mean month."""
    if _whole_months(period):
        return (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
    return period.days / _MONTH_DAYS


def _whole_months(period: Period) -> bool:
    return period.start.day == 1 and period.end.day == 1


def _money(pairs: CTE) -> CTE:
    return (
        select(
            pairs.c.period,
            pairs.c.currency,
            func.sum(pairs.c.cur).label("mrr"),
            count_if(pairs.c.cur > 0).label("payers"),
            count_if(pairs.c.had == 1).label("starters"),
            count_if(and_(pairs.c.had == 1, pairs.c.has == 0)).label("lost"),
        )
        .group_by(pairs.c.period, pairs.c.currency)
        .cte("money")
    )


def _heads(pairs: CTE, scope: Scope) -> CTE:
    accounts = customers(pairs, scope)
    fresh = and_(accounts.c.seen == 0, accounts.c.now == 1)
    return (
        select(
            accounts.c.period,
            count_if(fresh).label("fresh"),
            func.sum(accounts.c.now).label("heads"),
        )
        .group_by(accounts.c.period)
        .cte("heads")
    )


def months_of_costs(scope: Scope) -> tuple[CTE, ColumnElement[bool]]:
    """The periods, and which months of `COST` lie in them; a day or a week holds none."""

    def since(period: Period) -> date:
        return period.start if _whole_months(period) else period.end

    periods = period_rows(scope, since=since, until=lambda period: period.end)
    return periods, and_(COST.c.month >= periods.c.since, COST.c.month < periods.c.until)


def _costs(scope: Scope) -> CTE:
    """Costs of each period by purpose and currency."""
    periods, inside = months_of_costs(scope)
    rows = (
        select(periods.c.period, COST.c.purpose, COST.c.currency, COST.c.amount)
        .select_from(periods.join(COST, inside))
        .where(present(scope, COST))
        .cte("cost_rows")
    )
    rows = amounts_in_one_currency(scope, rows)
    sums = (
        func.sum(case((rows.c.purpose == purpose, rows.c.amount))).label(purpose)
        for purpose in _PURPOSES
    )
    return (
        select(rows.c.period, rows.c.currency, *sums)
        .group_by(rows.c.period, rows.c.currency)
        .cte("costs")
    )


Column = Callable[[CTE, Scope], ColumnElement[Any]]


def _margin(e: CTE, scope: Scope) -> ColumnElement[Any]:
    """Gross margin: as set, or 1 − cost of service ÷ revenue; None without either."""
    given = scope.settings["gross_margin"]
    if given is not None:
        return literal(float(given), Double)
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
    costs = [func.coalesce(e.c[purpose], 0) for purpose in _PURPOSES]
    profit = e.c.mrr * e.c.months - costs[0] - costs[1] - costs[2]
    return case((e.c.costed == 1, profit))


def _built(top: Column, bottom: Column | None, n: str) -> Callable[[Scope], Select[Any]]:
    def build(scope: Scope) -> Select[Any]:
        e = economics(scope)
        return totals(
            scope,
            e,
            numerator=func.max(top(e, scope)),
            denominator=None if bottom is None else func.max(bottom(e, scope)),
            n=func.max(e.c[n]),
            currency=True,
        )

    return build


_MARGIN = {"gross_margin": None}
_BY_COST = (
    "What has no rate to the reporting currency stays in its own: costs of a currency over "
    "customers whatever they pay in, so that the rows of several currencies add up. Costs are "
    "monthly; days and weeks have none."
)
_BY_MARGIN = (
    "Gross margin as set, or else 1 − cost of service ÷ MRR in the same currency; undefined "
    "without either. "
)


def _value(
    name: str, title: str, unit: Any, formula: str, source: str, build: Any, note: str, **more: Any
) -> Metric:
    return Metric(
        name, title, unit, formula, (source,), build, ("cost", *BILLING), stage=("expansion",),
        strategy=("profitability",), family="customer return", divides=more.pop("divides", True),
        splits=False, edge_cases=note, **more,
    )  # fmt: skip


VALUE: tuple[Metric, ...] = (
    _value(
        "ltv", "Lifetime value", "money_minor",
        "revenue per account in the period × gross margin ÷ customer churn rate of the period",
        "ChartMogul help, article 203359061; D. Skok, SaaS Metrics 2.0",
        _built(_gross_profit, _churn, "starters"),
        _BY_MARGIN + "Undefined when nobody left, not infinite, unless the policy puts a rate in "
        "place of none.", settings=_MARGIN,
    ),
    _value(
        "ltv_revenue", "Lifetime revenue", "money_minor",
        "revenue per account in the period ÷ customer churn rate of the period",
        "ChartMogul help, article 203359061", _built(_revenue, _churn, "starters"),
        "Lifetime value without its costs. Undefined when nobody left.",
    ),
    _value(
        "cac", "Customer acquisition cost", "money_minor",
        "cost of acquisition in the period ÷ new customers in the period",
        "D. Skok, SaaS Metrics 2.0",
        _built(lambda e, _: e.c.acquisition, lambda e, _: e.c.fresh, "fresh"), _BY_COST,
    ),
    _value(
        "ltv_cac", "LTV to CAC", "ratio", "lifetime value ÷ customer acquisition cost",
        "D. Skok, SaaS Metrics 2.0", _built(_ltv, _cac, "fresh"),
        _BY_MARGIN + "3 is the usual target; below 1 an account costs more than it brings.",
        settings=_MARGIN,
    ),
    _value(
        "cac_payback_months", "CAC payback in months", "count",
        "customer acquisition cost ÷ (MRR per account × gross margin)",
        "D. Skok, SaaS Metrics 2.0",
        _built(_cac, lambda e, scope: _gross_profit(e, scope) / e.c.months, "fresh"), _BY_MARGIN,
        settings=_MARGIN,
    ),
    _value(
        "crc", "Customer retention cost", "money_minor",
        "cost of retention in the period ÷ customers at its end",
        "Five cost lines: salaries, engagement programmes, services, training, marketing",
        _built(lambda e, _: e.c.retention, lambda e, _: e.c.heads, "heads"), _BY_COST,
    ),
    _value(
        "ltv_crc", "LTV to CRC", "ratio",
        "lifetime value ÷ (customer retention cost × lifetime in periods)",
        "Both sides over one lifetime, which cancels out",
        _built(_gross_profit, _crc, "heads"), _BY_MARGIN, settings=_MARGIN,
    ),
    _value(
        "saas_profit", "SaaS profit", "money_minor",
        "customers × (recurring revenue − recurring cost per customer) − new customers × "
        "acquisition cost", "J. York, Chaotic Flow", _built(_profit, None, "heads"),
        "MRR at the period's end × its months, less every cost of the period; undefined in a "
        "period without any. " + _BY_COST,
        divides=False,
    ),
)  # fmt: skip
