"""Conversion: from trials, in the three forms in use, and from free plans."""

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

from cs_sync.metrics.catalogue.lift import select_lift
from cs_sync.metrics.catalogue.onboarding import select_cohort
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import find_clock_changes
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.dialects import bind_instant, seconds_between
from cs_sync.metrics.sql.mrr_relations import select_customers, select_mrr_pairs
from cs_sync.metrics.sql.relations import (
    count_if,
    get_segment_columns,
    is_known,
    is_present,
    select_period_rows,
    select_totals,
)
from cs_sync_schemas.tables import INVOICE, MRR_MOVEMENT, SUBSCRIPTION

MOVE = MRR_MOVEMENT
_DAY = 86_400


def _select_trials(scope: Scope) -> CTE:
    """Select accounts with first trial's start and last one's end.

    `payable` is 1 if an invoice of one was paid, or none was made.
    """
    fields = SUBSCRIPTION.c
    left = case((fields.status == "canceled", func.coalesce(fields.ended_at, fields.canceled_at)))
    begun = select_attributed(
        scope,
        SUBSCRIPTION,
        func.coalesce(fields.trial_start, fields.started_at).label("begun"),
        case((left < fields.trial_end, left), else_=fields.trial_end).label("ended"),
        case((_is_never_paid(scope), 0), else_=1).label("payable"),
        where=fields.trial_end.is_not(None),
    )
    marks = get_segment_columns(scope, begun)
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


def _is_never_paid(scope: Scope) -> ColumnElement[bool]:
    """Return the condition for trials with invoices never paid.

    A policy that counts them as MRR does not make them conversions.
    """
    if scope.policy.unpaid_trials == "excluded":
        return false()
    trial_invoice = and_(
        INVOICE.c.source == SUBSCRIPTION.c.source,
        INVOICE.c.subscription_source_id == SUBSCRIPTION.c.source_id,
        INVOICE.c.issued_at >= SUBSCRIPTION.c.trial_end,
        INVOICE.c.status != "draft",
        is_present(INVOICE, scope.known_at),
    )
    paid = exists().where(trial_invoice, INVOICE.c.status == "paid")
    return and_(exists().where(trial_invoice), not_(paid))


def _is_conversion(scope: Scope, trials: CTE) -> ColumnElement[bool]:
    """Return the condition for movements that start payment after the trial's start.

    For the first time, again, or for an additional subscription. A lower price or more
    seats is not a start.
    """
    beside = and_(MOVE.c.kind == "expansion", MOVE.c.cause.in_(("start", "plan")))
    return and_(
        MOVE.c.account_id == trials.c.account_id,
        MOVE.c.policy == scope.policy.hash,
        is_known(scope, MOVE),
        MOVE.c.at >= trials.c.begun,
        trials.c.payable == 1,
        or_(MOVE.c.kind.in_(("new", "reactivation")), beside),
    )


