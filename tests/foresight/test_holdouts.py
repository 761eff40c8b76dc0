"""Holdouts: published sample sizes, the day of the answer, and the answer."""

from datetime import date, timedelta

import pytest

from benchmarks.foresight.holdout_power import measure_power
from cs_sync.foresight.comparisons import Counts
from cs_sync.foresight.holdouts import (
    HoldoutMember,
    HoldoutPlan,
    calculate_needed_accounts,
    judge_holdout,
)

TODAY = date(2026, 3, 1)
PLAN = HoldoutPlan(share=0.5, rate=0.09, horizon_days=90, per_day=4.0)


def member(days_ago: int, *, held_out: bool = False, left: bool | None = None) -> HoldoutMember:
    return HoldoutMember(TODAY - timedelta(days=days_ago), held_out, left)


@pytest.mark.parametrize(
    ("share", "rate", "cut", "needed"),
    [
        (0.1, 0.09, 0.33, 4_507),
        (0.5, 0.09, 0.33, 1_416),
        # 0.2 against 0.1, half each: 4.507906 × (0.16 + 0.09) × 2 ÷ 0.01 = 225.4
        (0.5, 0.2, 0.5, 225),
    ],
)
def test_how_many_accounts_are_needed(share: float, rate: float, cut: float, needed: int) -> None:
    assert calculate_needed_accounts(share, rate, cut) == needed


@pytest.mark.parametrize(("share", "rate"), [(0.0, 0.1), (1.0, 0.1), (0.5, 0.0), (0.5, 1.0)])
def test_a_share_is_between_none_and_all(share: float, rate: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        calculate_needed_accounts(share, rate)


def test_the_day_of_the_answer_at_switching_on() -> None:
    """4 accounts a day are 354 days for 1,416, and the last one's horizon is 90 days."""
    answer = judge_holdout(PLAN, [], TODAY)
    assert (answer.eligible, answer.needed, answer.verdict) == (0, 1_416, "not_yet")
    assert answer.answer_on == TODAY + timedelta(days=354 + 90)


def test_the_present_rate_counts_once_a_horizon_is_over() -> None:
    """180 accounts in 90 days are 2 a day: 1,236 more take 618 days."""
    members = [member(days) for days in range(90) for _ in range(2)]
    assert judge_holdout(PLAN, members, TODAY).answer_on == TODAY + timedelta(days=618 + 90)


def test_enough_accounts_whose_horizons_are_not_over() -> None:
    members = [member(10)] * 1_000 + [member(5)] * 1_000
    answer = judge_holdout(PLAN, members, TODAY)
    assert answer.answer_on == TODAY + timedelta(days=85)
    assert answer.effect is None


@pytest.mark.parametrize(
    ("plan", "needed"),
    [
        (HoldoutPlan(0.5, None, 90, 4.0), None),
        (HoldoutPlan(0.5, 0.0, 90, 4.0), None),
        (HoldoutPlan(0.5, 1.0, 90, 4.0), None),
        (HoldoutPlan(None, 0.09, 90, 4.0), None),
        (HoldoutPlan(0.5, 0.09, 90, 0.0), 1_416),
    ],
)
def test_no_day_without_churn_or_accounts(plan: HoldoutPlan, needed: int | None) -> None:
    answer = judge_holdout(plan, [], TODAY)
    assert (answer.needed, answer.answer_on, answer.verdict) == (needed, None, "not_yet")


def test_no_answer_before_as_many_as_planned() -> None:
    """However large the effect looks: 0 of 500 against 50 of 500."""
    members = [member(100, left=False)] * 500 + [member(100, held_out=True, left=True)] * 50
    members += [member(100, held_out=True, left=False)] * 450
    answer = judge_holdout(PLAN, members, TODAY)
    assert (answer.effect, answer.verdict) == (None, "not_yet")


def test_the_answer() -> None:
    """40 of 720 treated left, 70 of 700 held out: 5.56 % less 10 %."""
    members = [
        *[member(100, left=True)] * 40,
        *[member(100, left=False)] * 680,
        *[member(100, held_out=True, left=True)] * 70,
        *[member(100, held_out=True, left=False)] * 630,
    ]
    answer = judge_holdout(PLAN, members, TODAY)
    assert (answer.treated, answer.held_out) == (Counts(720, 40), Counts(700, 70))
    assert answer.verdict == "fewer_left"
    assert answer.effect is not None
    # z = 1.2816: 0.0556 ± Wilson (0.0457, 0.0675), 0.1 ± Wilson (0.0864, 0.1155), by hand
    assert answer.effect == pytest.approx((-0.0444, -0.0628, -0.0264), abs=5e-4)
    swapped = [HoldoutMember(m.since, not m.held_out, m.left) for m in members]
    assert judge_holdout(PLAN, swapped, TODAY).verdict == "more_left"


def test_power_and_error_on_simulated_holdouts() -> None:
    """A small version of F11 of the benchmarks."""
    assert measure_power(0.33, 60, 1) >= 0.65
    assert measure_power(0.0, 60, 1) <= 0.15
