"""From first contact to value: trials, checklists, time to the first result."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import CTE, Select, and_, case, exists, func, select

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import SPAN
from cs_sync.metrics.portable import seconds_between
from cs_sync.metrics.relations import (
    ACCOUNT,
    count_if,
    known,
    marks_of,
    median,
    period_rows,
    totals,
)
from cs_sync_schemas import OnboardingStep, Subscription, table_of

SUBSCRIPTION = table_of(Subscription)
STEP = table_of(OnboardingStep)
_DAY = 86_400


def _cohort(scope: Scope, relation: CTE, joined: str) -> CTE:
    """Rows of a relation whose instant `joined` lies in a period, with that period's index."""
    periods = period_rows(
        scope, since=lambda period: period.starts_at, until=lambda period: period.ends_at
    )
    moment = relation.c[joined]
    inside = and_(moment >= periods.c.since, moment < periods.c.until)
    return (
        select(periods.c.period, periods.c.until, *relation.c)
        .select_from(periods.join(relation, inside))
        .cte("cohort")
    )


def _trials(scope: Scope) -> CTE:
    """Accounts with the start of their first trial."""
    begun = attributed(
        scope,
        SUBSCRIPTION,
        func.coalesce(SUBSCRIPTION.c.trial_start, SUBSCRIPTION.c.started_at).label("begun"),
        where=SUBSCRIPTION.c.trial_end.is_not(None),
    )
    marks = marks_of(scope, begun)
    return (
        select(begun.c.account_id, *marks, func.min(begun.c.begun).label("begun"))
        .where(begun.c.account_id.is_not(None))
        .group_by(begun.c.account_id, *marks)
        .cte("trials")
    )


def _trial_conversion(scope: Scope) -> Select[Any]:
    """Accounts with MRR within so many days after their first trial began."""
    trials = _trials(scope)
    paid = exists().where(
        SPAN.c.account_id == trials.c.account_id,
        SPAN.c.policy == scope.policy.hash,
        known(scope, SPAN),
        SPAN.c.valid_from >= trials.c.begun,
        seconds_between(trials.c.begun, SPAN.c.valid_from) <= scope.settings["within_days"] * _DAY,
    )
    judged = select(*trials.c, case((paid, 1), else_=0).label("paid")).cte("judged")
    cohort = _cohort(scope, judged, "begun")
    return totals(
        scope,
        cohort,
        numerator=func.sum(cohort.c.paid),
        denominator=func.count(),
        n=func.count(),
    )


def _activation(scope: Scope) -> Select[Any]:
    """Accounts that did every required step within so many days after they joined."""
    steps = attributed(
        scope,
        STEP,
        STEP.c.done_at,
        ACCOUNT.c.created_at.label("joined"),
        where=and_(STEP.c.required.is_(True), ACCOUNT.c.created_at.is_not(None)),
    )
    limit = scope.settings["within_days"] * _DAY
    in_time = seconds_between(steps.c.joined, steps.c.done_at) <= limit
    marks = marks_of(scope, steps)
    missing = func.sum(case((in_time, 0), else_=1))
    accounts = (
        select(steps.c.account_id, *marks, steps.c.joined, missing.label("missing"))
        .group_by(steps.c.account_id, *marks, steps.c.joined)
        .cte("checklists")
    )
    cohort = _cohort(scope, accounts, "joined")
    return totals(
        scope,
        cohort,
        numerator=count_if(cohort.c.missing == 0),
        denominator=func.count(),
        n=func.count(),
    )


def _engagement(scope: Scope) -> Select[Any]:
    """Steps that fell due in the period and were done by its end."""
    steps = attributed(scope, STEP, STEP.c.due_at, STEP.c.done_at, where=STEP.c.due_at.is_not(None))
    due = _cohort(scope, steps, "due_at")
    return totals(
        scope,
        due,
        numerator=count_if(due.c.done_at < due.c.until),
        denominator=func.count(),
        n=func.count(),
    )


def _time_to_value(scope: Scope) -> Select[Any]:
    """Days from joining to the first step done, of accounts that joined in the period."""
    steps = attributed(
        scope,
        STEP,
        STEP.c.done_at,
        ACCOUNT.c.created_at.label("joined"),
        where=and_(STEP.c.done_at.is_not(None), ACCOUNT.c.created_at.is_not(None)),
    )
    marks = marks_of(scope, steps)
    first = (
        select(
            steps.c.account_id, *marks, steps.c.joined, func.min(steps.c.done_at).label("done_at")
        )
        .group_by(steps.c.account_id, *marks, steps.c.joined)
        .cte("first_step")
    )
    cohort = _cohort(scope, first, "joined")
    days = seconds_between(cohort.c.joined, cohort.c.done_at) / float(_DAY)
    reached = select(*cohort.c, days.label("value")).cte("reached")
    return median(scope, reached)


_SAAS: tuple[str, ...] = ("Standard definition of product-led onboarding",)


def _onboarding(
    name: str, title: str, formula: str, build: Callable[[Scope], Select[Any]], **more: Any
) -> Metric:
    return Metric(
        name, title, more.pop("unit", "ratio"), formula, more.pop("sources", _SAAS), build,
        more.pop("inputs", ("onboarding_step",)), stage=("onboarding",),
        strategy=("product-market fit",), family="engagement", **more,
    )  # fmt: skip


ONBOARDING: tuple[Metric, ...] = (
    _onboarding(
        "trial_conversion_rate", "Trial conversion rate",
        "accounts whose first trial began in the period and that had MRR within 30 days ÷ "
        "accounts whose first trial began in the period",
        _trial_conversion, sources=("ChartMogul help, article 115000865205",), inputs=BILLING,
        settings={"within_days": 30}, spread="wilson", divides=True, settles_after="within_days",
        edge_cases="One trial per account, an extended one keeps its first start. Provisional "
        "until the 30 days are over. Who paid and left still converted.",
    ),
    _onboarding(
        "activation_rate", "Activation rate",
        "accounts created in the period that did every required step within 14 days ÷ accounts "
        "created in the period that have required steps",
        _activation, settings={"within_days": 14}, spread="wilson", divides=True,
        settles_after="within_days",
        edge_cases="Accounts whose day of creation is unknown are left out.",
    ),
    _onboarding(
        "onboarding_engagement", "Onboarding engagement",
        "steps due in the period and done by its end ÷ steps due in the period",
        _engagement, spread="wilson", divides=True,
        edge_cases="Steps without a due date are left out.",
    ),
    _onboarding(
        "time_to_value_days", "Time to value",
        "median days from an account's creation to the first step it did, of accounts created in "
        "the period",
        _time_to_value, unit="days",
        edge_cases="Accounts that have done no step yet are left out and not in n.",
    ),
)  # fmt: skip
