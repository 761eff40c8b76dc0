"""A score as it is printed: one flat JSON object per account."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Any

from cs_sync.health.reasons import Reason
from cs_sync.health.score import Contribution, Score

FIELDS = (
    "account", "name", "as_of", "score", "band", "coverage", "mode", "contributions", "reasons",
    "change_30d",
)  # fmt: skip


def score_row(
    account_id: str,
    name: str | None,
    as_of: date,
    score: Score,
    reasons: Iterable[Reason],
    change_30d: Fraction | float | None = None,
) -> dict[str, Any]:
    """The fields of `cs-sync score`; the score is not rounded, so that contributions sum to it."""
    values = (
        account_id, name, as_of.isoformat(), _number(score.score), score.band,
        float(score.coverage), score.mode, contribution_rows(score),
        [reason.text for reason in reasons], _number(change_30d),
    )  # fmt: skip
    return dict(zip(FIELDS, values, strict=True))


def contribution_rows(score: Score) -> list[dict[str, Any]]:
    """Known inputs with value, points, weight and contribution; unknown ones have none."""
    return [_contribution(contribution) for contribution in score.contributions]


def _contribution(of: Contribution) -> dict[str, Any]:
    return {
        "input": of.input,
        "value": of.value,
        "points": float(of.points),
        "weight": float(of.weight),
        "contribution": float(of.contribution),
    }


def _number(value: Fraction | float | None) -> float | None:
    return None if value is None else float(value)
