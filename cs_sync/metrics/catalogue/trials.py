"""Who begins to pay: after a trial, in the three forms in use, and from a free plan."""

from collections.abc import Callable
from datetime import timedelta
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
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    union_all,
)

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.catalogue.lift import against_the_whole
from cs_sync.metrics.catalogue.onboarding import cohort_of
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import customers, mrr_pairs
from cs_sync.metrics.periods import clock_changes
from cs_sync.metrics.portable import instant, seconds_between
from cs_sync.metrics.relations import count_if, known, marks_of, period_rows, present, totals
from cs_sync_schemas import Invoice, MrrMovement, Subscription, table_of

SUBSCRIPTION, INVOICE = table_of(Subscription), table_of(Invoice)
MOVE = table_of(MrrMovement)
_DAY = 86_400


def _trials(scope: Scope) -> CTE:
    """Accounts with the start of their first trial, the end of their last, and whether an invoice
    of one was paid (or none was made)."""
    fields = SUBSCRIPTION.c
    left = case((fields.status == "canceled", func.coalesce(fields.ended_at, fields.canceled_at)))
    begun = attributed(
        scope,
        SUBSCRIPTION,
        func.coalesce(fields.trial_start, fields.started_at).label("begun"),
        case((left < fields.trial_end, left), else_=fields.trial_end).label("ended"),
        case((_refused(scope), 0), else_=1).label("payable"),
        where=fields.trial_end.is_not(None),
    )
    marks = marks_of(scope, begun)
    return (
        select(
            begun.c.account_id,
            *marks,
            func.min(begun.c.begun).label("begun"),
            func.max(begun.c.ended).label("ended"),
            func.max(begun.c.payable).label("payable"),
        )
        .where(begun.c.account_id.is_not(None))
        .group_by(begun.c.account_id, *marks)
        .cte("trials")
    )


def _refused(scope: Scope) -> ColumnElement[bool]:
    """Whether what a trial was asked to pay was never paid; a policy that counts it as MRR does
    not make it a conversion."""
    if scope.policy.unpaid_trials == "excluded":
        return false()
    theirs = and_(
        INVOICE.c.source == SUBSCRIPTION.c.source,
        INVOICE.c.subscription_source_id == SUBSCRIPTION.c.source_id,
        INVOICE.c.issued_at >= SUBSCRIPTION.c.trial_end,
        INVOICE.c.status != "draft",
        present(scope, INVOICE),
    )
    paid = exists().where(theirs, INVOICE.c.status == "paid")
    return and_(exists().where(theirs), not_(paid))


def _gained(scope: Scope, trials: CTE) -> ColumnElement[bool]:
    """Movements by which an account began to pay after its trial began: for the first time, again,
    or for a subscription beside others. One that pays less or for more seats began nothing."""
    beside = and_(MOVE.c.kind == "expansion", MOVE.c.cause.in_(("start", "plan")))
    return and_(
        MOVE.c.account_id == trials.c.account_id,
        MOVE.c.policy == scope.policy.hash,
        known(scope, MOVE),
        MOVE.c.at >= trials.c.begun,
        trials.c.payable == 1,
        or_(MOVE.c.kind.in_(("new", "reactivation")), beside),
    )