def _has_converted(scope: Scope, trials: CTE, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Build the condition for accounts that paid since the trial's start."""
    return exists().where(_is_conversion(scope, trials), *more)


def _count_local_seconds(scope: Scope, trials: CTE) -> ColumnElement[Any]:
    """Count seconds by the zone's clocks; every day has 24 hours."""
    days = timedelta(days=scope.settings["within_days"] + 2)
    first, last = scope.periods[0], scope.periods[-1]
    waited: ColumnElement[Any] = seconds_between(trials.c.begun, MOVE.c.at)
    for turn, seconds in find_clock_changes(first.start, last.end + days, last.zone):
        across = and_(trials.c.begun < bind_instant(turn), MOVE.c.at >= bind_instant(turn))
        waited = waited + case((across, seconds), else_=0)
    return waited


def _select_judged_trials(scope: Scope) -> CTE:
    """Select each period's first trials, and whether they paid in time."""
    trials = _select_trials(scope)
    in_time = _count_local_seconds(scope, trials) <= scope.settings["within_days"] * _DAY
    paid = _has_converted(scope, trials, in_time)
    judged = select(*trials.c, case((paid, 1), else_=0).label("paid")).cte("judged")
    return select_cohort(scope, judged, "begun")


def _select_share_paid(scope: Scope, cohort: CTE) -> Select[Any]:
    paid, all_of_them = func.sum(cohort.c.paid), func.count()
    return select_totals(scope, cohort, numerator=paid, denominator=all_of_them, n=all_of_them)


def _select_converted_in_time(scope: Scope) -> Select[Any]:
    return _select_share_paid(scope, _select_judged_trials(scope))


def _select_converted_to_date(scope: Scope) -> Select[Any]:
    """Select the period's new trials that had MRR since.

    Of trials that began in it.
    """
    trials = _select_trials(scope)
    paid = _has_converted(scope, trials)
    judged = select(*trials.c, case((paid, 1), else_=0).label("paid")).cte("judged")
    return _select_share_paid(scope, select_cohort(scope, judged, "begun"))


def _select_converted_at_end(scope: Scope) -> Select[Any]:
    """Select the period's ended trials that had MRR by its end."""
    ended = select_cohort(scope, _select_trials(scope), "ended")
    paid = _has_converted(scope, ended, MOVE.c.at < ended.c.until)
    judged = select(*ended.c, case((paid, 1), else_=0).label("paid")).cte("judged_at_end")
    return _select_share_paid(scope, judged)


def _select_same_window(scope: Scope) -> Select[Any]:
    """Select conversions in the period ÷ trials begun in it, whichever converted."""
    trials = _select_trials(scope)
    marks = get_segment_columns(scope, trials)
    events = union_all(
        select(*marks, trials.c.begun.label("at"), literal(0).label("paid")),
        select(*marks, func.min(MOVE.c.at), literal(1))
        .select_from(trials.join(MOVE, _is_conversion(scope, trials)))
        .group_by(trials.c.account_id, *marks),
    ).cte("events")
    both = select_cohort(scope, events, "at")
    begun = count_if(both.c.paid == 0)
    paid = func.sum(both.c.paid)
    return select_totals(
        scope,
        both,
        numerator=paid,
        denominator=begun,
        n=begun,
        events=paid,
        variance=cast(null(), Double),
    )


def _select_lift(scope: Scope) -> Select[Any]:
    cohort = _select_judged_trials(scope)
    hits = select(*cohort.c, cohort.c.paid.label("hit")).cte("hits")
    return select_lift(scope, hits)


def _select_free_to_paid(scope: Scope) -> Select[Any]:
    """Select accounts free at the start and paying at the end."""
    heads = select_customers(select_mrr_pairs(scope), scope)
    periods = select_period_rows(
        scope, opens=lambda period: period.starts_at, closes=lambda period: period.ends_at
    )
    fields = ("started_at", "trial_end", "canceled_at", "ended_at")
    plans = select_attributed(
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
    same_account = and_(
        heads.c.period == periods.c.period,
        heads.c.account_id == plans.c.account_id,
        *(a.is_not_distinct_from(b) for a, b in _pair_segments(scope, heads, plans)),
    )
    free = (
        select(
            periods.c.period,
            *get_segment_columns(scope, plans),
            plans.c.account_id,
            func.max(func.coalesce(heads.c.pays, 0)).label("paid"),
        )
        .select_from(periods.join(plans, running).outerjoin(heads, same_account))
        .where(plans.c.account_id.is_not(None))
        .group_by(periods.c.period, *get_segment_columns(scope, plans), plans.c.account_id)
        .having(func.max(func.coalesce(heads.c.paid, 0)) == 0)
        .cte("on_a_free_plan")
    )
    return _select_share_paid(scope, free)


def _pair_segments(scope: Scope, left: CTE, right: CTE) -> Any:
    return zip(get_segment_columns(scope, left), get_segment_columns(scope, right), strict=True)


def _make_trial_metric(
    name: str, title: str, formula: str, source: str, build: Callable[[Scope], Select[Any]],
    note: str, **more: Any,
) -> Metric:  # fmt: skip
    return Metric(
        name, title, "ratio", formula, (source,), build, BILLING, stage=("onboarding",),
        strategy=("product-market fit",), family=more.pop("family", "engagement"), divides=True,
        spread=more.pop("spread", "wilson"), edge_cases=note, **more,
    )  # fmt: skip


_ONE_TRIAL_NOTE = (
    "One trial per account, an extended one keeps its first start; free time given to a running "
    "subscription is none. "
)
_WITHIN: dict[str, Any] = {"settings": {"within_days": 30}, "settles_after": "within_days"}

TRIALS: tuple[Metric, ...] = (
    _make_trial_metric(
        "trial_conversion_rate", "Trial conversion rate",
        "accounts whose first trial began in the period and that had MRR within 30 days ÷ "
        "accounts whose first trial began in the period",
        "ChartMogul help, article 115000865205", _select_converted_in_time,
        _ONE_TRIAL_NOTE + "The days are those of the zone. Provisional until they are over. Who "
        "paid and left still converted.",
        **_WITHIN,
    ),
    _make_trial_metric(
        "trial_conversion_rate_to_date", "Trial conversion rate to date",
        "accounts whose first trial began in the period and that had MRR since ÷ accounts whose "
        "first trial began in the period",
        "ChartMogul help, article 115000865205", _select_converted_to_date,
        _ONE_TRIAL_NOTE + "Rises for as long as somebody converts.",
    ),
    _make_trial_metric(
        "trial_conversion_rate_ended", "Conversion rate of trials that ended",
        "accounts whose trial ended in the period and that had MRR by its end ÷ accounts whose "
        "trial ended in the period",
        "Stripe support, Calculating trial conversion rate", _select_converted_at_end,
        _ONE_TRIAL_NOTE + "Of several trials the end of the last one counts; one cancelled early "
        "ended then.",
    ),
    _make_trial_metric(
        "trial_conversion_rate_same_window", "Conversions per trial of the period",
        "accounts whose first MRR after a trial came in the period ÷ accounts whose first trial "
        "began in it",
        "Baremetrics help, Trial conversion rate", _select_same_window,
        _ONE_TRIAL_NOTE + "Whichever trials converted: above 1 when fewer begin than convert.",
        spread="poisson",
    ),
    _make_trial_metric(
        "trial_conversion_lift", "Trial conversion vs overall",
        "trial conversion rate of a segment ÷ that of all accounts", "Standard definition",
        _select_lift,
        "For --by; without it 1. Well above 1: a segment to shift effort to.", spread="log",
        **_WITHIN,
    ),
    _make_trial_metric(
        "free_to_paid_rate", "Free-to-paid rate",
        "accounts on a free plan at the period's start that have MRR at its end ÷ accounts on a "
        "free plan at its start",
        "Standard definition", _select_free_to_paid,
        "On a free plan is an account with a running subscription, no trial, and no MRR; paused "
        "and unpaid ones are not. Trials are counted in trial_conversion_rate.",
    ),
)  # fmt: skip
