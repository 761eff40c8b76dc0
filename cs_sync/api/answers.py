"""Rows of scores and of the backtest, as `cs-sync score` and `cs-sync backtest` print them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class InputScore:
    """What one known input adds to a score."""

    input: str
    value: float
    points: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class AccountScore:
    """The health of an account on a day; None is unknown.

    Probabilities are known while a model is accepted, with the share that left of so many accounts
    alike; priority is in minor units of its currency.
    """

    account: str
    name: str | None
    as_of: date
    score: float | None
    band: str
    coverage: float
    mode: str
    contributions: tuple[InputScore, ...]
    reasons: tuple[str, ...]
    change_30d: float | None
    left_out: tuple[str, ...]
    is_customer: bool
    churn_probability: float | None
    churn_from: date | None
    churn_until: date | None
    churn_alike_rate: float | None
    churn_alike_n: int | None
    expand_probability: float | None
    priority_minor: int | None
    priority_basis: str | None
    currency: str | None


def build_account_score(row: Mapping[str, Any]) -> AccountScore:
    """Build the score of a row of `cs-sync score`."""
    return AccountScore(
        **{
            **row,
            "as_of": date.fromisoformat(row["as_of"]),
            "contributions": tuple(
                InputScore(**contribution) for contribution in row["contributions"]
            ),
            "reasons": tuple(row["reasons"]),
            "left_out": tuple(row["left_out"]),
        }
    )


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Accounts of one predicted chance, and the share of them that left."""

    n: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """How well one subject predicted one target; None is unknown."""

    subject: str
    target: str
    horizon_days: int
    cutoffs: int
    accounts: int
    observations: int
    churned: int
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    auc_within: float | None
    auc_within_low: float | None
    auc_within_high: float | None
    brier: float | None
    brier_skill: float | None
    skill_low: float | None
    skill_high: float | None
    log_loss: float | None
    lift_top_decile: float | None
    lift_capacity: float | None
    precision_red: float | None
    recall_red: float | None
    slope: float | None
    verdict: str
    needed_churned: int | None
    bins: tuple[CalibrationBin, ...]
    promoted: bool


def build_backtest_result(row: Mapping[str, Any]) -> BacktestResult:
    """Build the result of a row of `cs-sync backtest`."""
    return BacktestResult(
        **{**row, "bins": tuple(CalibrationBin(**calibration) for calibration in row["bins"])}
    )
