"""Revenue, customers and costs of a period side by side: what value is made of."""

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)

from cs_sync.metrics.conversion import amounts_in_one_currency
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.mrr_relations import mrr_pairs
from cs_sync.metrics.periods import Period
from cs_sync.metrics.relations import count_if, period_rows, present
from cs_sync.metrics.scaling import scaled
from cs_sync_schemas import Cost, table_of

COST = table_of(Cost)
PURPOSES = ("acquisition", "retention", "service")
_MONTH_DAYS = 365 / 12


def economics(scope: Scope, pairs: CTE | None = None) -> CTE:
    """Per period and currency: revenue, customers and costs side by side.

    Columns: period, currency, months (the period's length), mrr, squares (Σ of the accounts'
    squared MRR) and payers at its end, starters
    and lost (who paid in the currency at its start, and no longer), churn (lost ÷ starters, or
    what the policy puts in its place where nobody was lost), fresh and heads (those acquired in
    the period and the customers at its end, whatever they pay in), acquisition, retention, service
    (costs; None where there are none), costed.
    """
    pairs = mrr_pairs(scope) if pairs is None else pairs
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
            *(_number(money.c[name]) for name in ("mrr", "squares", "payers", "starters", "lost")),
            _churned(money, months).label("churn"),
            *(_number(heads.c[name]) for name in ("fresh", "heads")),
            *(cast(costs.c[name], Double).label(name) for name in PURPOSES),
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
            func.sum(cast(pairs.c.cur, Double) * pairs.c.cur).label("squares"),
            count_if(pairs.c.cur > 0).label("payers"),
            count_if(pairs.c.had == 1).label("starters"),
            count_if(and_(pairs.c.had == 1, pairs.c.has == 0)).label("lost"),
        )
        .group_by(pairs.c.period, pairs.c.currency)
        .cte("money")
    )


def _heads(pairs: CTE, scope: Scope) -> CTE:
    """Per period the accounts that first paid in it, also who has left since, and customers."""
    pays = pairs.c.cur > 0
    if scope.policy.came_and_left != "dropped":
        pays = or_(pays, pairs.c.between > 0)
    accounts = (
        select(
            pairs.c.period,
            func.max(pairs.c.seen).label("seen"),
            func.max(case((pays, 1), else_=0)).label("paid"),
            func.max(pairs.c.has).label("now"),
        )
        .group_by(pairs.c.period, pairs.c.account_id)
        .cte("accounts_of_period")
    )
    return (
        select(
            accounts.c.period,
            count_if(and_(accounts.c.seen == 0, accounts.c.paid == 1)).label("fresh"),
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
        for purpose in PURPOSES
    )
    return (
        select(rows.c.period, rows.c.currency, *sums)
        .group_by(rows.c.period, rows.c.currency)
        .cte("costs")
    )
