"""The money in question at an account: by its probability of leaving, else by its score."""

FULL_SCORE = 100.0


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