def _paid(scope: Scope, trials: CTE, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the account began to pay from the begin of its trial on."""
    return exists().where(_gained(scope, trials), *more)


def _waited(scope: Scope, trials: CTE) -> ColumnElement[Any]:
    """Seconds by the clocks of the zone, so that a day that has 23 or 25 hours is a day."""
    days = timedelta(days=scope.settings["within_days"] + 2)
    first, last = scope.periods[0], scope.periods[-1]
    waited: ColumnElement[Any] = seconds_between(trials.c.begun, MOVE.c.at)
    for turn, seconds in clock_changes(first.start, last.end + days, last.zone):
        across = and_(trials.c.begun < instant(turn), MOVE.c.at >= instant(turn))
        waited = waited + case((across, seconds), else_=0)
    return waited


def _judged(scope: Scope) -> CTE:
    """First trials begun in each period, with whether they led to MRR within so many days."""
    trials = _trials(scope)
    in_time = _waited(scope, trials) <= scope.settings["within_days"] * _DAY
    paid = _paid(scope, trials, in_time)
    judged = select(*trials.c, case((paid, 1), else_=0).label("paid")).cte("judged")
    return cohort_of(scope, judged, "begun")


def _share_paid(scope: Scope, cohort: CTE) -> Select[Any]:
    paid, all_of_them = func.sum(cohort.c.paid), func.count()
    return totals(scope, cohort, numerator=paid, denominator=all_of_them, n=all_of_them)


def _within(scope: Scope) -> Select[Any]:
    return _share_paid(scope, _judged(scope))


def _to_date(scope: Scope) -> Select[Any]:
    """Of trials begun in the period, those that ever led to MRR."""
    trials = _trials(scope)
    paid = _paid(scope, trials)
    judged = select(*trials.c, case((paid, 1), else_=0).label("paid")).cte("judged")
    return _share_paid(scope, cohort_of(scope, judged, "begun"))


def _ended(scope: Scope) -> Select[Any]:
    """Of trials that ended in the period, those that led to MRR by its end."""
    ended = cohort_of(scope, _trials(scope), "ended")
    paid = _paid(scope, ended, MOVE.c.at < ended.c.until)
    judged = select(*ended.c, case((paid, 1), else_=0).label("paid")).cte("judged_at_end")
    return _share_paid(scope, judged)


def _same_window(scope: Scope) -> Select[Any]:
    """Conversions in the period over trials begun in it, whichever trials converted."""
    trials = _trials(scope)
    marks = marks_of(scope, trials)
    events = union_all(
        select(*marks, trials.c.begun.label("at"), literal(0).label("paid")),
        select(*marks, func.min(MOVE.c.at), literal(1))
        .select_from(trials.join(MOVE, _gained(scope, trials)))
        .group_by(trials.c.account_id, *marks),
    ).cte("events")
    both = cohort_of(scope, events, "at")
    begun = count_if(both.c.paid == 0)
    paid = func.sum(both.c.paid)
    return totals(
        scope,
        both,
        numerator=paid,
        denominator=begun,
        n=begun,
        events=paid,
        variance=cast(null(), Double),
    )


def _lift(scope: Scope) -> Select[Any]:
    cohort = _judged(scope)
    hits = select(*cohort.c, cohort.c.paid.label("hit")).cte("hits")
    return against_the_whole(scope, hits)


def _free_to_paid(scope: Scope) -> Select[Any]:
    """Accounts on a free plan when the period begins, and which of them pay when it ends."""
    heads = customers(mrr_pairs(scope), scope)
    periods = period_rows(
        scope, opens=lambda period: period.starts_at, closes=lambda period: period.ends_at
    )
    fields = ("started_at", "trial_end", "canceled_at", "ended_at")
    plans = attributed(
        scope,
        SUBSCRIPTION,
        *(SUBSCRIPTION.c[name] for name in fields),
        where=and_(
            SUBSCRIPTION.c.status.in_(("active", "canceled")),
            SUBSCRIPTION.c.collection_paused.is_(None),
        ),
    )
    opens = periods.c.opens
    running = and_(
        plans.c.started_at < opens,
        or_(plans.c.trial_end.is_(None), plans.c.trial_end < opens),
        or_(plans.c.ended_at.is_(None), plans.c.ended_at >= opens),
        or_(plans.c.canceled_at.is_(None), plans.c.canceled_at >= opens),
    )
    theirs = and_(
        heads.c.period == periods.c.period,
        heads.c.account_id == plans.c.account_id,
        *(a.is_not_distinct_from(b) for a, b in _pairs(scope, heads, plans)),
    )
    free = (
        select(
            periods.c.period,
            *marks_of(scope, plans),
            plans.c.account_id,
            func.max(func.coalesce(heads.c.pays, 0)).label("paid"),
        )
        .select_from(periods.join(plans, running).outerjoin(heads, theirs))
        .where(plans.c.account_id.is_not(None))
        .group_by(periods.c.period, *marks_of(scope, plans), plans.c.account_id)
        .having(func.max(func.coalesce(heads.c.paid, 0)) == 0)
        .cte("on_a_free_plan")
    )
    return _share_paid(scope, free)


def _pairs(scope: Scope, one: CTE, other: CTE) -> Any:
    return zip(marks_of(scope, one), marks_of(scope, other), strict=True)


def _trial(
    name: str, title: str, formula: str, source: str, build: Callable[[Scope], Select[Any]],
    note: str, **more: Any,
) -> Metric:  # fmt: skip
    return Metric(
        name, title, "ratio", formula, (source,), build, BILLING, stage=("onboarding",),
        strategy=("product-market fit",), family=more.pop("family", "engagement"), divides=True,
        spread=more.pop("spread", "wilson"), edge_cases=note, **more,
    )  # fmt: skip


_ONE = (
    "One trial per account, an extended one keeps its first start; free time given to a running "
    "subscription is none. "
)
_WITHIN: dict[str, Any] = {"settings": {"within_days": 30}, "settles_after": "within_days"}

TRIALS: tuple[Metric, ...] = (
    _trial(
        "trial_conversion_rate", "Trial conversion rate",
        "accounts whose first trial began in the period and that had MRR within 30 days ÷ "
        "accounts whose first trial began in the period",
        "ChartMogul help, article 115000865205", _within,
        _ONE + "The days are those of the zone. Provisional until they are over. Who paid and left "
        "still converted.",
        **_WITHIN,
    ),
    _trial(
        "trial_conversion_rate_to_date", "Trial conversion rate to date",
        "accounts whose first trial began in the period and that had MRR since ÷ accounts whose "
        "first trial began in the period",
        "ChartMogul help, article 115000865205", _to_date,
        _ONE + "Rises for as long as somebody converts.",
    ),
    _trial(
        "trial_conversion_rate_ended", "Conversion rate of trials that ended",
        "accounts whose trial ended in the period and that had MRR by its end ÷ accounts whose "
        "trial ended in the period",
        "Stripe support, Calculating trial conversion rate", _ended,
        _ONE + "Of several trials the end of the last one counts; one cancelled early ended then.",
    ),
    _trial(
        "trial_conversion_rate_same_window", "Conversions per trial of the period",
        "accounts whose first MRR after a trial came in the period ÷ accounts whose first trial "
        "began in it",
        "Baremetrics help, Trial conversion rate", _same_window,
        _ONE + "Whichever trials converted: above 1 when fewer begin than convert.",
        spread="poisson",
    ),
    _trial(
        "trial_conversion_lift", "Trial conversion against the whole",
        "trial conversion rate of a segment ÷ that of all accounts", "Standard definition", _lift,
        "For --by; without it 1. Well above 1: a segment to shift effort to.", spread="log",
        **_WITHIN,
    ),
    _trial(
        "free_to_paid_rate", "Free-to-paid rate",
        "accounts on a free plan at the period's start that have MRR at its end ÷ accounts on a "
        "free plan at its start",
        "Standard definition", _free_to_paid,
        "On a free plan is an account with a running subscription, no trial, and no MRR; paused "
        "and unpaid ones are not. Trials are counted in trial_conversion_rate.",
    ),
)  # fmt: skip
