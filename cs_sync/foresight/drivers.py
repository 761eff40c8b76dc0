"""Drivers of churn: what each of several circumstances does when the others stay the same."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from cs_sync.foresight.causes import Case, Cause, adjust_causes
from cs_sync.foresight.comparisons import Counts, calculate_normal_p
from cs_sync.foresight.observations import TENURE
from cs_sync.metrics.intervals import Z_95

MIN_CHURNED = 30
"""With fewer departures several circumstances cannot be told apart."""
MIN_CASES = 10
"""A circumstance of fewer cases, or without as many others, is left out."""
PRIOR_DEVIATION = 2.5
"""Standard deviation of the penalty on a log-odds ratio: 2.5 keeps perfect separation finite."""


class Driver(Struct, frozen=True):
    """A circumstance that holds or does not hold of an account at a month end."""

    name: str
    signal: str
    holds: Callable[[float], bool]


DRIVERS = (
    Driver("use_halved", "usage_trend_28", lambda ratio: ratio <= 0.5),
    Driver("use_grew", "usage_trend_28", lambda ratio: ratio >= 1.5),
    Driver("unused_14_days", "days_since_use", lambda days: days >= 14),
    Driver("mrr_fell", "mrr_change_90", lambda ratio: ratio < 1),
    Driver("mrr_grew", "mrr_change_90", lambda ratio: ratio > 1),
    Driver("three_tickets", "tickets_30", lambda tickets: tickets >= 3),
    Driver("detractor", "nps", lambda score: score <= 6),
    Driver("first_quarter", TENURE, lambda months: months < 3),
)
"""Circumstances of at most eight: what a CSM can see and act on."""


class DriverEffects(Struct, frozen=True):
    """The effects, and the circumstances left out because hardly anybody differs in them."""

    causes: list[Cause]
    left_out: list[str]


def measure_drivers(cases: Sequence[Case]) -> DriverEffects:
    """Measure how many times as often accounts leave under each circumstance.

    A logistic regression of all circumstances together gives the probability of each case
    with and without one of them; the effect is the ratio of the two means (standardisation).
    Its interval is by the delta method, with the variance clustered by account (Liang and
    Zeger, 1986), as an account is there at several month ends.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    import numpy as np

    chosen, left_out = [], []
    for driver in DRIVERS:
        flags = [_holds(driver, case) for case in cases]
        with_it = sum(flags)
        known = any(case.values.get(driver.signal) is not None for case in cases)
        if known and MIN_CASES <= with_it <= len(cases) - MIN_CASES:
            chosen.append((driver, flags))
        else:
            left_out.append(driver.name)
    if not chosen:
        return DriverEffects([], left_out)
    flags_of = np.array([flags for _, flags in chosen], dtype=float).T
    model = _fit(np.column_stack([flags_of, _mark_unknown(cases)]), cases)
    causes = []
    for column, (driver, flags) in enumerate(chosen):
        effect, p = _standardize(model, column)
        own = [case.churned for case, flag in zip(cases, flags, strict=True) if flag]
        counts = Counts(len(own), sum(own))
        low, high = counts.interval or (None, None)
        row = Cause("logistic", driver.name, None, counts, counts.rate, low, high, effect, p)
        causes.append(row)
    return DriverEffects(adjust_causes(causes), left_out)


def _holds(driver: Driver, case: Case) -> bool:
    value = case.values.get(driver.signal)
    return value is not None and driver.holds(value)


def _mark_unknown(cases: Sequence[Case]) -> Any:
    """Build a column for each signal that some accounts lack.

    Equal columns stand once.
    """
    import numpy as np

    columns: dict[tuple[bool, ...], None] = {}
    for signal in dict.fromkeys(driver.signal for driver in DRIVERS):
        unknown = tuple(case.values.get(signal) is None for case in cases)
        if MIN_CASES <= sum(unknown) <= len(cases) - MIN_CASES:
            columns[unknown] = None
    return np.array(list(columns), dtype=float).reshape(len(columns), len(cases)).T


class _Fitted(Struct, frozen=True):
    """A fitted model: its inputs with a first column of ones, and the coefficients."""

    inputs: Any
    coefficients: Any
    covariance: Any


def _fit(inputs: Any, cases: Sequence[Case]) -> _Fitted:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    outcomes = np.array([case.churned for case in cases], dtype=float)
    fitted = LogisticRegression(C=PRIOR_DEVIATION**2, tol=1e-8, max_iter=1_000)
    fitted.fit(inputs, outcomes)
    design = np.column_stack([np.ones(len(cases)), inputs])
    coefficients = np.concatenate([fitted.intercept_, fitted.coef_[0]])
    chances = 1 / (1 + np.exp(-design @ coefficients))
    penalty = np.eye(design.shape[1]) / PRIOR_DEVIATION**2
    penalty[0, 0] = 0.0
    bread = np.linalg.inv(design.T @ (design * (chances * (1 - chances))[:, None]) + penalty)
    numbers: dict[str, int] = {}
    groups = [numbers.setdefault(case.account, len(numbers)) for case in cases]
    scores = np.zeros((len(numbers), design.shape[1]))
    np.add.at(scores, groups, design * (outcomes - chances)[:, None])
    return _Fitted(design, coefficients, bread @ (scores.T @ scores) @ bread)


def _standardize(model: _Fitted, column: int) -> tuple[tuple[float, float, float], float]:
    """Compute the ratio of mean probabilities, and its p-value.

    With the driver to without it.
    """
    import numpy as np

    means, gradients = [], []
    for value in (1.0, 0.0):
        inputs = model.inputs.copy()
        inputs[:, column + 1] = value
        chances = 1 / (1 + np.exp(-inputs @ model.coefficients))
        means.append(chances.mean())
        gradients.append(inputs.T @ (chances * (1 - chances)) / len(inputs) / chances.mean())
    log, gradient = math.log(means[0] / means[1]), gradients[0] - gradients[1]
    error = math.sqrt(float(gradient @ model.covariance @ gradient))
    half = Z_95 * error
    effect = (math.exp(log), math.exp(log - half), math.exp(log + half))
    return effect, calculate_normal_p(log / error) if error else 1.0
