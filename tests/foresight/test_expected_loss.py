"""Expected loss: moments by hand, published points, and coverage on simulated books."""

import math

import pytest

from benchmarks.foresight.loss_coverage import measure_coverage
from cs_sync.foresight.expected_loss import (
    AccountRisk,
    LossMoments,
    PastForecast,
    _get_t_point,
    calculate_moments,
    convert_forecast,
    count_overlap,
    estimate_loss,
    estimate_spread,
)

BOOK = [AccountRisk(0.5, 100), AccountRisk(0.1, 1_000)]


def forecast(lost: int, expected: float = 100.0, variance: float = 400.0) -> PastForecast:
    return PastForecast(LossMoments(expected, variance, 0.0), lost)


def test_moments_by_hand() -> None:
    """0.5 × 100 + 0.1 × 1,000; 0.25 × 100² + 0.09 × 1,000²; 0 + 0.09 × 0.8 × 1,000³."""
    actual = calculate_moments(BOOK)
    assert (actual.mean, actual.variance) == pytest.approx((150.0, 92_500.0))
    assert actual.third == pytest.approx(72_000_000.0)
    assert calculate_moments([]) == LossMoments(0.0, 0.0, 0.0)


def test_forecasts_of_several_currencies_in_one() -> None:
    """100 + 0.5 × 40; 400 + 0.25 × 8; 10 + 0.125 × 16; 70 + 0.5 × 30; JPY has no rate."""
    parts = {
        "EUR": PastForecast(LossMoments(100.0, 400.0, 10.0), 70),
        "USD": PastForecast(LossMoments(40.0, 8.0, 16.0), 30),
        "JPY": PastForecast(LossMoments(9.0, 9.0, 9.0), 9),
    }
    actual = convert_forecast(parts, {"EUR": 1.0, "USD": 0.5})
    assert actual == PastForecast(LossMoments(120.0, 402.0, 12.0), 85)
    assert [count_overlap(days) for days in (14, 30, 90, 365)] == [1, 1, 3, 12]


def test_the_spread_beyond_chance_by_hand() -> None:
    """(30² − 400 + 10² − 400) ÷ (100² + 100²) = 0.01; where chance explains it all, 0."""
    assert estimate_spread([forecast(130), forecast(90)]) == pytest.approx(0.1)
    assert estimate_spread([forecast(110), forecast(90)]) == 0.0
    assert estimate_spread([forecast(0, 0.0, 0.0)]) == 0.0


@pytest.mark.parametrize(("degrees", "point"), [(3, 2.353), (4, 2.132), (8, 1.860), (30, 1.697)])
def test_students_points_as_printed_in_tables(degrees: int, point: float) -> None:
    assert _get_t_point(degrees) == pytest.approx(point, abs=0.01)


def test_the_interval_by_hand() -> None:
    """1,000 equal accounts at 0.1 × 10: 1,000 ± 1.645 √9,000 and a lean of 0.2843 × 8."""
    accounts = [AccountRisk(0.1, 10)] * 1_000
    actual = estimate_loss(accounts, [forecast(100)] * 6, overlap=3)
    assert actual.expected == pytest.approx(1_000.0)
    assert actual.spread == 0.0
    half, lean = 1.6448536 * math.sqrt(9_000), 0.2842572 * 72_000 / 9_000
    assert actual.low == pytest.approx(1_000 + lean - half, abs=1e-3)
    assert actual.high == pytest.approx(1_000 + lean + half, abs=1e-3)


def test_past_errors_widen_it_and_coverage_is_counted() -> None:
    """Errors of ±30 % at a deviation of 20 have a spread of √0.05, on 4 horizons apart."""
    past = [forecast(70), forecast(130)] * 6
    actual = estimate_loss([AccountRisk(0.1, 10)] * 1_000, past, overlap=3)
    assert actual.spread == pytest.approx(math.sqrt(0.05))
    assert actual.high is not None
    half = 2.1297 * math.sqrt(0.05) * 1_000  # Student's point in place of the normal one
    assert actual.high - 1_000 == pytest.approx(math.hypot(half, 156.05), rel=0.01)
    assert (actual.covered, actual.judged, actual.coverage) == (12, 12, 1.0)


def test_no_interval_without_a_past() -> None:
    actual = estimate_loss(BOOK, [forecast(100)] * 5, overlap=3)
    assert actual.expected == pytest.approx(150.0)
    assert (actual.low, actual.high, actual.spread, actual.coverage) == (None, None, None, None)


def test_nothing_at_risk_is_no_loss() -> None:
    actual = estimate_loss([], [forecast(100)] * 6, overlap=3)
    assert (actual.expected, actual.low, actual.high) == (0.0, 0.0, 0.0)


@pytest.mark.slow("simulates books")
def test_coverage_on_simulated_books() -> None:
    """A small version of F7 of the benchmarks."""
    assert measure_coverage(0.35, 8, 3) >= 0.6
