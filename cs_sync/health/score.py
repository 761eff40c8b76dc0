"""Calculation of a score from readings: pure and exact; contributions sum to the score."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import lcm
from operator import itemgetter
from typing import Any, Literal

from msgspec import Struct, field

from cs_sync.health.model import Band, HealthConfig, InputConfig, Point, to_fraction
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.registry import Reading, get_signal

INSUFFICIENT = "insufficient"


class Contribution(Struct, frozen=True, array_like=True):
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


class MissingInput(Struct, frozen=True, array_like=True):
    """An input without a value, with the reason: no facts, or only stale ones."""

    input: str
    signal: str
    why: Literal["no facts", "stale"]


class HealthScore(Struct, frozen=True, array_like=True):
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
    return ModelScorer(config).score(readings, scope)


def calculate_contributions(
    config: HealthConfig, values: Mapping[str, float]
) -> tuple[Contribution, ...]:
    """Calculate the contribution of each known input, bonuses on top.

    Args:
        config: The health model.
        values: Input name → the value of its signal.
    """
    return ModelScorer(config).calculate_contributions(values)


class _ScoredInput(Struct, frozen=True):
    """What is asked of an input for every account, and what is said where it has no value."""

    name: str
    signal: str
    points: tuple[Point, ...]
    weight: Fraction
    bonus: bool
    max_age_days: int | None
    unknown: MissingInput | None
    """None: nobody misses it."""
    stale: MissingInput | None


def _build_input(name: str, item: InputConfig) -> _ScoredInput:
    weight, is_for_some = to_fraction(item.weight), get_signal(item.signal).for_some
    return _ScoredInput(
        name,
        item.signal,
        item.points,
        weight,
        item.bonus,
        item.max_age_days,
        None if item.bonus or is_for_some else MissingInput(name, item.signal, "no facts"),
        None if item.bonus else MissingInput(name, item.signal, "stale"),
    )


class _KnownInput(Struct, frozen=True):
    """An input with a value: its share beside the other known ones, and what was calculated."""

    item: _ScoredInput
    share: Fraction
    """Of 100; in points mode, and of a bonus, its own weight."""
    scale: int
    """100 where points are multiplied with a share of 100."""
    made: dict[tuple[type, float], Contribution] = field(default_factory=dict)
    """Contribution by value: many accounts have equal ones."""

    def get_contribution(self, value: float) -> Contribution:
        """Return the contribution of a value."""
        key = (value.__class__, value)
        contribution = self.made.get(key)
        if contribution is None:
            contribution = self.made[key] = self._build_contribution(value)
        return contribution

    def _build_contribution(self, value: float) -> Contribution:
        item, share = self.item, self.share
        points = interpolate(item.points, value) if item.points else to_fraction(value)
        added = Fraction(
            points.numerator * share.numerator,
            points.denominator * share.denominator * self.scale,
        )
        return Contribution(item.name, item.signal, value, points, share, added, item.bonus)


class ModelScorer:
    """Scores accounts by one model, whose settings are read once."""

    def __init__(self, config: HealthConfig) -> None:
        """Read what the model says of every account."""
        self.config = config  # also so that nothing else takes its id
        self.digest, self.mode = config.digest(), config.mode
        self._inputs = [_build_input(name, item) for name, item in config.active().items()]
        self.is_dated = any(item.max_age_days for item in self._inputs)
        self._minimum = to_fraction(config.minimum_coverage)
        self._green = to_fraction(config.bands.green)
        self._best_first = [
            (band, edge.numerator, edge.denominator)
            for band, edge in reversed(config.bands.list_edges())
        ]
        self._known: dict[tuple[str, ...], list[_KnownInput]] = {}
        self._coverage: dict[tuple[tuple[str, ...], tuple[str, ...]], Fraction] = {}

    def score(self, readings: Mapping[str, Reading], scope: SignalScope) -> HealthScore:
        """Score an account: see `score_account`."""
        values: dict[str, float] = {}
        missing: list[MissingInput] = []
        for item in self._inputs:
            reading = readings.get(item.signal)
            absent = item.unknown
            if reading is not None and reading.value is not None:
                if not _is_stale(reading, item.max_age_days, scope):
                    values[item.name] = reading.value
                    continue
                absent = item.stale
            if absent is not None:
                missing.append(absent)
        coverage = self._calculate_coverage(values, missing)
        contributions = self.calculate_contributions(values)
        total, band = None, INSUFFICIENT
        if coverage > 0 and coverage >= self._minimum:
            numerator, denominator = _add_up(contributions)
            total, band = Fraction(numerator, denominator), self.find_band(numerator, denominator)
        return HealthScore(
            self.mode, self.digest, total, band, coverage, contributions, tuple(missing)
        )

    def calculate_contributions(self, values: Mapping[str, float]) -> tuple[Contribution, ...]:
        """Calculate the contribution of each known input: see `calculate_contributions`."""
        names = (*values,)
        if (known := self._known.get(names)) is None:
            known = self._known[names] = self._share_weights(values)
        contributions = tuple([each.get_contribution(values[each.item.name]) for each in known])
        own = tuple([part for part in contributions if not part.bonus])
        if len(own) == len(contributions):
            return contributions
        numerator, denominator = _add_up(own)
        is_well = numerator * self._green.denominator >= self._green.numerator * denominator
        return contributions if is_well else own

    def _share_weights(self, values: Mapping[str, float]) -> list[_KnownInput]:
        """Share 100 among the known inputs; a bonus has its own weight."""
        items = [item for item in self._inputs if item.name in values]
        if self.mode != "weighted":
            return [_KnownInput(item, item.weight, 1) for item in items]
        total = sum((item.weight for item in items if not item.bonus), Fraction(0))
        return [
            _KnownInput(item, item.weight if item.bonus else item.weight * 100 / total, 100)
            for item in items
        ]

    def _calculate_coverage(
        self, known: Mapping[str, float], missing: Sequence[MissingInput]
    ) -> Fraction:
        """Return the known share of the weights, 0 to 1, without bonuses."""
        key = ((*known,), tuple([absent.input for absent in missing]))
        if (share := self._coverage.get(key)) is None:
            weights = {item.name: abs(item.weight) for item in self._inputs if not item.bonus}
            had, lacked = (
                sum((weights[name] for name in names if name in weights), Fraction(0))
                for names in key
            )
            share = self._coverage[key] = had / (had + lacked) if had else Fraction(0)
        return share

    def find_band(self, numerator: int, denominator: int) -> Band:
        """Find the band of an unrounded score.

        Below every edge it is the worst.

        Args:
            numerator: The numerator of the score.
            denominator: Its denominator.
        """
        for band, edge_numerator, edge_denominator in self._best_first:
            if numerator * edge_denominator >= edge_numerator * denominator:
                return band
        return self._best_first[-1][0]


def _add_up(contributions: Sequence[Contribution]) -> tuple[int, int]:
    """Sum contributions over their common denominator: numerator and denominator."""
    parts = [each.contribution.as_integer_ratio() for each in contributions]
    whole = lcm(*[denominator for _, denominator in parts])
    return sum([numerator * (whole // denominator) for numerator, denominator in parts]), whole


def interpolate(points: tuple[Point, ...], value: float) -> Fraction:
    """Evaluate the piecewise linear map at a value; flat beyond its ends."""
    after = bisect_right(points, value, key=itemgetter(0))
    if not 0 < after < len(points):
        return to_fraction(points[min(after, len(points) - 1)][1])
    slope, offset, scale = _convert_points(points)[after - 1]
    numerator, denominator = Decimal(str(value)).as_integer_ratio()
    return Fraction(slope * numerator + offset * denominator, scale * denominator)


@lru_cache(maxsize=1_000)
def _convert_points(points: tuple[Point, ...]) -> list[tuple[int, int, int]]:
    """Convert points to lines, each up to the next point.

    They are (a, b, c): y = (a × x + b) ÷ c.
    """
    exact = [(to_fraction(x), to_fraction(y)) for x, y in points]
    lines = []
    for (x, y), (end, high) in pairwise(exact):
        slope = (high - y) / (end - x)
        offset = y - x * slope
        lines.append((
            slope.numerator * offset.denominator,
            offset.numerator * slope.denominator,
            slope.denominator * offset.denominator,
        ))  # fmt: skip
    return lines


class ScoreBook(Struct, frozen=True):
    """Scores of many accounts: those with equal readings have equal scores, computed once."""

    _scores: dict[Any, HealthScore] = field(default_factory=dict)
    _scorers: dict[int, ModelScorer] = field(default_factory=dict)
    """Id of a model → its scorer, which keeps it."""

    def score(
        self, readings: Mapping[str, Reading], config: HealthConfig, scope: SignalScope
    ) -> HealthScore:
        """Score an account as `score_account` does."""
        if (scorer := self._scorers.get(id(config))) is None:
            scorer = self._scorers[id(config)] = ModelScorer(config)
        key: tuple[Any, ...]
        if scorer.is_dated:
            values = [(name, of.value, of.observed_at) for name, of in readings.items()]
            key = (scorer.digest, scope.day, *values)
        else:
            key = (scorer.digest, *[(name, of.value) for name, of in readings.items()])
        score = self._scores.get(key)
        if score is None:
            score = self._scores[key] = scorer.score(readings, scope)
        return score


def _is_stale(reading: Reading, max_age_days: int | None, scope: SignalScope) -> bool:
    """Return whether a dated reading is too old."""
    if max_age_days is None or reading.observed_at is None:
        return False
    return (scope.day - _to_day(reading.observed_at, scope)).days > max_age_days


def _to_day(at: date | datetime, scope: SignalScope) -> date:
    return scope.to_local_day(at) if isinstance(at, datetime) else at
