"""From readings to a score: pure and exact, so that contributions sum to the score."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

from cs_sync.health.model import HealthConfig, InputConfig, Point, exact
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals import Reading

INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one known input adds to the score.

    Weighted: `weight` is its share of 100 among the known inputs, `points` lie in 0 to 100 and
    contribution = points × weight ÷ 100. Points: contribution = points × weight.
    """

    input: str
    signal: str
    value: float
    points: Fraction
    weight: Fraction
    contribution: Fraction


@dataclass(frozen=True, slots=True)
class Missing:
    """An input that could not count, and why: no facts at all, or none that are fresh."""

    input: str
    signal: str
    why: Literal["no facts", "stale"]


@dataclass(frozen=True, slots=True)
class Score:
    """How well an account does. `score` is None, and band `insufficient`, below the minimum
    coverage; `coverage` is the known share of the weights, 0 to 1.
    """

    mode: str
    model: str
    score: Fraction | None
    band: str
    coverage: Fraction
    contributions: tuple[Contribution, ...]
    missing: tuple[Missing, ...]


def score_account(
    readings: Mapping[str, Reading], config: HealthConfig, scope: SignalScope
) -> Score:
    """Score an account from the readings of its signals (by signal name; absent is unknown).

    Unknown and stale inputs are neither nought nor full: the weights of the known ones are
    scaled up to the whole, and `coverage` says how much was known.
    """
    known: dict[str, float] = {}
    missing = []
    for name, item in config.active().items():
        reading = readings.get(item.signal)
        if reading is None or reading.value is None:
            missing.append(Missing(name, item.signal, "no facts"))
        elif _stale(reading, item, scope):
            missing.append(Missing(name, item.signal, "stale"))
        else:
            known[name] = reading.value
    coverage = coverage_of(config, known)
    contributions = contributions_of(config, known)
    enough = bool(known) and coverage >= exact(config.minimum_coverage)
    total = sum((c.contribution for c in contributions), Fraction(0)) if enough else None
    band = INSUFFICIENT if total is None else config.bands.band_of(total)
    return Score(config.mode, config.digest(), total, band, coverage, contributions, tuple(missing))


def coverage_of(config: HealthConfig, known: Mapping[str, float]) -> Fraction:
    """The share of all weights whose inputs are known."""
    weights = {name: abs(exact(item.weight)) for name, item in config.active().items()}
    return sum((weights[name] for name in known), Fraction(0)) / sum(weights.values())


def contributions_of(config: HealthConfig, known: Mapping[str, float]) -> tuple[Contribution, ...]:
    """What each known input (name → value of its signal) adds to the score."""
    items = {name: item for name, item in config.active().items() if name in known}
    total = sum((exact(item.weight) for item in items.values()), Fraction(0))
    found = []
    for name, item in items.items():
        value, weight = known[name], exact(item.weight)
        points = interpolate(item.points, value) if item.points else exact(value)
        share = weight * 100 / total if config.mode == "weighted" else weight
        added = points * share / 100 if config.mode == "weighted" else points * share
        found.append(Contribution(name, item.signal, value, points, share, added))
    return tuple(found)


def interpolate(points: tuple[Point, ...], value: float) -> Fraction:
    """The piecewise linear map at a value; before the first and after the last point it is flat."""
    xs = [exact(x) for x, _ in points]
    ys = [exact(y) for _, y in points]
    at = exact(value)
    after = bisect_right(xs, at)
    if after == 0:
        return ys[0]
    if after == len(xs):
        return ys[-1]
    share = (at - xs[after - 1]) / (xs[after] - xs[after - 1])
    return ys[after - 1] + share * (ys[after] - ys[after - 1])


def _stale(reading: Reading, item: InputConfig, scope: SignalScope) -> bool:
    """Facts without a date describe a state and do not age."""
    if item.max_age_days is None or reading.observed_at is None:
        return False
    return (scope.day - _day(reading.observed_at, scope)).days > item.max_age_days


def _day(at: date | datetime, scope: SignalScope) -> date:
    return scope.local_day(at) if isinstance(at, datetime) else at
