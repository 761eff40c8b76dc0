"""Calculation of a score from readings: pure and exact; contributions sum to the score."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

from cs_sync.health.model import HealthConfig, InputConfig, Point, to_fraction
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.registry import Reading

INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Contribution:
    """The contribution of one known input to the score.

    Weighted: `weight` is its share of 100 among the known inputs, `points` are 0 to 100,
    and contribution = points × weight ÷ 100. Points: contribution = points × weight.
    """

    input: str
    signal: str
    value: float
    points: Fraction
    weight: Fraction
    contribution: Fraction


@dataclass(frozen=True, slots=True)
class MissingInput:
    """An input without a value, with the reason: no facts, or only stale ones."""

    input: str
    signal: str
    why: Literal["no facts", "stale"]


@dataclass(frozen=True, slots=True)
class HealthScore:
    """The health of an account.

    Below the minimum coverage `score` is None and the band `insufficient`; `coverage` is
    the known share of the weights, 0 to 1.
    """

    mode: str
    model: str
    score: Fraction | None
    band: str
    coverage: Fraction
    contributions: tuple[Contribution, ...]
    missing: tuple[MissingInput, ...]


def score_account(
    readings: Mapping[str, Reading], config: HealthConfig, scope: SignalScope
) -> HealthScore:
    """Score an account from the readings of its signals.

    Unknown and stale inputs count neither as 0 nor as full: the weights of the known ones
    are scaled up to the whole, and `coverage` is the known share.

    Args:
        readings: Signal name → its reading; an absent one is unknown.
        config: The health model of the account.
        scope: The day of the score.
    """
    values: dict[str, float] = {}
    missing = []
    for name, item in config.active().items():
        reading = readings.get(item.signal)
        if reading is None or reading.value is None:
            missing.append(MissingInput(name, item.signal, "no facts"))
        elif _is_stale(reading, item, scope):
            missing.append(MissingInput(name, item.signal, "stale"))
        else:
            values[name] = reading.value
    coverage = calculate_coverage(config, values)
    contributions = calculate_contributions(config, values)
    enough = bool(values) and coverage >= to_fraction(config.minimum_coverage)
    total = sum((c.contribution for c in contributions), Fraction(0)) if enough else None
    band = INSUFFICIENT if total is None else config.bands.find_band(total)
    return HealthScore(
        config.mode, config.digest(), total, band, coverage, contributions, tuple(missing)
    )


def calculate_coverage(config: HealthConfig, values: Mapping[str, float]) -> Fraction:
    """Return the known share of all weights, 0 to 1."""
    weights = {name: abs(to_fraction(item.weight)) for name, item in config.active().items()}
    return sum((weights[name] for name in values), Fraction(0)) / sum(weights.values())


def calculate_contributions(
    config: HealthConfig, values: Mapping[str, float]
) -> tuple[Contribution, ...]:
    """Calculate the contribution of each known input.

    Args:
        config: The health model.
        known: Input name → the value of its signal.
    """
    items = {name: item for name, item in config.active().items() if name in values}
    total = sum((to_fraction(item.weight) for item in items.values()), Fraction(0))
    contributions = []
    for name, item in items.items():
        value, weight = values[name], to_fraction(item.weight)
        points = interpolate(item.points, value) if item.points else to_fraction(value)
        share = weight * 100 / total if config.mode == "weighted" else weight
        added = points * share / 100 if config.mode == "weighted" else points * share
        contributions.append(Contribution(name, item.signal, value, points, share, added))
    return tuple(contributions)


def interpolate(points: tuple[Point, ...], value: float) -> Fraction:
    """Evaluate the piecewise linear map at a value; flat beyond its ends."""
    xs = [to_fraction(x) for x, _ in points]
    ys = [to_fraction(y) for _, y in points]
    at = to_fraction(value)
    after = bisect_right(xs, at)
    if after == 0:
        return ys[0]
    if after == len(xs):
        return ys[-1]
    share = (at - xs[after - 1]) / (xs[after] - xs[after - 1])
    return ys[after - 1] + share * (ys[after] - ys[after - 1])


def _is_stale(reading: Reading, item: InputConfig, scope: SignalScope) -> bool:
    """Return whether a reading is too old; undated facts describe a state and never are."""
    if item.max_age_days is None or reading.observed_at is None:
        return False
    return (scope.day - _to_day(reading.observed_at, scope)).days > item.max_age_days


def _to_day(at: date | datetime, scope: SignalScope) -> date:
    return scope.to_local_day(at) if isinstance(at, datetime) else at
