"""What accepted models expect of accounts, and the money in question at each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

FULL_SCORE = 100.0
USUAL, SURE = 0.35, 0.95
"""From the first on a chance is given in tenths, from the second on in hundredths."""
MAX_ODDS = 1000


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the accepted models expect; empty while there is none."""

    chances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Account id → target → probability."""
    churn_from: date | None = None
    """The first day of leaving that the churn probability counts."""
    churn_until: date | None = None
    """The last one."""

    def get_churn_probability(self, account: str) -> float | None:
        """Return an account's churn probability; None while no accepted model fits."""
        return self.chances.get(account, {}).get("churn")

    def row(self, account: str) -> dict[str, Any]:
        """Return an account's probabilities, with the days of the churn probability."""
        churn = self.get_churn_probability(account)
        return {
            "churn_probability": churn,
            "churn_from": None if churn is None else self.churn_from,
            "churn_until": None if churn is None else self.churn_until,
            "expand_probability": self.chances.get(account, {}).get("expansion"),
        }


def convert_to_odds(probability: float) -> tuple[int, int]:
    """Convert a probability to few in many: 0.57 to 6 in 10.

    1 in 1,000 at least.
    """
    if probability < 1 / MAX_ODDS:
        return 1, MAX_ODDS
    if probability < USUAL:
        return 1, round(1 / probability)
    if probability < SURE:
        return round(probability * 10), 10
    return min(round(probability * 100), 99), 100


def calculate_priority(mrr: int, churn_probability: float | None, score: float | None) -> int:
    """Calculate P(churn) × MRR; without a probability MRR × missing health.

    Args:
        mrr: Minor units per month.
        churn_probability: None while no accepted model fits.
        score: The health score; above 100 nothing is in question, unknown counts as 0.

    Returns:
        Minor units.
    """
    if churn_probability is not None:
        return round(mrr * churn_probability)
    return round(mrr * (FULL_SCORE - min(score or 0.0, FULL_SCORE)) / FULL_SCORE)
