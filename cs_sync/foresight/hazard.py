"""Fitting: penalised binary regression by Fisher scoring, and hazards on account-months."""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from cs_sync.foresight.inputs import Input
from cs_sync.foresight.model import HazardModel, Term
from cs_sync.foresight.panel import Flags, Floats, Ints, Panel

PENALTY = 10.0
"""λ of ½ λ Σβ² on standardised inputs: horizons of one account overlap, so that its rows say less
than as many accounts would."""
_STEPS, _HALVINGS, _TOLERANCE = 50, 20, 1e-10
_SMALLEST = 1e-12
"""Probabilities are kept so far from 0 and 1."""

Link = Callable[[Floats], tuple[Floats, Floats]]
"""Linear predictor → probability and its derivative."""


class Regression(Struct, frozen=True):
    """A fitted binary regression; `covariance` is of intercept and coefficients."""

    intercept: float
    coefficients: Floats
    covariance: Floats


def apply_logit(eta: Floats) -> tuple[Floats, Floats]:
    """Return probability and derivative of the logit link."""
    p = 1 / (1 + np.exp(-np.clip(eta, -500, 500)))
    return p, p * (1 - p)


def apply_cloglog(eta: Floats) -> tuple[Floats, Floats]:
    """Return probability and derivative of the complementary log-log link.

    Of months it is the proportional-hazards model (Prentice and Gloeckler, 1978).
    """
    rate = np.exp(np.clip(eta, -500, 30))
    return -np.expm1(-rate), rate * np.exp(-rate)


def fit_binary(
    x: Floats, y: Flags, *, penalty: float = PENALTY, link: Link = apply_logit
) -> Regression:
    """Fit P(y) = link(intercept + x·β) by Fisher scoring.

    With the penalty ½ penalty Σβ².

    Args:
        x: One row per case, one column per input, standardised.
        y: Whether the event came.
        penalty: Of the coefficients, not of the intercept; 0 for maximum likelihood.
        link: The link.
    """
    width = x.shape[1]
    rate = float(np.clip(np.mean(y), _SMALLEST, 1 - _SMALLEST))
    start = np.log(rate / (1 - rate)) if link is apply_logit else np.log(-np.log1p(-rate))
    beta = np.concatenate([[start], np.zeros(width)])
    ridge = np.concatenate([[0.0], np.full(width, penalty)])
    event = y.astype(np.float64)
    information = np.eye(width + 1)
    p, slope, value = _evaluate(x, event, beta, ridge, link)
    for _ in range(_STEPS):
        scaled = slope / (p * (1 - p))
        residual = scaled * (event - p)
        weight = scaled * slope
        weighted = x * weight[:, None]
        information[0, 0] = weight.sum()
        information[0, 1:] = information[1:, 0] = weighted.sum(axis=0)
        information[1:, 1:] = x.T @ weighted
        information[np.diag_indices(width + 1)] += ridge
        gradient = np.concatenate([[residual.sum()], x.T @ residual]) - ridge * beta
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        last = value
        for halving in range(_HALVINGS):
            trial = beta + step / 2**halving
            p, slope, value = _evaluate(x, event, trial, ridge, link)
            if value <= last * (1 + 1e-12):
                break
        beta = trial
        if abs(last - value) <= _TOLERANCE * (abs(value) + _TOLERANCE):
            break
    return Regression(float(beta[0]), beta[1:], np.asarray(np.linalg.pinv(information), float))


def _evaluate(
    x: Floats, event: Floats, beta: Floats, ridge: Floats, link: Link
) -> tuple[Floats, Floats, float]:
    """Return probabilities, their slope, and the penalised loss."""
    p, slope = link(beta[0] + x @ beta[1:])
    p = np.clip(p, _SMALLEST, 1 - _SMALLEST)
    likelihood = np.log(np.where(event > 0, p, 1 - p)).sum()
    return p, slope, float(0.5 * (ridge * beta * beta).sum() - likelihood)


def fit_hazard(
    panel: Panel, rows: Ints, event: Flags, inputs: Sequence[Input], penalty: float = PENALTY
) -> HazardModel:
    """Fit a hazard on some observations and nothing else.

    Inputs that are constant or all missing there are left out.

    Args:
        panel: The observations.
        rows: Those to learn from.
        event: Of each of them, whether the event came.
        inputs: The inputs, at most eight.
        penalty: Of the coefficients of the standardised inputs.
    """
    columns: list[Floats] = []
    facts: list[tuple[Input, float, float, float, float, float]] = []
    for item in inputs:
        values = panel.select_values(item, rows)
        missing = np.isnan(values)
        if missing.all():
            continue
        median = float(np.median(values[~missing]))
        filled = np.where(missing, median, values)
        mean, deviation = float(filled.mean()), float(filled.std())
        share = float(missing.mean())
        spread = float(np.sqrt(share * (1 - share)))
        if deviation <= 1e-9 * max(1.0, abs(mean)) and not spread:
            continue
        facts.append((item, median, mean, deviation, share, spread))
        columns.append((filled - mean) / deviation if deviation else np.zeros(len(filled)))
        if spread:
            columns.append((missing - share) / spread)
    x = np.column_stack(columns) if columns else np.empty((len(rows), 0))
    fitted = fit_binary(x, event, penalty=penalty)
    terms, weights = [], iter(fitted.coefficients.tolist())
    for item, median, mean, deviation, share, spread in facts:
        weight = next(weights) / (deviation or 1.0)
        missing_weight = next(weights) / spread if spread else 0.0
        terms.append(Term(item.name, median, mean, weight, share, missing_weight))
    return HazardModel(fitted.intercept, tuple(terms))


def predict_hazard(model: HazardModel, panel: Panel, rows: Ints, inputs: Sequence[Input]) -> Floats:
    """Predict the probability of some observations."""
    by_name = {item.name: item for item in inputs}
    log_odds = np.full(len(rows), model.intercept)
    for term in model.terms:
        values = panel.select_values(by_name[term.input], rows)
        missing = np.isnan(values)
        filled = np.where(missing, term.median, values)
        log_odds += term.weight * (filled - term.mean)
        log_odds += term.missing_weight * (missing - term.missing_mean)
    return apply_logit(log_odds)[0]


def list_unusable(panel: Panel, rows: Ints, inputs: Sequence[Input]) -> dict[str, str]:
    """Map input → why it says nothing in these rows."""
    unusable = {}
    for item in inputs:
        values = panel.select_values(item, rows)
        known = values[~np.isnan(values)]
        if not len(known):
            unusable[item.name] = "all missing"
        elif len(known) == len(values) and float(np.ptp(known)) == 0:
            unusable[item.name] = "constant"
    return unusable
