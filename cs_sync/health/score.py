"""Calculation of a score from readings: pure and exact; contributions sum to the score."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from math import lcm
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from cs_sync.health.model import HealthConfig, InputConfig, Point, to_fraction
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.registry import Reading, get_signal

INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Contribution:
    """The contribution of one known input to the score.

    Weighted: `weight` is its share of 100 among the known inputs (of a bonus its own), `points`
    are 0 to 100, and contribution = points × weight ÷ 100. Points: contribution = points × weight.
    """

    input: str
    signal: str
    value: float
    points: Fraction
    weight: Fraction
    contribution: Fraction
    bonus: bool = False


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
    missing = [absent for absent in missing if not _may_be_absent(absent, config)]
    coverage = calculate_coverage(config, values, [absent.input for absent in missing])
    contributions = calculate_contributions(config, values)
    enough = coverage > 0 and coverage >= to_fraction(config.minimum_coverage)
    total = _add_up(contributions) if enough else None
    band = INSUFFICIENT if total is None else config.bands.find_band(total)
    return HealthScore(
        config.mode, config.digest(), total, band, coverage, contributions, tuple(missing)
    )


def calculate_coverage(
    config: HealthConfig, known: Collection[str], missing: Collection[str]
) -> Fraction:
    """Return the known share of the weights, 0 to 1, without bonuses.

    Args:
        config: The health model.
        known: Names of the inputs with a value.
        missing: Names of the inputs that miss one.
    """
    inputs = config.scored_inputs()
    had, lacked = (
        tuple([inputs[name].weight for name in names if name in inputs])
        for names in (known, missing)
    )
    return _share_known(had, lacked)


@lru_cache(maxsize=1_000)
def _share_known(known: tuple[float, ...], missing: tuple[float, ...]) -> Fraction:
    had, lacked = (
        sum((abs(to_fraction(weight)) for weight in weights), Fraction(0))
        for weights in (known, missing)
    )
    return had / (had + lacked) if had else Fraction(0)


def calculate_contributions(
    config: HealthConfig, values: Mapping[str, float]
) -> tuple[Contribution, ...]:
    """Calculate the contribution of each known input, bonuses on top.

    Args:
        config: The health model.
        values: Input name → the value of its signal.
    """
    active = config.active().items()
    known = [
        _KnownInput(name, item.signal, item.points, item.weight, item.bonus)
        for name, item in active
        if name in values
    ]
    total = None
    if config.mode == "weighted":
        total = tuple([item.weight for item in known if not item.bonus])
    contributions = [_build_contribution(item, values[item.name], total) for item in known]
    base = _add_up([c for c in contributions if not c.bonus])
    is_well = base >= to_fraction(config.bands.green)
    return tuple(c for c in contributions if is_well or not c.bonus)


def _add_up(contributions: Sequence[Contribution]) -> Fraction:
    """Sum contributions over their common denominator, reduced once."""
    parts = [c.contribution for c in contributions]
    whole = lcm(*(part.denominator for part in parts))
    return Fraction(sum(part.numerator * (whole // part.denominator) for part in parts), whole)


class _KnownInput(NamedTuple):
    """What an input's contribution follows from, beside its value and the others' weights."""

    name: str
    signal: str
    points: tuple[Point, ...]
    weight: float
    bonus: bool


@lru_cache(maxsize=20_000, typed=True)
def _build_contribution(
    item: _KnownInput, value: float, weights: tuple[float, ...] | None
) -> Contribution:
    """Build the contribution of a known input; many accounts have equal ones.

    Args:
        item: The input.
        value: The value of its signal.
        weights: The weights that share 100; None in points mode.
    """
    points = interpolate(item.points, value) if item.points else to_fraction(value)
    weight = to_fraction(item.weight)
    if weights is None:
        added = points * weight
    else:
        weight = weight if item.bonus else weight * 100 / _sum_weights(weights)
        added = points * weight / 100
    return Contribution(item.name, item.signal, value, points, weight, added, item.bonus)


@lru_cache(maxsize=1_000)
def _sum_weights(weights: tuple[float, ...]) -> Fraction:
    return sum(map(to_fraction, weights), Fraction(0))


def interpolate(points: tuple[Point, ...], value: float) -> Fraction:
    """Evaluate the piecewise linear map at a value; flat beyond its ends."""
    after = bisect_right(points, value, key=itemgetter(0))
    lines = _convert_points(points)
    start, height, slope = lines[max(after - 1, 0)]
    return height + (to_fraction(value) - start) * slope if 0 < after < len(lines) else height


@lru_cache(maxsize=1_000)
def _convert_points(points: tuple[Point, ...]) -> list[tuple[Fraction, Fraction, Fraction]]:
    """Convert points to (x, y, slope up to the next point)."""
    exact = [(to_fraction(x), to_fraction(y)) for x, y in points]
    return [
        (x, y, (high - y) / (end - x) if end > x else Fraction(0))
        for (x, y), (end, high) in zip(exact, [*exact[1:], exact[-1]], strict=True)
    ]


@dataclass(frozen=True, slots=True)
class ScoreBook:
    """Scores of many accounts: those with equal readings have equal scores, computed once."""

    _scores: dict[Any, HealthScore] = field(default_factory=dict)
    _models: dict[int, tuple[HealthConfig, str, bool]] = field(default_factory=dict)
    """Id → the model, kept so that nothing else takes its id, its digest, and if it has ages."""

    def score(
        self, readings: Mapping[str, Reading], config: HealthConfig, scope: SignalScope
    ) -> HealthScore:
        """Score an account as `score_account` does."""
        if id(config) not in self._models:
            dated = any(item.max_age_days for item in config.active().values())
            self._models[id(config)] = (config, config.digest(), dated)
        _, digest, dated = self._models[id(config)]
        key: tuple[Any, ...]
        if dated:
            values = [(name, of.value, of.observed_at) for name, of in readings.items()]
            key = (digest, scope.day, *values)
        else:
            key = (digest, *[(name, reading.value) for name, reading in readings.items()])
        score = self._scores.get(key)
        if score is None:
            score = self._scores[key] = score_account(readings, config, scope)
        return score


def _may_be_absent(missing: MissingInput, config: HealthConfig) -> bool:
    """Return whether an input may be absent, such as a bonus."""
    unknown = missing.why == "no facts"
    return config.inputs[missing.input].bonus or (unknown and get_signal(missing.signal).for_some)


def _is_stale(reading: Reading, item: InputConfig, scope: SignalScope) -> bool:
    """Return whether a dated reading is too old."""
    if item.max_age_days is None or reading.observed_at is None:
        return False
    return (scope.day - _to_day(reading.observed_at, scope)).days > item.max_age_days


def _to_day(at: date | datetime, scope: SignalScope) -> date:
    return scope.to_local_day(at) if isinstance(at, datetime) else at
