"""F7: how often the 90 % interval of the expected loss holds the truth."""

import numpy as np

from benchmarks.foresight.proof import Proof
from cs_sync.foresight.expected_loss import (
    AccountRisk,
    PastForecast,
    calculate_moments,
    estimate_loss,
)

ACCOUNTS, MONTHS, HORIZON = 1_000, 24, 3
MONTHLY_CHURN, SPREAD_OF_LOGITS = 0.02, 0.9
SHOCK = 0.35
"""Standard deviation of what all accounts of a month have in common, on the logit."""


def prove_coverage(simulations: int = 200, seed: int = 7) -> list[Proof]:
    """Measure the coverage without and with a common monthly shock."""
    proofs = []
    for shock, low, high in ((0.0, 0.86, 0.94), (SHOCK, 0.85, 1.0)):
        share = measure_coverage(shock, simulations, seed)
        wanted = f"{low} to {high}" if high < 1 else f"at least {low}"
        name = f"F7 coverage, common monthly shock of {shock}"
        proofs.append(Proof(name, f"{share:.3f}", wanted, low <= share <= high))
    return proofs


def measure_coverage(shock: float, simulations: int, seed: int) -> float:
    """Return the share of simulated books whose loss lies in its interval."""
    generator = np.random.default_rng(seed)
    return sum(_is_covered(generator, shock) for _ in range(simulations)) / simulations


def _is_covered(generator: np.random.Generator, shock: float) -> bool:
    """Simulate a book of accounts with 24 months behind it and one horizon ahead."""
    logits = np.log(MONTHLY_CHURN / (1 - MONTHLY_CHURN)) + generator.normal(
        0, SPREAD_OF_LOGITS, ACCOUNTS
    )
    mrr = np.round(np.exp(generator.normal(9.0, 1.0, ACCOUNTS))).astype(int)
    months = MONTHS + HORIZON
    left = np.full(ACCOUNTS, months)
    for month in range(months):
        hazard = 1 / (1 + np.exp(-(logits + generator.normal(0, shock) if shock else logits)))
        gone = (left == months) & (generator.random(ACCOUNTS) < hazard)
        left[gone] = month
    probability = 1 - (1 - _average_hazard(logits, shock)) ** HORIZON
    forecasts = []
    for cutoff in range(MONTHS + 1):
        stayed = left >= cutoff
        risks = [AccountRisk(p, m) for p, m in zip(probability[stayed], mrr[stayed], strict=True)]
        lost = int(mrr[stayed & (left < cutoff + HORIZON)].sum())
        forecasts.append((risks, lost))
    past = [PastForecast(calculate_moments(r), lost) for r, lost in forecasts[:-HORIZON]]
    risks, lost = forecasts[-1]
    loss = estimate_loss(risks, past, HORIZON)
    assert loss.low is not None
    assert loss.high is not None
    return loss.low <= lost <= loss.high


def _average_hazard(logits: np.ndarray, shock: float) -> np.ndarray:
    """Return the hazards of an average month, which is what a model learns."""
    places = np.linspace(-3, 3, 41)
    weights = np.exp(-(places**2) / 2)
    hazards = 1 / (1 + np.exp(-(logits[:, None] + shock * places)))
    averages: np.ndarray = hazards @ (weights / weights.sum())
    return averages
