"""F11: how often a holdout finds an effect that is there, and one that is not."""

from datetime import date, timedelta

import numpy as np

from benchmarks.foresight.proof import Proof
from cs_sync.foresight.holdouts import (
    EXPECTED_CUT,
    HoldoutMember,
    HoldoutPlan,
    calculate_needed_accounts,
    judge_holdout,
)

SHARE, RATE, HORIZON = 0.5, 0.09, 90
START = date(2025, 1, 1)


def prove_power(simulations: int = 1_000, seed: int = 11) -> list[Proof]:
    """Measure how often churn is found to fall, with a cut of a third and with none."""
    needed = calculate_needed_accounts(SHARE, RATE)
    power = measure_power(EXPECTED_CUT, simulations, seed)
    false = measure_power(0.0, simulations, seed)
    tenth = calculate_needed_accounts(0.1, RATE)
    return [
        Proof("F11 accounts, holdout of 50 %", f"{needed:,}", "1,416", needed == 1_416),
        Proof("F11 accounts, holdout of 10 %", f"{tenth:,}", "4,507", tenth == 4_507),
        Proof("F11 found, a third less churn", f"{power:.3f}", "at least 0.75", power >= 0.75),
        Proof("F11 found, no effect", f"{false:.3f}", "at most 0.10", false <= 0.10),
    ]


def measure_power(cut: float, simulations: int, seed: int) -> float:
    """Return the share of simulated holdouts in which fewer of the treated left."""
    generator = np.random.default_rng(seed)
    plan = HoldoutPlan(SHARE, RATE, HORIZON, 10.0)
    needed = calculate_needed_accounts(SHARE, RATE)
    today = START + timedelta(days=HORIZON)
    detected = 0
    for _ in range(simulations):
        held_out = generator.random(needed) < SHARE
        left = generator.random(needed) < np.where(held_out, RATE, RATE * (1 - cut))
        sides = zip(held_out.tolist(), left.tolist(), strict=True)
        members = [HoldoutMember(START, side, gone) for side, gone in sides]
        detected += judge_holdout(plan, members, today).verdict == "fewer_left"
    return detected / simulations
