"""Money at risk: what an account pays, by how likely it is to be lost."""

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

from cs_sync_schemas.money import to_major_units

FULL_SCORE = 100.0

RiskBasis = Literal["churn_probability", "missing_health", "given_notice"]
BASES: tuple[RiskBasis, ...] = get_args(RiskBasis)


class RiskShare(Struct, frozen=True):
    """The share of an account's MRR that is at risk, 0 to 1, and what it rests on."""

    share: float
    basis: RiskBasis

    def apply(self, mrr: int) -> int:
        """Apply the share to an MRR.

        Amounts are in minor units.
        """
        return round(mrr * self.share)


def assess_risk(
    score: float | None, churn_probability: float | None = None, *, leaving: bool = False
) -> RiskShare:
    """Assess which share of an account's MRR is at risk.

    All of who has given notice for all it pays; else the probability of leaving, while an
    accepted model gives one; else what the health score lacks to 100.

    Args:
        score: The health score; above 100 nothing is at risk, unknown counts as 0.
        churn_probability: None while no accepted model fits.
        leaving: Whether all that it pays for is going to end.
    """
    if leaving:
        return RiskShare(1.0, "given_notice")
    if churn_probability is not None:
        return RiskShare(churn_probability, "churn_probability")
    missing = (FULL_SCORE - min(float(score or 0), FULL_SCORE)) / FULL_SCORE
    return RiskShare(missing, "missing_health")


def calculate_money_at_risk(
    mrr: Mapping[str, int], risk: RiskShare, owed: Mapping[str, int] | None = None
) -> float:
    """Calculate MRR × share at risk, in currency units.

    Currencies count at par: this is an order of attention, not a sum. Who pays no MRR, as a paused
    customer, counts with what is owed.

    Args:
        mrr: Currency → minor units per month.
        risk: The share of it that is at risk.
        owed: Currency → minor units of overdue invoices.
    """
    return _add_up(mrr) * risk.share if any(mrr.values()) else _add_up(owed or {})


def _add_up(amounts: Mapping[str, int]) -> float:
    return float(sum(to_major_units(amount, currency) for currency, amount in amounts.items()))
