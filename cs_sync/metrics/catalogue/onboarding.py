"""Onboarding: activation, completed steps, stuck accounts and time to value."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import CTE, Select, and_, case, func, or_, select

from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.periods import get_day_start
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.dialects import seconds_between
from cs_sync.metrics.sql.relations import (
    count_if,
    get_segment_columns,
    select_median,
    select_period_rows,
    select_totals,
)
from cs_sync_schemas.tables import ACCOUNT, ONBOARDING_STEP

STEP = ONBOARDING_STEP
_DAY = 86_400


def select_cohort(scope: Scope, relation: CTE, joined: str) -> CTE:
    """Select rows with the instant `joined` in a period.

    And that period's index.

    Args:
        scope: The scope.
        relation: The rows.
        joined: The name of the column with the instant.
    """
    periods = select_period_rows(
        scope, since=lambda period: period.starts_at, until=lambda period: period.ends_at
    )
    moment = relation.c[joined]
    inside = and_(moment >= periods.c.since, moment < periods.c.until)
    return (
        select(periods.c.period, periods.c.until, *relation.c)
        .select_from(periods.join(relation, inside))
        .cte("cohort")
    )


def _select_activation(scope: Scope) -> Select[Any]:
    """Select accounts with every required step done in time after they joined."""
    steps = select_attributed(
        scope,
        STEP,
        STEP.c.done_at,
        ACCOUNT.c.created_at.label("joined"),
        where=and_(STEP.c.required.is_(True), ACCOUNT.c.created_at.is_not(None)),
    )
    limit = scope.settings["within_days"] * _DAY
    in_time = seconds_between(steps.c.joined, steps.c.done_at) <= limit
    marks = get_segment_columns(scope, steps)
    missing = func.sum(case((in_time, 0), else_=1))
    accounts = (
        select(steps.c.account_id, *marks, steps.c.joined, missing.label("missing"))
        .group_by(steps.c.account_id, *marks, steps.c.joined)
        .cte("checklists")
    )
    cohort = select_cohort(scope, accounts, "joined")
    return select_totals(
        scope,
        cohort,
        numerator=count_if(cohort.c.missing == 0),
        denominator=func.count(),
        n=func.count(),
    )


def _select_engagement(scope: Scope) -> Select[Any]:
    """Select steps due in the period and done by its end."""
    steps = select_attributed(
        scope, STEP, STEP.c.due_at, STEP.c.done_at, where=STEP.c.due_at.is_not(None)
    )
    due = select_cohort(scope, steps, "due_at")
    return select_totals(
        scope,
        due,
        numerator=count_if(due.c.done_at < due.c.until),
        denominator=func.count(),
        n=func.count(),
    )


def _select_step_completion(scope: Scope) -> Select[Any]:
    """Select new accounts with a step done in time, for each step."""
    steps = select_attributed(
        scope,
        STEP,
        STEP.c.step,
        STEP.c.done_at,
        ACCOUNT.c.created_at.label("joined"),
        where=ACCOUNT.c.created_at.is_not(None),
    )
    limit = scope.settings["within_days"] * _DAY
    in_time = seconds_between(steps.c.joined, steps.c.done_at) <= limit
    groups = [steps.c.account_id, *get_segment_columns(scope, steps), steps.c.joined, steps.c.step]
    accounts = (
        select(*groups, func.max(case((in_time, 1), else_=0)).label("done"))
        .group_by(*groups)
        .cte("steps")
    )
    cohort = select_cohort(scope, accounts, "joined")
    named = select(*cohort.c, cohort.c.step.label("dimension_0")).cte("named")
    return select_totals(
        scope, named, numerator=func.sum(named.c.done), denominator=func.count(), n=func.count()
    )


def _select_stuck(scope: Scope) -> Select[Any]:
    """Select accounts with an overdue step and no recent progress.

    Any step is progress, also an optional one or one without a due date.
    """
    days = scope.settings["idle_days"]
    periods = select_period_rows(
        scope,
        since=lambda period: get_day_start(period.end - timedelta(days=days), period.zone),
        until=lambda period: period.ends_at,
    )
    steps = select_attributed(
        scope, STEP, STEP.c.required, STEP.c.due_at, STEP.c.done_at, where=STEP.c.step.is_not(None)
    )
    until = periods.c.until
    due = and_(steps.c.required.is_(True), steps.c.due_at < until)
    undone = or_(steps.c.done_at.is_(None), steps.c.done_at >= until)
    overdue = and_(due, undone, steps.c.due_at < periods.c.since)
    recent = and_(steps.c.done_at >= periods.c.since, steps.c.done_at < until)
    groups = [periods.c.period, *get_segment_columns(scope, steps), steps.c.account_id]
    accounts = (
        select(
            *groups,
            func.max(case((overdue, 1), else_=0)).label("overdue"),
            func.max(case((recent, 1), else_=0)).label("moving"),
        )
        .select_from(periods.join(steps, or_(due, recent)))
        .group_by(*groups)
        .having(func.max(case((due, 1), else_=0)) == 1)
        .cte("progress")
    )
    stuck = count_if(and_(accounts.c.overdue == 1, accounts.c.moving == 0))
    return select_totals(scope, accounts, numerator=stuck, n=func.count())


def _select_time_to_value(scope: Scope) -> Select[Any]:
    """Select the median days to a new account's first step.

    From joining to the first step done.
    """
    steps = select_attributed(
        scope,
        STEP,
        STEP.c.done_at,
        ACCOUNT.c.created_at.label("joined"),
        where=and_(STEP.c.done_at.is_not(None), ACCOUNT.c.created_at.is_not(None)),
    )
    marks = get_segment_columns(scope, steps)
    first = (
        select(
            steps.c.account_id, *marks, steps.c.joined, func.min(steps.c.done_at).label("done_at")
        )
        .group_by(steps.c.account_id, *marks, steps.c.joined)
        .cte("first_step")
    )
    cohort = select_cohort(scope, first, "joined")
    days = seconds_between(cohort.c.joined, cohort.c.done_at) / float(_DAY)
    reached = select(*cohort.c, days.label("value")).cte("reached")
    return select_median(scope, reached)


def _select_value_in_time(scope: Scope) -> Select[Any]:
    """Select new accounts with any step done in time."""
    steps = select_attributed(
        scope,
        STEP,
        STEP.c.done_at,
        ACCOUNT.c.created_at.label("joined"),
        where=ACCOUNT.c.created_at.is_not(None),
    )
    limit = scope.settings["within_days"] * _DAY
    in_time = seconds_between(steps.c.joined, steps.c.done_at) <= limit
    groups = [steps.c.account_id, *get_segment_columns(scope, steps), steps.c.joined]
    accounts = (
        select(*groups, func.max(case((in_time, 1), else_=0)).label("done"))
        .group_by(*groups)
        .cte("first_value")
    )
    cohort = select_cohort(scope, accounts, "joined")
    return select_totals(
        scope, cohort, numerator=func.sum(cohort.c.done), denominator=func.count(), n=func.count()
    )


_STANDARD_SOURCE: tuple[str, ...] = ("Standard definition of product-led onboarding",)


def _make_onboarding_metric(
    name: str, title: str, formula: str, build: Callable[[Scope], Select[Any]], **more: Any
) -> Metric:
    return Metric(
        name, title, more.pop("unit", "ratio"), formula, more.pop("sources", _STANDARD_SOURCE),
        build,
        more.pop("inputs", ("onboarding_step",)), stage=("onboarding",),
        strategy=("product-market fit",), family="engagement", **more,
    )  # fmt: skip


ONBOARDING: tuple[Metric, ...] = (
    _make_onboarding_metric(
        "activation_rate", "Activation rate",
        "accounts created in the period that did every required step within 14 days ÷ accounts "
        "created in the period that have required steps",
        _select_activation, settings={"within_days": 14}, spread="wilson", divides=True,
        settles_after="within_days",
        edge_cases="Accounts whose day of creation is unknown are left out.",
    ),
    _make_onboarding_metric(
        "onboarding_engagement", "Onboarding engagement",
        "steps due in the period and done by its end ÷ steps due in the period",
        _select_engagement, spread="wilson", divides=True,
        edge_cases="Steps without a due date are left out.",
    ),
    _make_onboarding_metric(
        "step_completion_rate", "Completion of each step", "accounts created in the period that "
        "did the step within 14 days ÷ accounts created in the period that have the step",
        _select_step_completion, settings={"within_days": 14}, spread="wilson", divides=True,
        settles_after="within_days", dimensions=("step",),
        edge_cases="Where accounts drop off: compare a step with the one before it.",
    ),
    _make_onboarding_metric(
        "stuck_accounts", "Stuck accounts",
        "accounts with a required step due for 7 days and not done at the period's end, and no "
        "step of any kind done in the 7 days before it",
        _select_stuck, unit="count", settings={"idle_days": 7},
        edge_cases="n is the accounts with a required step due by then. Any step is progress: an "
        "optional one, and one without a due date, too.",
    ),
    _make_onboarding_metric(
        "time_to_value_days", "Time to value",
        "median days from an account's creation to the first step it did, of accounts created in "
        "the period",
        _select_time_to_value, unit="days",
        edge_cases="Accounts that have done no step yet are left out and not in n.",
    ),
    _make_onboarding_metric(
        "value_in_time_rate", "Value in time",
        "accounts created in the period that did a first step within 7 days ÷ accounts created in "
        "the period that have steps",
        _select_value_in_time, settings={"within_days": 7}, spread="wilson", divides=True,
        settles_after="within_days",
        edge_cases="Beside time_to_value_days, which only knows those who got there.",
    ),
)  # fmt: skip
