"""Unit economics: revenue, customers and costs per period, the basis of value metrics."""

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    FromClause,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.sql.currency_conversion import convert_rows
from cs_sync.metrics.sql.mrr_relations import select_mrr_pairs
from cs_sync.metrics.sql.relations import count_if, is_present, select_period_rows
from cs_sync.metrics.sql.scaling import scale_rate
from cs_sync.metrics.sql.shared_parts import share_part
from cs_sync_schemas.tables import COST

PURPOSES = ("acquisition", "retention", "service")
_MONTH_DAYS = 365 / 12


def select_economics(scope: Scope, pairs: CTE | None = None) -> FromClause:
    """Select revenue, customers and costs per period and currency.

    Columns: period, currency, months (the period's length), mrr, squares (Σ of the
    accounts' squared MRR) and payers at its end, starters and lost (payers in the currency
    at its start, and those no longer), churn (lost ÷ starters, or the policy's substitute
    if nobody was lost), fresh and heads (accounts acquired in the period and customers at
    its end, in any currency), acquisition, retention, service (costs; None if there are
    none), costed (1 in periods with any costs).

    Args:
        scope: The scope.
        pairs: The pairs of `select_mrr_pairs`, if already built.
    """

    def build() -> Select[Any]:
        return _select_economics(scope, select_mrr_pairs(scope) if pairs is None else pairs)

    return share_part(scope, "economics", build)


def _select_economics(scope: Scope, pairs: CTE) -> Select[Any]:
    """Select the rows of `select_economics`."""
    money, heads, costs = _select_money(pairs), _select_heads(pairs, scope), _select_costs(scope)
    keys = _select_keys(money, costs)
    months = select_period_rows(
        scope,
        thousandths=lambda period: round(1000 * _count_months(period)),
        billionths=lambda period: round(1e9 * _get_assumed_churn(scope, period)),
    )
    same_money = and_(money.c.period == keys.c.period, money.c.currency == keys.c.currency)
    same_costs = and_(costs.c.period == keys.c.period, costs.c.currency == keys.c.currency)
    return (
        select(
            keys.c.period,
            keys.c.currency,
            (months.c.thousandths / literal(1000.0, Double)).label("months"),
            *(
                _coalesce_number(money.c[name])
                for name in ("mrr", "squares", "payers", "starters", "lost")
            ),
            _build_churn_rate(money, months).label("churn"),
            *(_coalesce_number(heads.c[name]) for name in ("fresh", "heads")),
            *(cast(costs.c[name], Double).label(name) for name in PURPOSES),
            _has_costs(costs, keys).label("costed"),
        )
        .select_from(keys)
        .join(months, months.c.period == keys.c.period)
        .outerjoin(money, same_money)
        .outerjoin(heads, heads.c.period == keys.c.period)
        .outerjoin(costs, same_costs)
    )


def _select_keys(money: CTE, costs: CTE) -> CTE:
    """Select each period and currency with money or costs."""
    columns = [select(table.c.period, table.c.currency) for table in (money, costs)]
    return columns[0].union(columns[1]).cte("keys")


def _get_assumed_churn(scope: Scope, period: Period) -> float:
    """Return the policy's churn rate for periods without churn.

    Per period; 0 if the policy has none.
    """
    monthly = scope.policy.churn_rate_without_churn
    return 0.0 if monthly is None else scale_rate(monthly, 1, _count_months(period))


def _build_churn_rate(money: CTE, months: CTE) -> ColumnElement[Any]:
    lost, starters = (cast(money.c[name], Double) for name in ("lost", "starters"))
    assumed = months.c.billionths / literal(1e9, Double)
    rate = case((money.c.lost > 0, lost / null_if_zero(starters)), else_=assumed)
    return case((money.c.starters > 0, rate))


def _has_costs(costs: CTE, keys: CTE) -> ColumnElement[int]:
    """Return 1 in a period with costs of any currency."""
    other = costs.alias("any_costs")
    return case((exists().where(other.c.period == keys.c.period), 1), else_=0)


def null_if_zero(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column, or null if it is 0.

    NULLIF would do, but DuckDB rounds its result.
    """
    return case((column != 0, column))


def _coalesce_number(column: ColumnElement[Any]) -> ColumnElement[float]:
    return func.coalesce(cast(column, Double), 0.0).label(column.name)


def _count_months(period: Period) -> float:
    """Return the length of a period in months.

    Days and weeks count as shares of a mean month.
    """
    if _is_whole_months(period):
        return (period.end.year - period.start.year) * 12 + period.end.month - period.start.month
    return period.days / _MONTH_DAYS


def _is_whole_months(period: Period) -> bool:
    return period.start.day == 1 and period.end.day == 1


def _select_money(pairs: CTE) -> CTE:
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


def _select_heads(pairs: CTE, scope: Scope) -> CTE:
    """Select new payers and customers per period, including payers already lost."""
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


def match_cost_months(scope: Scope) -> tuple[CTE, ColumnElement[bool]]:
    """Return the periods, and the condition for months of `COST` in them.

    A day or a week contains none.
    """

    def since(period: Period) -> date:
        return period.start if _is_whole_months(period) else period.end

    periods = select_period_rows(scope, since=since, until=lambda period: period.end)
    return periods, and_(COST.c.month >= periods.c.since, COST.c.month < periods.c.until)


def _select_costs(scope: Scope) -> CTE:
    """Select the costs of each period by purpose and currency."""
    periods, inside = match_cost_months(scope)
    rows = (
        select(periods.c.period, COST.c.purpose, COST.c.currency, COST.c.amount)
        .select_from(periods.join(COST, inside))
        .where(is_present(COST, scope.known_at))
        .cte("cost_rows")
    )
    rows = convert_rows(scope, rows)
    sums = (
        func.sum(case((rows.c.purpose == purpose, rows.c.amount))).label(purpose)
        for purpose in PURPOSES
    )
    return (
        select(rows.c.period, rows.c.currency, *sums)
        .group_by(rows.c.period, rows.c.currency)
        .cte("costs")
    )
