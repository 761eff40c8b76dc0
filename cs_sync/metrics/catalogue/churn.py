"""Why customers and their money left, what is about to leave, and the other forms of the rate."""

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

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.catalogue.churn_by_day import daily_churn
from cs_sync.metrics.catalogue.customers import churn_rate
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.conversion import amounts_in_one_currency
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import customers, mrr_pairs, waterfall
from cs_sync.metrics.portable import seconds_between
from cs_sync.metrics.relations import (
    known,
    marks_of,
    period_rows,
    totals,
)
from cs_sync_schemas import MrrMovement, Subscription, table_of

MOVEMENT = table_of(MrrMovement)
SUBSCRIPTION = table_of(Subscription)
_DAY = 86_400

STATED: dict[str, tuple[str, ...]] = {
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
_SILENT = ("", "unknown", "none", "n/a")
_GROUPS = {"competitor": "competitor", "free plan": "free plan",
           "business closed": "business closed", "payment": "involuntary"}  # fmt: skip
_ORDER = ("competitor", "free plan", "business closed", "voluntary", "involuntary", "unknown")
Reason = Callable[[], ColumnElement[str]]


def stated_reason() -> ColumnElement[str]:
    """The reason of a movement as the source states it, in our words."""
    return _said({shown: shown for shown in STATED}, "other")


def reason() -> ColumnElement[str]:
    """The reason of a movement: a cause of its own, voluntary, involuntary or unknown."""
    return _said({shown: _GROUPS.get(shown, "voluntary") for shown in STATED}, "voluntary")


def _said(words: dict[str, str], otherwise: str) -> ColumnElement[str]:
    raw = func.replace(func.replace(func.lower(MOVEMENT.c.reason), " ", "_"), "-", "_")
    whens = [(raw.in_(STATED[shown]), literal(word)) for shown, word in words.items()]
    return case(
        (MOVEMENT.c.cause == "payment", literal(words["payment"])),
        (or_(MOVEMENT.c.reason.is_(None), raw.in_(_SILENT)), literal("unknown")),
        *whens,
        else_=literal(otherwise),
    )


def _mine(scope: Scope) -> ColumnElement[bool]:
    """Movements under the scope's policy, as known when it asks."""
    return and_(MOVEMENT.c.policy == scope.policy.hash, known(scope, MOVEMENT))


def _last_churn(scope: Scope, lost: CTE, why: Reason) -> CTE:
    """Rows of `lost` with the reason of their account's last churn before the period's end.

    `place` is 1 once per row of `lost`.
    """
    periods = period_rows(scope, until=lambda period: period.ends_at)
    churn = and_(
        MOVEMENT.c.account_id == lost.c.account_id,
        MOVEMENT.c.kind == "churn",
        MOVEMENT.c.at < periods.c.until,
        _mine(scope),
    )
    same = [column for column in lost.c if column.name in ("period", "account_id", "currency")]
    place = func.row_number().over(
        partition_by=[*same, *marks_of(scope, lost)],
        order_by=[MOVEMENT.c.at.desc(), MOVEMENT.c.currency],
    )
    joined = lost.join(periods, periods.c.period == lost.c.period).outerjoin(MOVEMENT, churn)
    ranked = (
        select(*lost.c, why().label("dimension_0"), place.label("place"))
        .select_from(joined)
        .cte("ranked_churn")
    )
    return select(*ranked.c).where(ranked.c.place == 1).cte("lost_why")


def _heads(why: Reason) -> Callable[[Scope], Select[Any]]:
    """Customers lost in the period by reason."""

    def build(scope: Scope) -> Select[Any]:
        heads = customers(mrr_pairs(scope), scope)
        lost = select(*heads.c).where(heads.c.was == 1, heads.c.now == 0).cte("lost")
        last = _last_churn(scope, lost, why)
        return totals(scope, last, numerator=func.count(), n=func.count())

    return build


def _money(scope: Scope) -> Select[Any]:
    """MRR lost to churn by reason."""
    pairs = mrr_pairs(scope)
    amount = waterfall(scope, pairs)["churn"]
    lost = select(*pairs.c, amount.label("amount")).where(amount > 0).cte("lost")
    last = _last_churn(scope, lost, reason)
    return totals(scope, last, numerator=func.sum(last.c.amount), n=func.count(), currency=True)


def _by_cause(scope: Scope) -> Select[Any]:
    """What moved in the period, at the grain of single changes."""
    heads = customers(mrr_pairs(scope), scope)
    periods = period_rows(
        scope, since=lambda period: period.starts_at, until=lambda period: period.ends_at
    )
    moved = and_(
        MOVEMENT.c.account_id == heads.c.account_id,
        MOVEMENT.c.at >= periods.c.since,
        MOVEMENT.c.at < periods.c.until,
        _mine(scope),
    )
    rows = (
        select(
            heads.c.period,
            *marks_of(scope, heads),
            MOVEMENT.c.kind.label("dimension_0"),
            MOVEMENT.c.cause.label("dimension_1"),
            MOVEMENT.c.currency,
            MOVEMENT.c.amount,
        )
        .select_from(heads.join(periods, periods.c.period == heads.c.period).join(MOVEMENT, moved))
        .cte("moved")
    )
    rows = amounts_in_one_currency(scope, rows)
    return totals(scope, rows, numerator=func.sum(rows.c.amount), n=func.count(), currency=True)


def _scheduled(scope: Scope) -> Select[Any]:
    """Losses after the period's end by ends that had been asked for before it."""
    ends = func.coalesce(SUBSCRIPTION.c.ended_at, SUBSCRIPTION.c.cancel_at)
    asked = attributed(
        scope,
        SUBSCRIPTION,
        SUBSCRIPTION.c.canceled_at,
        ends.label("ends"),
        where=and_(SUBSCRIPTION.c.canceled_at.is_not(None), ends.is_not(None)),
    )
    periods = period_rows(scope, until=lambda period: period.ends_at)
    ahead = and_(asked.c.canceled_at < periods.c.until, asked.c.ends >= periods.c.until)
    loss = and_(
        MOVEMENT.c.account_id == asked.c.account_id,
        MOVEMENT.c.kind.in_(("churn", "contraction")),
        MOVEMENT.c.cause == "end",
        MOVEMENT.c.at >= periods.c.until,
        MOVEMENT.c.at <= asked.c.ends,
        seconds_between(MOVEMENT.c.at, asked.c.ends) <= _DAY,
        _mine(scope),
    )
    columns = [MOVEMENT.c[name] for name in ("account_id", "currency", "at", "amount")]
    losses = (
        select(periods.c.period, *marks_of(scope, asked), *columns)
        .distinct()
        .select_from(periods.join(asked, ahead).join(MOVEMENT, loss))
        .cte("scheduled")
    )
    losses = amounts_in_one_currency(scope, losses)
    pairs = mrr_pairs(scope)
    rows = union_all(
        select(
            losses.c.period, *marks_of(scope, losses), losses.c.currency, losses.c.amount,
            literal(1).label("one"),
        ),
        select(
            pairs.c.period, *marks_of(scope, pairs), pairs.c.currency, literal(0), literal(0)
        ),
    ).cte("losses_and_payers")  # fmt: skip
    return totals(
        scope, rows, numerator=func.sum(rows.c.amount), n=func.sum(rows.c.one), currency=True
    )


def _churn(
    name: str, title: str, unit: Any, formula: str, source: str, build: Any, **more: Any
) -> Metric:
    return Metric(
        name, title, unit, formula, (source,), build, BILLING, stage=("retention",),
        strategy=("stability",), edge_cases=more.pop("note", ""), **more,
    )  # fmt: skip


CHURN: tuple[Metric, ...] = (
    _churn(
        "churn_by_reason", "Churned customers by reason", "count",
        "churned customers, split by the reason of their cancellation: " + ", ".join(_ORDER),
        "Stripe API, cancellation feedback", _heads(reason), dimensions=("reason",),
        note="Involuntary is lost for want of payment; voluntary is any other reason that was "
        "given. Their sum is churned_customers.",
    ),
    _churn(
        "churn_by_stated_reason", "Churned customers by stated reason", "count",
        "churned customers, split by what they said: " + ", ".join(STATED) + ", other, unknown",
        "Stripe API, cancellation feedback", _heads(stated_reason), dimensions=("reason",),
        note="As churn_by_reason, with what is voluntary told apart.",
    ),
    _churn(
        "churned_mrr_by_reason", "Churned MRR by reason", "money_minor",
        "MRR of the accounts that churned, split as churn_by_reason is",
        "Stripe API, cancellation feedback", _money, dimensions=("reason",),
        note="Their sum is churned_mrr.",
    ),
    _churn(
        "mrr_moved_by_cause", "MRR movements by cause", "money_minor",
        "sum of all changes of MRR within the period, split by kind and cause",
        "Drift, Customer success metrics", _by_cause, dimensions=("kind", "cause"),
        note="Every single change counts, also one that is undone within the period: up and back "
        "is an expansion and a contraction here, and neither in expansion_mrr.",
    ),
    _churn(
        "scheduled_churn_mrr", "Scheduled churn", "money_minor",
        "MRR that will end after the period by cancellations asked for before its end",
        "ChartMogul help, article 303", _scheduled,
        note="Still in MRR. 0 when nobody who pays has asked for an end.",
    ),
    _churn(
        "customer_churn_rate_start_plus_new", "Customer churn rate, new ones included", "ratio",
        "customers lost in the period ÷ (customers at its start + new ones)",
        "Stripe support, Calculating churn rate",
        lambda scope: churn_rate(scope, plus_new=True), spread="wilson", divides=True,
        adds_up=True,
        note="New are those at the end who were none at the start.",
    ),
    _churn(
        "customer_churn_rate_daily", "Customer churn rate, day by day", "ratio",
        "Σ over the days of the period of customers lost on it ÷ customers at its start",
        "Shopify’s form of the rate", daily_churn, divides=True, spread="poisson",
        note="Leaving and returning on different days counts as lost, unlike in "
        "customer_churn_rate. The numerator is the rate × customers at the start.",
    ),
    *(
        _churn(
            f"customer_churn_rate_{name}", f"Customer churn rate per {per}", "ratio",
            f"1 − (1 − customer churn rate of the period) ^ ({length} days ÷ days of the period)",
            "C. Gold, Fighting Churn with Data, listing 2.5",
            lambda scope: churn_rate(scope, plus_new=False), spread="wilson", divides=True,
            scaled_to=days, adds_up=True,
            note="Never a multiple of the rate: who has left cannot leave again. The numerator "
            "and denominator are the period's.",
        )
        for name, per, length, days in (
            ("monthly", "month", "365 ÷ 12", 365 / 12), ("annual", "year", "365", 365.0),
        )
    ),
)  # fmt: skip
