"""Probabilities of a customer's next step: churn and expansion."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select

from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.dialects import seconds_between
from cs_sync.metrics.sql.mrr_relations import (
    build_movements,
    select_customers,
    select_grouped_runs,
    select_mrr_pairs,
)
from cs_sync.metrics.sql.relations import (
    count_if,
    get_period_columns,
    get_segment_columns,
    is_known,
    select_period_rows,
    select_totals,
)
from cs_sync.metrics.sql.stock_groups import count_accounts, get_accounts
from cs_sync_schemas.tables import MRR_SPAN

SPAN = MRR_SPAN
_MONTH = 365 * 86_400 // 12
_TENURES = (("00-03 months", 3), ("03-12 months", 12), ("12-24 months", 24))
_LONGEST_TENURE = "24+ months"


def _classify_tenure(seconds: ColumnElement[int]) -> ColumnElement[str]:
    """Classify the time as a customer.

    The upper edge of a class is exclusive.
    """
    whens = [(seconds < months * _MONTH, literal(name)) for name, months in _TENURES]
    return case(*whens, else_=literal(_LONGEST_TENURE))


def _select_hazard(scope: Scope) -> Select[Any]:
    """Select customers at the start by tenure, and the number lost."""
    heads = select_customers(select_mrr_pairs(scope), scope)
    joined = (
        select(SPAN.c.account_id, func.min(SPAN.c.valid_from).label("at"))
        .where(SPAN.c.policy == scope.policy.hash, is_known(scope, SPAN))
        .group_by(SPAN.c.account_id)
        .cte("joined")
    )
    periods = select_period_rows(scope, opens=lambda period: period.starts_at)
    customers = (
        select(
            heads.c.period,
            *get_segment_columns(scope, heads),
            _classify_tenure(seconds_between(joined.c.at, periods.c.opens)).label("dimension_0"),
            heads.c.now,
        )
        .select_from(
            heads.join(periods, periods.c.period == heads.c.period).join(
                joined, joined.c.account_id == heads.c.account_id
            )
        )
        .where(heads.c.was == 1)
        .cte("there")
    )
    left = count_if(customers.c.now == 0)
    return select_totals(scope, customers, numerator=left, denominator=func.count(), n=func.count())


def _select_expanding(scope: Scope) -> Select[Any]:
    """Select customers at the start, and those paying more at the end.

    In any currency left after conversion.
    """
    pairs = select_grouped_runs(scope)
    grew = case((build_movements(pairs)["expansion"] > 0, 1), else_=0)
    marks = get_segment_columns(scope, pairs)
    customers = (
        select(
            *get_period_columns(pairs),
            pairs.c.account_id,
            *marks,
            func.max(pairs.c.had).label("was"),
            func.max(grew).label("grew"),
            func.max(get_accounts(pairs)).label("accounts"),
        )
        .group_by(*get_period_columns(pairs), pairs.c.account_id, *marks)
        .cte("there")
    )
    at_risk = count_accounts(customers, customers.c.was == 1)
    return select_totals(
        scope,
        customers,
        numerator=count_accounts(customers, and_(customers.c.was == 1, customers.c.grew == 1)),
        denominator=at_risk,
        n=at_risk,
    )


HAZARDS: tuple[Metric, ...] = (
    Metric(
        "churn_hazard", "Churn hazard by tenure", "ratio",
        "of customers at the period's start who had been that for so long: those that are none at "
        "its end ÷ all of them",
        ("C. Gold, Fighting Churn with Data", "Life table: the hazard of an interval"),
        _select_hazard,
        BILLING, dimensions=("tenure",), stage=("retention",), strategy=("stability",),
        spread="wilson", divides=True,
        edge_cases="The probability that a customer leaves in the period, by the time since the "
        "first MRR; a gap does not begin it anew. Months are of 365 ÷ 12 days. All classes "
        "together are customer_churn_rate over the customers at the start.",
    ),
    Metric(
        "expanding_customers_rate", "Customers who expanded", "ratio",
        "customers at the period's start with an expansion in it ÷ customers at its start",
        ("ChartMogul help, article 203299912",), _select_expanding, BILLING, stage=("expansion",),
        strategy=("profitability",), spread="wilson", divides=True,
        edge_cases="The probability that a customer grows in the period. Net between both ends of "
        "the period. What an account pays in several currencies is added up in the reporting "
        "currency, at the rates of the period's end; where one has no rate, the account has grown "
        "when it pays more in either.",
    ),
)  # fmt: skip
