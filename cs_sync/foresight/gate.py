"""The gate: whether predictions may be believed, and else how much more history it takes."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:  # its arrays come with an extra, and the report is read without
    from cs_sync.foresight.judgement import Judgement

LEAST_CHURNED = 30
"""With fewer accounts that left, two predictions cannot be told apart."""
LOWEST_SLOPE, HIGHEST_SLOPE = 0.7, 1.3
PLANNED_CHURNED = 200
"""Accounts that left with which a useful order (AUC 0.67) passes nine times in ten."""
MOST_CHURNED = 5000
"""A skill that needs more is none that a team would notice."""

LEAST_SKILL = 1e-4
"""Up to it a skill is the rounding of fits that come to the base rate, such as of a constant."""

Verdict = Literal["signal", "no signal", "too little data"]
Meaning = Literal["signal", "uncalibrated", "no_signal", "never", "too_little", "no_earlier"]


class Ruling(Struct, frozen=True):
    """The gate's verdict, and about how many more accounts must be seen leaving.

    Without a number more of the same would not change the verdict.
    """

    verdict: Verdict
    needed_churned: int | None = None


def rule_on(judgement: "Judgement") -> Ruling:
    """Rule whether predictions are informative.

    They are where the lower 5 % point of the resampled Brier skill is above 0, by more than
    rounding, and the calibration slope lies in 0.7 to 1.3, both of all cutoffs together.
    """
    if judgement.churned < LEAST_CHURNED:
        return Ruling("too little data", estimate_needed(judgement))
    low = None if judgement.skill_interval is None else judgement.skill_interval[0]
    calibrated = judgement.slope is not None and LOWEST_SLOPE <= judgement.slope <= HIGHEST_SLOPE
    has_skill = low is not None and low > LEAST_SKILL
    if has_skill and calibrated:
        return Ruling("signal")
    return Ruling("no signal", None if has_skill else estimate_needed(judgement))


def estimate_needed(judgement: "Judgement") -> int | None:
    """Estimate how many more accounts must be seen leaving for a verdict.

    The error of the skill falls with the root of their number; a skill of 0 or less says only
    what the planned number says.

    Returns:
        None where more of the same would not change it.
    """
    seen, skill, interval = judgement.churned, judgement.skill, judgement.skill_interval
    if seen < LEAST_CHURNED or skill is None or interval is None:
        return max(PLANNED_CHURNED - seen, LEAST_CHURNED - seen)
    if skill > LEAST_SKILL:
        total = math.ceil(seen * ((skill - interval[0]) / skill) ** 2)
        return None if total > MOST_CHURNED else max(total - seen, 1)
    return PLANNED_CHURNED - seen if seen < PLANNED_CHURNED else None


def classify_verdict(row: Mapping[str, Any]) -> Meaning:
    """Classify a verdict by what would have to change for a signal.

    Args:
        row: A row of `cs-sync backtest`.
    """
    is_hopeless = row["needed_churned"] is None
    if row["verdict"] == "signal":
        return "signal"
    if row["verdict"] == "too little data":
        return "no_earlier" if is_hopeless else "too_little"
    if row["skill_low"] is not None and row["skill_low"] > LEAST_SKILL:
        return "uncalibrated"
    return "never" if is_hopeless else "no_signal"
