"""The account bootstrap: whole accounts are drawn, with all their months."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cs_sync.foresight.panel import Floats
from cs_sync.metrics.intervals import Interval

DRAWS, SEED = 400, 1
LEVEL = 0.9
"""Intervals run from the lower to the upper 5 % point."""
_DRAWN_AT_ONCE = 50


def resample_sums(sums: Floats | NDArray[np.float32]) -> Floats:
    """Resample accounts and add up their sums: one row per draw.

    Args:
        sums: One row per account, one column per figure to add up.
    """
    accounts, random = len(sums), np.random.default_rng(SEED)
    drawn = []
    for _ in range(0, DRAWS, _DRAWN_AT_ONCE):
        weights: NDArray[Any] = np.array(
            [
                np.bincount(random.integers(0, accounts, accounts), minlength=accounts)
                for _ in range(_DRAWN_AT_ONCE)
            ],
            dtype=sums.dtype,
        )
        drawn.append(weights @ sums)
    return np.concatenate(drawn).astype(np.float64)


def find_interval(figures: Floats) -> Interval | None:
    """Return the interval of resampled figures; None with too few."""
    known = figures[np.isfinite(figures)]
    if len(known) < DRAWS / 2:
        return None
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
