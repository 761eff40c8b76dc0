"""Customers as heads: how many there are and how many left."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select

from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import customers, mrr_pairs
from cs_sync.metrics.relations import count_if, known, marks_of, period_rows, totals
from cs_sync_schemas import MrrMovement, table_of

MOVEMENT = table_of(MrrMovement)


def _standing(scope: Scope) -> Select[Any]:
    heads = customers(mrr_pairs(scope), scope)
    return totals(scope, heads, numerator=func.sum(heads.c.now), n=func.sum(heads.c.now))


def _left(scope: Scope) -> Select[Any]:
    heads = customers(mrr_pairs(scope), scope)
    gone = and_(heads.c.was == 1, heads.c.now == 0)
    return totals(scope, heads, numerator=count_if(gone), n=func.sum(heads.c.was))


def _rate(scope: Scope) -> Select[Any]:
    heads = customers(mrr_pairs(scope), scope)
    gone = and_(heads.c.was == 1, heads.c.now == 0)
    base: ColumnElement[int] = heads.c.was
    if scope.policy.churn_denominator == "start_plus_new":
        base = case((heads.c.was + heads.c.now > 0, 1), else_=0)
    return totals(
        scope,
        heads,
        numerator=count_if(gone),
        denominator=func.sum(base),
        n=func.sum(base),
    )


REASONS: dict[str, tuple[str, ...]] = {
    "competitor": ("switched_service", "competitor", "switched_to_competitor", "replaced"),
    "price": ("too_expensive", "price", "budget"),
    "product": ("missing_features", "low_quality", "too_complex", "missing_feature", "bad_fit"),
    "service": ("customer_service", "poor_experience", "support"),
    "unused": ("unused", "no_value", "not_using"),
    "free plan": ("free_plan", "downgraded_to_free", "freemium"),
    "business closed": ("business_closed", "shutdown", "out_of_business", "acquisition"),
    "payment": ("payment_failed", "payment_disputed", "unpaid", "involuntary"),
}
"""Reason shown → what sources call it; anything else given is `other`, nothing is `unknown`."""


def _by_reason(scope: Scope) -> Select[Any]:
    """Customers lost in the period by the reason of their last churn before its end."""
    heads = customers(mrr_pairs(scope), scope)
    periods = period_rows(scope, until=lambda period: period.ends_at)
    churn = and_(
        MOVEMENT.c.account_id == heads.c.account_id,
        MOVEMENT.c.policy == scope.policy.hash,
        MOVEMENT.c.kind == "churn",
        MOVEMENT.c.at < periods.c.until,
        known(scope, MOVEMENT),
    )
    place = func.row_number().over(
        partition_by=[heads.c.period, heads.c.account_id],
        order_by=[MOVEMENT.c.at.desc(), MOVEMENT.c.currency],
    )
    columns = [*marks_of(scope, heads), _reason(MOVEMENT.c.reason).label("dimension_0")]
    inside = heads.join(periods, periods.c.period == heads.c.period).outerjoin(MOVEMENT, churn)
    lost = (
        select(heads.c.period, *columns, place.label("place"))
        .select_from(inside)
        .where(heads.c.was == 1, heads.c.now == 0)
        .cte("lost")
    )
    last = count_if(lost.c.place == 1)
    return totals(scope, lost, numerator=last, n=last).having(last > 0)


def _reason(raw: ColumnElement[Any]) -> ColumnElement[str]:
    known_reasons = [(raw.in_(names), literal(shown)) for shown, names in REASONS.items()]
    return case((raw.is_(None), literal("unknown")), *known_reasons, else_=literal("other"))


CUSTOMERS: tuple[Metric, ...] = (
    Metric(
        "customers", "Customers", "count",
        "accounts with MRR above nought in any currency, just before the period's end",
        ("ChartMogul help, article 203299912",), _standing, BILLING, stage=("retention",),
        edge_cases="Free and trial accounts are not customers.",
    ),
    Metric(
        "churned_customers", "Churned customers", "count",
        "customers at the period's start that are none at its end",
        ("ChartMogul help, article 203299912",), _left, BILLING, stage=("retention",),
        strategy=("stability",),
        edge_cases="Who left and came back, or came and left, within the period is not counted.",
    ),
    Metric(
        "customer_churn_rate", "Customer churn rate", "ratio",
        "customers at the period's start that are none at its end ÷ customers at its start",
        ("ChartMogul help, article 207340419", "Stripe support, Calculating churn rate"), _rate,
        BILLING, stage=("retention",), strategy=("stability",), spread="wilson", divides=True,
        edge_cases="Undefined without customers at the start. The policy may add the period's new "
        "customers to the denominator, as Stripe does.",
    ),
    Metric(
        "churn_by_reason", "Churned customers by reason", "count",
        "churned customers, split by the reason of their cancellation: " + ", ".join(REASONS)
        + ", other, unknown",
        ("Stripe API, cancellation feedback",), _by_reason, BILLING, stage=("retention",),
        strategy=("stability",), dimensions=("reason",),
        edge_cases="`payment` is involuntary, all else voluntary. Their sum is "
        "churned_customers.",
    ),
)  # fmt: skip
