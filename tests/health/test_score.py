"""Scores worked by hand, and the laws they must keep."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.health import (
    HealthConfig,
    Reading,
    build_day_scope,
    calculate_loss,
    measure_loss,
    score_account,
)
from cs_sync.health.score import ModelScorer, interpolate

SCOPE = build_day_scope(date(2025, 11, 21))
DEFAULT = HealthConfig()


def readings(**values: float | None) -> dict[str, Reading]:
    return {name: Reading(value) for name, value in values.items()}


def one_input(**fields: Any) -> HealthConfig:
    """A weighted model of tickets alone, worth their number."""
    rest = {name: {"weight": 0} for name in ("usage", "billing", "nps")}
    support = {"weight": 100, "points": [(0, 0), (100, 100)]} | fields
    return HealthConfig.model_validate({"inputs": {**rest, "support": support}})


def test_three_tickets_and_full_usage_are_yellow() -> None:
    """Support 0 of 20 and usage 40 of 40 known, NPS and billing unknown: 40 of 60 is 66.7.

    Unknown as nought would be 40 (red), unknown as full 80 (green), unknown as half 60.
    """
    score = score_account(readings(active_days_28=22, tickets_30=3), DEFAULT, SCOPE)
    assert score.score == Fraction(200, 3)
    assert score.band == "yellow"
    assert score.coverage == Fraction(60, 100)
    assert [(c.input, float(c.points), c.weight, c.contribution) for c in score.contributions] == [
        ("usage", 100.0, Fraction(200, 3), Fraction(200, 3)),
        ("support", 0.0, Fraction(100, 3), Fraction(0)),
    ]
    assert [(m.input, m.why) for m in score.missing] == [
        ("billing", "no facts"),
        ("nps", "no facts"),
    ]


def test_all_four_inputs() -> None:
    """40 × 0.75 + 30 × 0.25 + 20 × 2/3 + 10 × 0.5 = 55.83."""
    known = readings(active_days_28=15, billing_standing=1, tickets_30=1, nps=7)
    score = score_account(known, DEFAULT, SCOPE)
    assert score.score == 30 + Fraction(15, 2) + Fraction(40, 3) + 5
    assert score.coverage == 1


def test_too_little_known_is_no_score() -> None:
    score = score_account(readings(tickets_30=0, nps=10), DEFAULT, SCOPE)
    assert (score.score, score.band, score.coverage) == (None, "insufficient", Fraction(3, 10))
    assert score_account({}, HealthConfig(minimum_coverage=0), SCOPE).band == "insufficient"
    half = HealthConfig(minimum_coverage=0.3)
    assert score_account(readings(tickets_30=0, nps=10), half, SCOPE).score == 100


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (0, "red"),
        (40.999, "red"),
        (41, "yellow"),
        (70.9999, "yellow"),
        (71, "green"),
        (100, "green"),
    ],
)
def test_bands_are_half_open_on_the_unrounded_score(value: float, band: str) -> None:
    assert score_account(readings(tickets_30=value), one_input(), SCOPE).band == band


@pytest.mark.parametrize(
    ("frequency", "score", "band"),
    [(10, 100, "green"), (10.001, 100.01, "green"), (10.1, 101, "excellent"), (-5, -50, "red")],
)
def test_points_mode_is_impact_times_frequency_without_ceiling(
    frequency: float, score: float, band: str
) -> None:
    config = HealthConfig.model_validate({
        "mode": "points", "inputs": {"use": {"weight": 10, "signal": "active_days_28"}},
    })  # fmt: skip
    actual = score_account(readings(active_days_28=frequency), config, SCOPE)
    assert (actual.score, actual.band) == (Fraction(str(score)), band)


def test_points_mode_takes_away_for_tickets() -> None:
    config = HealthConfig.model_validate({"mode": "points", "inputs": {
        "use": {"weight": 5, "signal": "active_days_28"},
        "tickets": {"weight": -8, "signal": "tickets_30"},
    }})  # fmt: skip
    actual = score_account(readings(active_days_28=20, tickets_30=3), config, SCOPE)
    assert (actual.score, actual.coverage) == (Fraction(76), Fraction(1))
    alone = score_account(readings(tickets_30=3), config, SCOPE)
    assert (alone.score, alone.coverage) == (Fraction(-24), Fraction(8, 13))


@pytest.mark.parametrize(
    "observed", [date(2025, 11, 13), datetime(2025, 11, 13, 23, 59, tzinfo=UTC)]
)
def test_a_stale_input_is_missing_not_the_last_value(observed: date) -> None:
    known = {"tickets_30": Reading(50, observed, 1)}
    fresh = score_account(known, one_input(max_age_days=8), SCOPE)
    stale = score_account(known, one_input(max_age_days=7), SCOPE)
    assert (fresh.score, stale.score) == (Fraction(50), None)
    assert stale.missing[0].why == "stale"


def test_the_map_is_linear_between_its_points_and_flat_outside() -> None:
    points = ((0.0, 0.0), (10.0, 50.0), (20.0, 100.0))
    values = {-1: 0, 0: 0, 5: 25, 10: 50, 12.5: 62.5, 20: 100, 99: 100}
    assert {x: interpolate(points, x) for x in values} == values


VALUES = st.none() | st.floats(-5, 60, allow_nan=False)


@given(VALUES, st.none() | st.sampled_from([0.0, 1.0, 2.0]), VALUES, VALUES)
def test_contributions_sum_to_the_score_and_it_stays_in_range(
    usage: float | None, billing: float | None, tickets: float | None, nps: float | None
) -> None:
    known = readings(active_days_28=usage, billing_standing=billing, tickets_30=tickets, nps=nps)
    score = score_account(known, DEFAULT, SCOPE)
    if score.score is None:
        assert score.coverage < Fraction(1, 2)
        return
    assert score.score == sum(c.contribution for c in score.contributions)
    assert sum(c.weight for c in score.contributions) == 100
    assert 0 <= score.score <= 100


@given(st.floats(0, 20), st.floats(0, 20))
def test_more_use_never_lowers_the_score(first: float, other: float) -> None:
    low, high = sorted((first, other))
    scores = [score_account(readings(active_days_28=v, billing_standing=2), DEFAULT, SCOPE).score
              for v in (low, high)]  # fmt: skip
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0] <= scores[1]


@given(VALUES, VALUES, st.integers(1, 50), st.integers(-50, -1))
def test_contributions_of_points_mode_sum_to_the_score_without_limits(
    use: float | None, tickets: float | None, reward: int, cost: int
) -> None:
    config = HealthConfig.model_validate({"mode": "points", "minimum_coverage": 0, "inputs": {
        "use": {"weight": reward, "signal": "active_days_28"},
        "tickets": {"weight": cost, "signal": "tickets_30"},
    }})  # fmt: skip
    score = score_account(readings(active_days_28=use, tickets_30=tickets), config, SCOPE)
    known = [(use, reward), (tickets, cost)]
    total = sum(Fraction(str(value)) * weight for value, weight in known if value is not None)
    if use is None and tickets is None:
        assert score.score is None
    else:
        assert score.score == total == sum(c.contribution for c in score.contributions)


def interpolate_plainly(points: Sequence[tuple[float, float]], value: float) -> Fraction:
    """Straight lines between points, with one fraction per number."""
    exact = [(Fraction(str(x)), Fraction(str(y))) for x, y in points]
    at = min(max(Fraction(str(value)), exact[0][0]), exact[-1][0])
    for (x, y), (end, high) in pairwise(exact):
        if at <= end:
            return y + (at - x) * (high - y) / (end - x)
    raise AssertionError


SCORER = ModelScorer(DEFAULT)
"""One for all examples, as for all accounts of a day."""


@given(st.tuples(VALUES, st.none() | st.sampled_from([0.0, 1.0, 2.0]), VALUES, VALUES,
                 st.none() | st.floats(0, 3)))  # fmt: skip
def test_what_is_calculated_once_for_many_accounts_is_what_fractions_say(
    given_values: tuple[float | None, ...],
) -> None:
    """Common denominators, and contributions kept by value, change nothing."""
    known = readings(**dict(zip(DEFAULT.list_signals(), given_values, strict=True)))
    score = SCORER.score(known, SCOPE)
    assert score == score_account(known, DEFAULT, SCOPE)
    inputs = {name: item for name, item in DEFAULT.active().items()
              if known[item.signal].value is not None}  # fmt: skip
    total = sum(Fraction(str(item.weight)) for item in inputs.values() if not item.bonus)
    plain = {
        name: interpolate_plainly(item.points, known[item.signal].value or 0)
        * (Fraction(str(item.weight)) / (100 if item.bonus else total))
        for name, item in inputs.items()
    }
    base = sum(points for name, points in plain.items() if not inputs[name].bonus)
    is_well = base >= DEFAULT.bands.green
    shown = {n: points for n, points in plain.items() if is_well or not inputs[n].bonus}
    assert {part.input: part.contribution for part in score.contributions} == shown
    assert score.score in (None, sum(shown.values()))
    for part in score.contributions:
        assert measure_loss(part, score.mode) == float(calculate_loss(part, score.mode))
