"""Customer counts and the customer churn rate."""

from typing import Any

from sqlalchemy import Select, and_, or_

from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.mrr_relations import select_customers, select_grouped_runs
from cs_sync.metrics.sql.relations import select_totals
from cs_sync.metrics.sql.stock_groups import count_accounts


def _select_customer_count(scope: Scope) -> Select[Any]:
    heads = select_customers(select_grouped_runs(scope), scope)
    customers = count_accounts(heads, heads.c.now == 1)
    return select_totals(scope, heads, numerator=customers, n=customers)


def _select_churned(scope: Scope) -> Select[Any]:
    heads = select_customers(select_grouped_runs(scope), scope)
    lost = and_(heads.c.was == 1, heads.c.now == 0)
    return select_totals(
        scope,
        heads,
        numerator=count_accounts(heads, lost),
        n=count_accounts(heads, heads.c.was == 1),
    )


def select_churn_rate(scope: Scope, *, plus_new: bool) -> Select[Any]:
    """Select customers lost ÷ customers at the start.

    Args:
        scope: The scope.
        plus_new: Add the new customers to the denominator.
    """
    heads = select_customers(select_grouped_runs(scope), scope)
    lost = and_(heads.c.was == 1, heads.c.now == 0)
    base = or_(heads.c.was == 1, heads.c.now == 1) if plus_new else heads.c.was == 1
    customers = count_accounts(heads, base)
    return select_totals(
        scope,
        heads,
        numerator=count_accounts(heads, lost),
        denominator=customers,
        n=customers,
    )


def _select_policy_churn_rate(scope: Scope) -> Select[Any]:
    return select_churn_rate(scope, plus_new=scope.policy.churn_denominator == "start_plus_new")


CUSTOMERS: tuple[Metric, ...] = (
    Metric(
        "customers", "Customers", "count",
        "accounts with MRR above zero in any currency, just before the period's end",
        ("ChartMogul help, article 203299912",), _select_customer_count, BILLING,
        stage=("retention",),
        edge_cases="Free and trial accounts are not customers.",
    ),
    Metric(
        "churned_customers", "Churned customers", "count",
        "customers at the period's start that are none at its end",
        ("ChartMogul help, article 203299912",), _select_churned, BILLING,
        stage=("retention",),
        strategy=("stability",),
        edge_cases="Who left and came back, or came and left, within the period is not counted.",
    ),
    Metric(
        "customer_churn_rate", "Customer churn rate", "ratio",
        "customers at the period's start that are none at its end ÷ customers at its start",
        ("ChartMogul help, article 207340419", "Stripe support, Calculating churn rate"),
        _select_policy_churn_rate,
        BILLING,
        stage=("retention",), strategy=("stability",), spread="wilson", divides=True,
        edge_cases="Undefined without customers at the start. The policy may add the period's new "
        "customers to the denominator, as Stripe does.",
    ),
)  # fmt: skip
