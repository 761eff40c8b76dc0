"""Figures of a judgement, worked out by hand, and the gate's verdicts."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from cs_sync.foresight.gate import classify_verdict, rule_on
from cs_sync.foresight.judgement import (
    Judgement,
    Predictions,
    calculate_auc,
    calculate_auc_within,
    calculate_slope,
    judge_predictions,
)

HAND = Predictions(
    account=np.array([0, 1, 2, 3, 4, 5]),
    cutoff=np.array([0, 0, 0, 1, 1, 1]),
    event=np.array([True, False, False, True, False, False]),
    probability=np.array([0.8, 0.2, 0.4, 0.5, 0.5, 0.1]),
    base=np.full(6, 1 / 3),
    red=np.array([True, False, False, True, True, False]),
)


def test_error_and_skill_by_hand() -> None:
    """Squares .04 .04 .16 .25 .25 .01 are .75; of the base rate 2 × 4/9 + 4 × 1/9 = 4/3."""
    judged = judge_predictions(HAND, capacity=1)
    assert judged.brier == pytest.approx(0.125)
    assert judged.skill == pytest.approx(1 - 0.75 / (4 / 3))
    logs = sum(map(math.log, (0.8, 0.8, 0.6, 0.5, 0.5, 0.9)))
    assert judged.log_loss == pytest.approx(-logs / 6)
    assert (judged.observations, judged.accounts, judged.events, judged.churned) == (6, 6, 2, 2)


def test_order_by_hand() -> None:
    """Of 8 pairs .8 wins 4 and .5 wins 3 and ties one."""
    assert calculate_auc(HAND.probability, HAND.event) == pytest.approx(7.5 / 8)
    assert calculate_auc(HAND.probability, np.zeros(6, bool)) is None


def test_order_within_months_by_hand() -> None:
    """Of 2 pairs .8 wins 2, of 2 pairs .5 wins one and ties one."""
    judged = judge_predictions(HAND, capacity=1)
    assert judged.auc_within == pytest.approx(3.5 / 4)
    one_class = replace(HAND, event=HAND.cutoff == 0)
    assert judge_predictions(one_class, capacity=1).auc_within is None


def test_a_rate_that_changes_orders_nobody_within_a_month() -> None:
    """Of 200 accounts 2 leave in the first month, then 50: the base rate knows when, not who."""
    account = np.tile(np.arange(200), 2)
    cutoff = np.repeat([0, 1], 200)
    rate = np.where(cutoff == 0, 0.01, 0.25)
    event = account < rate * 200
    flat = Predictions(account, cutoff, event, rate, rate, event)
    judged = judge_predictions(flat, capacity=1)
    assert judged.auc is not None
    assert judged.auc > 0.7
    assert (judged.auc_within, judged.auc_within_interval) == (0.5, (0.5, 0.5))


@pytest.mark.slow("draws accounts two hundred times")
def test_the_interval_within_months_is_that_of_draws() -> None:
    """As wide as drawing accounts and counting all pairs anew, to a tenth."""
    random = np.random.default_rng(3)
    account, cutoff = np.tile(np.arange(300), 3), np.repeat([0, 1, 2], 300)
    risk = random.standard_normal(300)[account]
    event = random.random(900) < 1 / (1 + np.exp(2 - risk))
    made = Predictions(account, cutoff, event, 1 / (1 + np.exp(-risk)), np.zeros(900), event)
    low, high = judge_predictions(made, 1).auc_within_interval or (0, 0)
    drawn = []
    for _ in range(200):
        rows = np.concatenate([random.integers(0, 300, 300)] * 3) + cutoff * 300
        redrawn = replace(made, event=event[rows], probability=made.probability[rows])
        drawn.append((calculate_auc_within(redrawn) or (0, None))[0])
    expected_low, expected_high = np.quantile(drawn, [0.05, 0.95])
    assert (low, high) == pytest.approx((expected_low, expected_high), abs=0.01)


def test_lift_and_red_by_hand() -> None:
    """At k = 1 the first cutoff hits, the second does half, as two are equally likely."""
    judged = judge_predictions(HAND, capacity=1)
    assert judged.lift_capacity == pytest.approx((1.5 / 2) / (2 / 6))
    assert judged.lift_top_decile == judged.lift_capacity
    assert judged.precision_red == pytest.approx((1 + 1) / 3)
    assert judged.recall_red == pytest.approx(1.0)
    nobody = judge_predictions(replace(HAND, red=np.zeros(6, bool)), capacity=1)
    assert (nobody.precision_red, nobody.recall_red) == (None, None)


@pytest.mark.slow("simulates books")
def test_the_slope_finds_predictions_that_are_too_extreme() -> None:
    random = np.random.default_rng(5)
    log_odds = random.standard_normal(40_000)
    event = random.random(40_000) < 1 / (1 + np.exp(-log_odds))
    right, extreme = (1 / (1 + np.exp(-times * log_odds)) for times in (1, 2))
    assert calculate_slope(right, event) == pytest.approx(1.0, abs=0.04)
    assert calculate_slope(extreme, event) == pytest.approx(0.5, abs=0.02)
    assert calculate_slope(np.full(9, 0.3), np.arange(9) < 3) is None


@pytest.mark.slow("simulates books")
def test_an_interval_is_as_wide_as_accounts_differ_not_as_months_do() -> None:
    """The same accounts ten times over say no more than once."""
    random = np.random.default_rng(2)
    p = random.uniform(0.05, 0.6, 300)
    once = Predictions(
        np.arange(300), np.zeros(300, int), random.random(300) < p, p, np.full(300, 0.3),
        np.zeros(300, bool),
    )  # fmt: skip
    often = Predictions(
        np.tile(once.account, 10), np.repeat(np.arange(10), 300), np.tile(once.event, 10),
        np.tile(p, 10), np.tile(once.base, 10), np.tile(once.red, 10),
    )  # fmt: skip
    first, ten = (judge_predictions(some, 20) for some in (once, often))
    assert first.skill_interval == pytest.approx(ten.skill_interval)
    assert first.auc_interval == pytest.approx(ten.auc_interval, abs=0.02)
    events = once.event.sum()
    error = math.sqrt(0.25 / events)  # of the order of Hanley and McNeil's standard error
    low, high = first.auc_interval or (0, 0)
    assert 0.2 * error < (high - low) / 2 < 2 * error


def test_bins_hold_everybody() -> None:
    judged = judge_predictions(HAND, capacity=1)
    assert sum(item.n for item in judged.bins) == 6
    assert max(item.accounts for item in judged.bins) <= 6
    assert [item.high for item in judged.bins] == sorted({item.high for item in judged.bins})
    assert sum(item.n * item.observed for item in judged.bins) == pytest.approx(2)


GOOD = Judgement(
    observations=1000, accounts=300, events=90, churned=90, auc=0.7, auc_interval=(0.6, 0.8),
    auc_within=0.7, auc_within_interval=(0.6, 0.8),
    brier=0.07, skill=0.05, skill_interval=(0.01, 0.09), log_loss=0.3, lift_top_decile=3.0,
    lift_capacity=3.0, precision_red=None, recall_red=None, slope=1.0, bins=(),
)  # fmt: skip


def test_the_gate_needs_skill_calibration_and_churned_accounts() -> None:
    assert rule_on(GOOD).verdict == "signal"
    assert rule_on(replace(GOOD, skill_interval=(0.0, 0.1))).verdict == "no signal"
    assert rule_on(replace(GOOD, slope=0.69)).verdict == "no signal"
    assert rule_on(replace(GOOD, slope=1.31)).verdict == "no signal"
    assert rule_on(replace(GOOD, slope=None)).verdict == "no signal"
    assert rule_on(replace(GOOD, churned=29)).verdict == "too little data"
    rounding = replace(GOOD, skill=2e-9, skill_interval=(1e-9, 3e-9))
    assert (rule_on(rounding).verdict, rule_on(rounding).needed_churned) == ("no signal", 110)


def test_how_many_more_are_needed() -> None:
    """An error twice the skill needs four times the accounts: 3 × 90 more."""
    unsure = replace(GOOD, skill=0.02, skill_interval=(-0.02, 0.06))
    assert rule_on(unsure).needed_churned == 270
    assert rule_on(replace(GOOD, skill=-0.01, skill_interval=(-0.1, 0.0))).needed_churned == 110
    hopeless = replace(GOOD, churned=400, skill=-0.01, skill_interval=(-0.1, 0.0))
    assert rule_on(hopeless).needed_churned is None
    few = replace(GOOD, churned=12)
    assert rule_on(few).needed_churned == 188


@pytest.mark.parametrize(
    ("verdict", "skill_low", "needed", "meaning"),
    [
        ("signal", 0.01, None, "signal"),
        ("no signal", 0.01, None, "uncalibrated"),
        ("no signal", -0.01, 40, "no_signal"),
        ("no signal", -0.01, None, "never"),
        ("too little data", None, 190, "too_little"),
        ("too little data", None, None, "no_earlier"),
    ],
)
def test_a_verdict_says_what_would_have_to_change(
    verdict: str, skill_low: float | None, needed: int | None, meaning: str
) -> None:
    row = {"verdict": verdict, "skill_low": skill_low, "needed_churned": needed}
    assert classify_verdict(row) == meaning


def test_wrong_probabilities_are_not_mended_by_more_accounts() -> None:
    assert rule_on(replace(GOOD, slope=1.31)).needed_churned is None
