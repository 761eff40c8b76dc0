"""A score as one flat JSON object per account."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Any

from cs_sync.health.reasons import ScoreReason
from cs_sync.health.score import Contribution, HealthScore

SCORE_FIELDS = (
    "account", "name", "as_of", "score", "band", "coverage", "mode", "contributions", "reasons",
    "change_30d",
)  # fmt: skip


def build_score_row(
    account_id: str,
    name: str | None,
    as_of: date,
    score: HealthScore,
    reasons: Iterable[ScoreReason],
    change_30d: Fraction | float | None = None,
) -> dict[str, Any]:
    """Build the fields of `cs-sync score`.

    The score is not rounded: the contributions sum to it.

    Args:
        account_id: The account.
        name: Its name.
        as_of: The day of the score.
        score: Its score.
        reasons: The reasons, the most costly first.
        change_30d: The change over 30 days, in points; None if unknown.
    """
    values = (
        account_id, name, as_of.isoformat(), _to_float(score.score), score.band,
        float(score.coverage), score.mode, build_contribution_rows(score),
        [reason.text for reason in reasons], _to_float(change_30d),
    )  # fmt: skip
    return dict(zip(SCORE_FIELDS, values, strict=True))


def build_contribution_rows(score: HealthScore) -> list[dict[str, Any]]:
    """Build value, points, weight and contribution per known input.

    Unknown ones have no row.
    """
    return [_build_contribution_row(contribution) for contribution in score.contributions]


def _build_contribution_row(of: Contribution) -> dict[str, Any]:
    return {
        "input": of.input,
        "value": of.value,
        "points": float(of.points),
        "weight": float(of.weight),
        "contribution": float(of.contribution),
    }


def _to_float(value: Fraction | float | None) -> float | None:
    return None if value is None else float(value)
