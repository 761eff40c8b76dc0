"""Money at risk: what an account pays, by how far its score is from full."""

from collections.abc import Mapping

from cs_sync_schemas.money import to_major_units

FULL_SCORE = 100.0


def calculate_money_at_risk(
    mrr: Mapping[str, int], score: float | None, owed: Mapping[str, int] | None = None
) -> float:
    """Calculate MRR × (100 − score) ÷ 100, in currency units.

    Currencies count at par: this is an order of attention, not a sum. Who pays no MRR, as a paused
    customer, counts with what is owed.

    Args:
        mrr: Currency → minor units per month.
        score: The health score; above 100 nothing is at risk, and unknown counts as 0.
        owed: Currency → minor units of overdue invoices.
    """
    if not any(mrr.values()):
        return _add_up(owed or {})
    units = _add_up(mrr)
    return units * (FULL_SCORE - min(float(score or 0), FULL_SCORE)) / FULL_SCORE


def _add_up(amounts: Mapping[str, int]) -> float:
    return float(sum(to_major_units(amount, currency) for currency, amount in amounts.items()))
