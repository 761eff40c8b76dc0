"""Customers as heads: how many there are and how many left."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func

from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import customers, mrr_pairs
from cs_sync.metrics.relations import count_if, totals


def _standing(scope: Scope) -> Select[Any]:
    heads = customers(mrr_pairs(scope), scope)
    return totals(scope, heads, numerator=func.sum(heads.c.now), n=func.sum(heads.c.now))


def _left(scope: Scope) -> Select[Any]:
    heads = customers(mrr_pairs(scope), scope)
    gone = and_(heads.c.was == 1, heads.c.now == 0)
    return totals(scope, heads, numerator=count_if(gone), n=func.sum(heads.c.was))


def churn_rate(scope: Scope, *, plus_new: bool) -> Select[Any]:
    """Customers lost over those at the start, or over these and the new ones together."""
    heads = customers(mrr_pairs(scope), scope)
    gone = and_(heads.c.was == 1, heads.c.now == 0)
    base: ColumnElement[int] = heads.c.was
    if plus_new:
        base = case((heads.c.was + heads.c.now > 0, 1), else_=0)
    return totals(
        scope,
        heads,
        numerator=count_if(gone),
        denominator=func.sum(base),
        n=func.sum(base),
    )


def _rate(scope: Scope) -> Select[Any]:
    return churn_rate(scope, plus_new=scope.policy.churn_denominator == "start_plus_new")


CUSTOMERS: tuple[Metric, ...] = (
    Metric(
        "customers", "Customers", "count",
        "accounts with MRR above nought in any currency, just before the period's end",
        ("ChartMogul help, article 203299912",), _standing, BILLING,
        adds_up=True, stage=("retention",),
        edge_cases="Free and trial accounts are not customers.",
    ),
    Metric(
        "churned_customers", "Churned customers", "count",
        "customers at the period's start that are none at its end",
        ("ChartMogul help, article 203299912",), _left, BILLING, adds_up=True, stage=("retention",),
        strategy=("stability",),
        edge_cases="Who left and came back, or came and left, within the period is not counted.",
    ),
    Metric(
        "customer_churn_rate", "Customer churn rate", "ratio",
        "customers at the period's start that are none at its end ÷ customers at its start",
        ("ChartMogul help, article 207340419", "Stripe support, Calculating churn rate"), _rate,
        BILLING,
        adds_up=True, stage=("retention",), strategy=("stability",), spread="wilson", divides=True,
        edge_cases="Undefined without customers at the start. The policy may add the period's new "
        "customers to the denominator, as Stripe does.",
    ),
)  # fmt: skip
