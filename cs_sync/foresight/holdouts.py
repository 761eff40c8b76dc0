"""Holdouts: how many accounts an answer needs, when it can be had, and what it is."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from cs_sync.foresight.comparisons import Counts, calculate_exact_p_of_fewer
from cs_sync.metrics.intervals import compare_proportions

EXPECTED_CUT = 0.33
"""The share of churn that a playbook is expected to prevent: a third."""
ERROR, Z_ERROR = 0.1, 1.2815515655446004
"""A playbook without effect is found to have one in 10 % of all cases (one-sided)."""
Z_POWER = 0.8416212335729143
"""One with the expected effect is found to have it in 80 % of all cases."""
Verdict = Literal["not_yet", "fewer_left", "more_left", "no_difference"]


class HoldoutPlan(Struct, frozen=True):
    """A holdout as planned.

    `share` of the eligible accounts is left alone; `rate` is the share that leaves within
    `horizon_days` without help, `per_day` how many accounts became eligible a day before the
    holdout began. None is unknown.
    """

    share: float | None
    rate: float | None
    horizon_days: int
    per_day: float


class HoldoutMember(Struct, frozen=True):
    """An account since the holdout began; `left` is None while its horizon is not over."""

    since: date
    held_out: bool
    left: bool | None


class HoldoutAnswer(Struct, frozen=True):
    """What a holdout says; `effect` is the churn of the treated less that of the held out.

    The effect has its 80 % interval, each end of which is a one-sided 90 % limit. It is None
    until as many horizons are over as were planned: looking early and often finds effects
    that are none.
    """

    eligible: int
    needed: int | None
    answer_on: date | None
    treated: Counts
    held_out: Counts
    effect: tuple[float, float, float] | None
    verdict: Verdict


def calculate_needed_accounts(share: float, rate: float, cut: float = EXPECTED_CUT) -> int:
    """Calculate how many eligible accounts show an effect, if there is one.

    (z₁ + z₂)² × (p q ÷ f + p′ q′ ÷ (1 − f)) ÷ (p − p′)², with p = rate, p′ = rate × (1 − cut),
    q = 1 − p, f = share (Fleiss, Statistical Methods for Rates and Proportions, ch. 4,
    without continuity correction); one-sided 10 %, power 80 %.

    Raises:
        ValueError: The share, the rate or the cut is not between 0 and 1.
    """
    for name, value in (("share", share), ("rate", rate), ("cut", cut)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, not {value}")
    reduced = rate * (1 - cut)
    variance = rate * (1 - rate) / share + reduced * (1 - reduced) / (1 - share)
    return round((Z_ERROR + Z_POWER) ** 2 * variance / (rate - reduced) ** 2)


def judge_holdout(
    plan: HoldoutPlan, members: Sequence[HoldoutMember], today: date
) -> HoldoutAnswer:
    """Judge a holdout: its effect, or the day of the answer."""
    treated, held_out = (
        Counts(len(judged), sum(judged))
        for side in (False, True)
        for judged in [[m.left for m in members if m.held_out is side and m.left is not None]]
    )
    needed = _find_needed_accounts(plan)
    answer_on = None if needed is None else _estimate_answer_day(plan, members, needed, today)
    effect = compare_proportions(
        (treated.churned, treated.n), (held_out.churned, held_out.n), Z_ERROR
    )
    is_over = needed is not None and treated.n + held_out.n >= needed and effect is not None
    return HoldoutAnswer(
        len(members),
        needed,
        answer_on,
        treated,
        held_out,
        effect if is_over else None,
        _name_difference(treated, held_out) if is_over else "not_yet",
    )


def _find_needed_accounts(plan: HoldoutPlan) -> int | None:
    """Calculate how many accounts a plan needs.

    None where nobody, or everybody, leaves.
    """
    share, rate = plan.share or 0.0, plan.rate or 0.0
    return calculate_needed_accounts(share, rate) if 0 < share < 1 and 0 < rate < 1 else None


def _name_difference(treated: Counts, held_out: Counts) -> Verdict:
    """Name the exact test's finding, which errs in at most 10 %."""
    fewer = calculate_exact_p_of_fewer(treated, held_out)
    more = calculate_exact_p_of_fewer(held_out, treated)
    if fewer is None or more is None or min(fewer, more) > ERROR:
        return "no_difference"
    return "fewer_left" if fewer < more else "more_left"


def _estimate_answer_day(
    plan: HoldoutPlan, members: Sequence[HoldoutMember], needed: int, today: date
) -> date | None:
    """Estimate the day when the last needed horizon is over.

    It assumes the present rate. None while no account becomes eligible, or where the day is beyond
    the calendar.
    """
    starts, horizon = sorted(member.since for member in members), timedelta(plan.horizon_days)
    if len(starts) >= needed:
        return starts[needed - 1] + horizon
    days = (today - starts[0]).days + 1 if starts else 0
    per_day = len(starts) / days if days >= plan.horizon_days else plan.per_day
    per_day = per_day or (len(starts) / days if days else 0.0)
    if not per_day:
        return None
    try:
        return today + timedelta(math.ceil((needed - len(starts)) / per_day)) + horizon
    except OverflowError:
        return None
