"""What customers do next, as probabilities: how many of those who were there left, or grew."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select

from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import customers, movement, mrr_pairs
from cs_sync.metrics.portable import seconds_between
from cs_sync.metrics.relations import count_if, known, marks_of, period_rows, totals
from cs_sync_schemas import MrrSpan, table_of

SPAN = table_of(MrrSpan)
_MONTH = 365 * 86_400 // 12
_TENURES = (("00-03 months", 3), ("03-12 months", 12), ("12-24 months", 24))
_LONGER = "24+ months"


def _tenure(seconds: ColumnElement[int]) -> ColumnElement[str]:
    """How long somebody has been a customer, in classes with their upper edges left out."""
    whens = [(seconds < months * _MONTH, literal(name)) for name, months in _TENURES]
    return case(*whens, else_=literal(_LONGER))


def _hazard(scope: Scope) -> Select[Any]:
    """Customers at the start by how long they had been that, and how many of them left."""
    heads = customers(mrr_pairs(scope), scope)
    joined = (
        select(SPAN.c.account_id, func.min(SPAN.c.valid_from).label("at"))
        .where(SPAN.c.policy == scope.policy.hash, known(scope, SPAN))
        .group_by(SPAN.c.account_id)
        .cte("joined")
    )
    periods = period_rows(scope, opens=lambda period: period.starts_at)
    there = (
        select(
            heads.c.period,
            *marks_of(scope, heads),
            _tenure(seconds_between(joined.c.at, periods.c.opens)).label("dimension_0"),
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
    left = count_if(there.c.now == 0)
    return totals(scope, there, numerator=left, denominator=func.count(), n=func.count())


def _growing(scope: Scope) -> Select[Any]:
    """Customers at the start, and how many of them paid more at the end, in any currency left."""
    pairs = mrr_pairs(scope)
    grew = case((movement(pairs)["expansion"] > 0, 1), else_=0)
    marks = marks_of(scope, pairs)
    there = (
        select(
            pairs.c.period,
            pairs.c.account_id,
            *marks,
            func.max(pairs.c.had).label("was"),
            func.max(grew).label("grew"),
        )
        .group_by(pairs.c.period, pairs.c.account_id, *marks)
        .cte("there")
    )
    return totals(
        scope,
        there,
        numerator=count_if(and_(there.c.was == 1, there.c.grew == 1)),
        denominator=func.sum(there.c.was),
        n=func.sum(there.c.was),
    )


CHANCES: tuple[Metric, ...] = (
    Metric(
        "churn_hazard", "Churn hazard by tenure", "ratio",
        "of customers at the period's start who had been that for so long: those that are none at "
        "its end ÷ all of them",
        ("C. Gold, Fighting Churn with Data", "Life table: the hazard of an interval"), _hazard,
        BILLING, dimensions=("tenure",), stage=("retention",), strategy=("stability",),
        spread="wilson", divides=True,
        edge_cases="The probability that a customer leaves in the period, by the time since the "
        "first MRR; a gap does not begin it anew. Months are of 365 ÷ 12 days. All classes "
        "together are customer_churn_rate over the customers at the start.",
    ),
    Metric(
        "expanding_customers_rate", "Customers who expanded", "ratio",
        "customers at the period's start with an expansion in it ÷ customers at its start",
        ("ChartMogul help, article 203299912",), _growing, BILLING, stage=("expansion",),
        strategy=("profitability",), spread="wilson", divides=True,
        edge_cases="The probability that a customer grows in the period. Net between both ends of "
        "the period. What an account pays in several currencies is added up in the reporting "
        "currency, at the rates of the period's end; where one has no rate, the account has grown "
        "when it pays more in either.",
    ),
)  # fmt: skip
