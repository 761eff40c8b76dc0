"""Churn reasons, scheduled churn, and other forms of the churn rate."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from cs_sync.metrics.catalogue.churn_by_day import select_daily_churn
from cs_sync.metrics.catalogue.customers import select_churn_rate
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.currency_conversion import convert_rows
from cs_sync.metrics.sql.dialects import seconds_between
from cs_sync.metrics.sql.mrr_relations import build_waterfall, select_customers, select_mrr_pairs
from cs_sync.metrics.sql.relations import (
    get_segment_columns,
    is_known,
    select_period_rows,
    select_totals,
)
from cs_sync_schemas.tables import MRR_MOVEMENT, SUBSCRIPTION

MOVEMENT = MRR_MOVEMENT
_DAY = 86_400

REASON_CODES: dict[str, tuple[str, ...]] = {
    "competitor": (
        "switched_service", "competitor", "switched_to_competitor", "to_competitor", "replaced",
    ),
    "free plan": (
        "free_plan", "free", "freemium", "to_free", "downgraded_to_free", "switched_to_free",
    ),
    "business closed": (
        "business_closed", "closed", "shutdown", "out_of_business", "bankruptcy", "acquisition",
        "acquired",
    ),
    "payment": (
        "payment_failed", "payment_disputed", "payment", "unpaid", "non_payment", "involuntary",
        "card_expired", "dunning",
    ),
    "price": ("too_expensive", "price", "budget"),
    "product": ("missing_features", "low_quality", "too_complex", "missing_feature", "bad_fit"),
    "service": ("customer_service", "poor_experience", "support"),
    "unused": ("unused", "no_value", "not_using"),
}  # fmt: skip
"""Reason shown → what sources call it; anything else given is `other`, nothing is `unknown`."""
_UNKNOWN_CODES = ("", "unknown", "none", "n/a")
_REASON_GROUPS = {"competitor": "competitor", "free plan": "free plan",
           "business closed": "business closed", "payment": "involuntary"}  # fmt: skip
_REASON_ORDER = (
    "competitor",
    "free plan",
    "business closed",
    "voluntary",
    "involuntary",
    "unknown",
)
ReasonBuilder = Callable[[], ColumnElement[str]]


def build_stated_reason() -> ColumnElement[str]:
    """Return the stated reason of a movement, by our names."""
    return _map_reason({shown: shown for shown in REASON_CODES}, "other")


def build_churn_reason() -> ColumnElement[str]:
    """Return the grouped reason of a movement.

    A cause of its own, voluntary, involuntary or unknown.
    """
    return _map_reason(
        {shown: _REASON_GROUPS.get(shown, "voluntary") for shown in REASON_CODES}, "voluntary"
    )


def _map_reason(words: dict[str, str], otherwise: str) -> ColumnElement[str]:
    raw = func.replace(func.replace(func.lower(MOVEMENT.c.reason), " ", "_"), "-", "_")
    whens = [(raw.in_(REASON_CODES[shown]), literal(word)) for shown, word in words.items()]
    return case(
        (MOVEMENT.c.cause == "payment", literal(words["payment"])),
        (or_(MOVEMENT.c.reason.is_(None), raw.in_(_UNKNOWN_CODES)), literal("unknown")),
        *whens,
        else_=literal(otherwise),
    )


def _is_policy_movement(scope: Scope) -> ColumnElement[bool]:
    """Build the condition for movements of the scope's policy.

    As known to the scope.
    """
    return and_(MOVEMENT.c.policy == scope.policy.hash, is_known(scope, MOVEMENT))


def _join_last_churn(scope: Scope, lost: CTE, why: ReasonBuilder) -> CTE:
    """Join the reason of the account's last churn before the period's end.

    There is one row per row of `lost`.
    """
    periods = select_period_rows(scope, until=lambda period: period.ends_at)
    churn = and_(
        MOVEMENT.c.account_id == lost.c.account_id,
        MOVEMENT.c.kind == "churn",
        MOVEMENT.c.at < periods.c.until,
        _is_policy_movement(scope),
    )
    same = [column for column in lost.c if column.name in ("period", "account_id", "currency")]
    place = func.row_number().over(
        partition_by=[*same, *get_segment_columns(scope, lost)],
        order_by=[MOVEMENT.c.at.desc(), MOVEMENT.c.currency],
    )
    joined = lost.join(periods, periods.c.period == lost.c.period).outerjoin(MOVEMENT, churn)
    ranked = (
        select(*lost.c, why().label("dimension_0"), place.label("place"))
        .select_from(joined)
        .cte("ranked_churn")
    )
    return select(*ranked.c).where(ranked.c.place == 1).cte("lost_why")


def _make_customers_query(why: ReasonBuilder) -> Callable[[Scope], Select[Any]]:
    """Return a query of the customers lost in the period, by reason."""

    def build(scope: Scope) -> Select[Any]:
        heads = select_customers(select_mrr_pairs(scope), scope)
        lost = select(*heads.c).where(heads.c.was == 1, heads.c.now == 0).cte("lost")
        last = _join_last_churn(scope, lost, why)
        return select_totals(scope, last, numerator=func.count(), n=func.count())

    return build


def _select_lost_mrr(scope: Scope) -> Select[Any]:
    """Select the MRR lost to churn by reason."""
    pairs = select_mrr_pairs(scope)
    amount = build_waterfall(scope, pairs)["churn"]
    lost = select(*pairs.c, amount.label("amount")).where(amount > 0).cte("lost")
    last = _join_last_churn(scope, lost, build_churn_reason)
    return select_totals(
        scope, last, numerator=func.sum(last.c.amount), n=func.count(), currency=True
    )


def _select_by_cause(scope: Scope) -> Select[Any]:
    """Select the period's movements by kind and cause.

    Each change counts by itself.
    """
    heads = select_customers(select_mrr_pairs(scope), scope)
    periods = select_period_rows(
        scope, since=lambda period: period.starts_at, until=lambda period: period.ends_at
    )
    moved = and_(
        MOVEMENT.c.account_id == heads.c.account_id,
        MOVEMENT.c.at >= periods.c.since,
        MOVEMENT.c.at < periods.c.until,
        _is_policy_movement(scope),
    )
    rows = (
        select(
            heads.c.period,
            *get_segment_columns(scope, heads),
            MOVEMENT.c.kind.label("dimension_0"),
            MOVEMENT.c.cause.label("dimension_1"),
            MOVEMENT.c.currency,
            MOVEMENT.c.amount,
        )
        .select_from(heads.join(periods, periods.c.period == heads.c.period).join(MOVEMENT, moved))
        .cte("moved")
    )
    rows = convert_rows(scope, rows)
    return select_totals(
        scope, rows, numerator=func.sum(rows.c.amount), n=func.count(), currency=True
    )


def _select_scheduled(scope: Scope) -> Select[Any]:
    """Select the losses after the period by ends requested before its end."""
    ends = func.coalesce(SUBSCRIPTION.c.ended_at, SUBSCRIPTION.c.cancel_at)
    cancellations = select_attributed(
        scope,
        SUBSCRIPTION,
        SUBSCRIPTION.c.canceled_at,
        ends.label("ends"),
        where=and_(SUBSCRIPTION.c.canceled_at.is_not(None), ends.is_not(None)),
    )
    periods = select_period_rows(scope, until=lambda period: period.ends_at)
    ahead = and_(
        cancellations.c.canceled_at < periods.c.until, cancellations.c.ends >= periods.c.until
    )
    loss = and_(
        MOVEMENT.c.account_id == cancellations.c.account_id,
        MOVEMENT.c.kind.in_(("churn", "contraction")),
        MOVEMENT.c.cause == "end",
        MOVEMENT.c.at >= periods.c.until,
        MOVEMENT.c.at <= cancellations.c.ends,
        seconds_between(MOVEMENT.c.at, cancellations.c.ends) <= _DAY,
        _is_policy_movement(scope),
    )
    columns = [MOVEMENT.c[name] for name in ("account_id", "currency", "at", "amount")]
    losses = (
        select(periods.c.period, *get_segment_columns(scope, cancellations), *columns)
        .distinct()
        .select_from(periods.join(cancellations, ahead).join(MOVEMENT, loss))
        .cte("scheduled")
    )
    losses = convert_rows(scope, losses)
    pairs = select_mrr_pairs(scope)
    rows = union_all(
        select(
            losses.c.period, *get_segment_columns(scope, losses), losses.c.currency,
            losses.c.amount,
            literal(1).label("one"),
        ),
        select(
            pairs.c.period, *get_segment_columns(scope, pairs), pairs.c.currency, literal(0),
            literal(0)
        ),
    ).cte("losses_and_payers")  # fmt: skip
    return select_totals(
        scope, rows, numerator=func.sum(rows.c.amount), n=func.sum(rows.c.one), currency=True
    )


def _make_churn_metric(
    name: str, title: str, unit: Any, formula: str, source: str, build: Any, **more: Any
) -> Metric:
    return Metric(
        name, title, unit, formula, (source,), build, BILLING, stage=("retention",),
        strategy=("stability",), edge_cases=more.pop("note", ""), **more,
    )  # fmt: skip


CHURN: tuple[Metric, ...] = (
    _make_churn_metric(
        "churn_by_reason", "Churned customers by reason", "count",
        "churned customers, split by the reason of their cancellation: " + ", ".join(_REASON_ORDER),
        "Stripe API, cancellation feedback", _make_customers_query(build_churn_reason),
        dimensions=("reason",),
        note="Involuntary is lost for want of payment; voluntary is any other reason that was "
        "given. Their sum is churned_customers.",
    ),
    _make_churn_metric(
        "churn_by_stated_reason", "Churned customers by stated reason", "count",
        "churned customers, split by what they said: " + ", ".join(REASON_CODES) + ", other, "
        "unknown",
        "Stripe API, cancellation feedback", _make_customers_query(build_stated_reason),
        dimensions=("reason",),
        note="As churn_by_reason, with what is voluntary told apart.",
    ),
    _make_churn_metric(
        "churned_mrr_by_reason", "Churned MRR by reason", "money_minor",
        "MRR of the accounts that churned, split as churn_by_reason is",
        "Stripe API, cancellation feedback", _select_lost_mrr, dimensions=("reason",),
        note="Their sum is churned_mrr.",
    ),
    _make_churn_metric(
        "mrr_moved_by_cause", "MRR movements by cause", "money_minor",
        "sum of all changes of MRR within the period, split by kind and cause",
        "Drift, Customer success metrics", _select_by_cause, dimensions=("kind", "cause"),
        note="Every single change counts, also one that is undone within the period: up and back "
        "is an expansion and a contraction here, and neither in expansion_mrr.",
    ),
    _make_churn_metric(
        "scheduled_churn_mrr", "Scheduled churn", "money_minor",
        "MRR that will end after the period by cancellations asked for before its end",
        "ChartMogul help, article 303", _select_scheduled,
        note="Still in MRR. 0 when nobody who pays has asked for an end.",
    ),
    _make_churn_metric(
        "customer_churn_rate_start_plus_new", "Customer churn rate, new ones included", "ratio",
        "customers lost in the period ÷ (customers at its start + new ones)",
        "Stripe support, Calculating churn rate",
        lambda scope: select_churn_rate(scope, plus_new=True), spread="wilson", divides=True,
        note="New are those at the end who were none at the start.",
    ),
    _make_churn_metric(
        "customer_churn_rate_daily", "Customer churn rate, day by day", "ratio",
        "Σ over the days of the period of customers lost on it ÷ customers at its start",
        "Shopify’s form of the rate", select_daily_churn, divides=True, spread="poisson",
        note="Leaving and returning on different days counts as lost, unlike in "
        "customer_churn_rate. The numerator is the rate × customers at the start.",
    ),
    *(
        _make_churn_metric(
            f"customer_churn_rate_{name}", f"Customer churn rate per {per}", "ratio",
            f"1 − (1 − customer churn rate of the period) ^ ({length} days ÷ days of the period)",
            "C. Gold, Fighting Churn with Data, listing 2.5",
            lambda scope: select_churn_rate(scope, plus_new=False), spread="wilson", divides=True,
            scaled_to=days,
            note="Never a multiple of the rate: who has left cannot leave again. The numerator "
            "and denominator are the period's.",
        )
        for name, per, length, days in (
            ("monthly", "month", "365 ÷ 12", 365 / 12), ("annual", "year", "365", 365.0),
        )
    ),
)  # fmt: skip
