"""Survival against the published remission times of 42 patients (Freireich and others, 1963)."""

from datetime import date, timedelta

import pytest

from cs_sync.foresight.comparisons import Counts
from cs_sync.foresight.survival import (
    Lifetime,
    compare_survival,
    count_by_tenure,
    count_months,
    estimate_survival,
    get_survival,
)

START = date(2026, 1, 1)
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def read_lifetimes(text: str) -> list[Lifetime]:
    """Weeks, with a + for those only known until then, as lives of so many days."""
    return [
        Lifetime(START, START + timedelta(days=int(word.rstrip("+"))), not word.endswith("+"))
        for word in text.split()
    ]


def test_the_published_curve() -> None:
    """Survival and Greenwood's errors as printed by Collett and by Kleinbaum and Klein."""
    points = estimate_survival(read_lifetimes(TREATED))
    assert [point.day for point in points] == [6, 7, 10, 13, 16, 22, 23]
    assert [point.at_risk for point in points] == [21, 17, 15, 12, 11, 7, 6]
    assert [round(point.survival, 4) for point in points] == [
        0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482,
    ]  # fmt: skip
    assert [round(point.error, 4) for point in points] == [
        0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346,
    ]  # fmt: skip


def test_the_interval_of_the_curve() -> None:
    """log(−log) limits as lifelines 0.30.3 computes them."""
    points = estimate_survival(read_lifetimes(TREATED))
    at_22 = get_survival(points, 22)
    assert at_22 is not None
    expected = (0.26777893676713493, 0.7467907176353943)
    assert (at_22.low, at_22.high) == pytest.approx(expected, rel=1e-12)
    assert get_survival(points, 5) is None
    assert get_survival(points, 24) == points[-1]


def test_everybody_left() -> None:
    last = estimate_survival(read_lifetimes("1 2"))[-1]
    assert (last.survival, last.low, last.high) == (0.0, 0.0, 0.0)


def test_the_published_comparison() -> None:
    """Kleinbaum and Klein: 9 and 19.25 expected, chi-square 16.79."""
    actual = compare_survival(read_lifetimes(TREATED), read_lifetimes(PLACEBO))
    assert (actual.observed, round(actual.expected, 2)) == (9, 19.25)
    assert (actual.observed - actual.expected) ** 2 / actual.variance == pytest.approx(
        16.79, abs=5e-3
    )
    assert actual.p_value == pytest.approx(4.17e-5, abs=1e-7)
    ratio = actual.hazard_ratio
    assert ratio is not None
    assert ratio == pytest.approx((0.194, 0.089, 0.425), abs=5e-4)


def test_nothing_to_compare() -> None:
    actual = compare_survival(read_lifetimes("3+ 4+"), read_lifetimes("5+"))
    assert (actual.p_value, actual.hazard_ratio) == (None, None)


@pytest.mark.parametrize(
    ("end", "months"),
    [
        (date(2026, 1, 31), 0),
        (date(2026, 2, 1), 1),
        (date(2026, 12, 31), 11),
        (date(2027, 1, 1), 12),
    ],
)
def test_complete_months(end: date, months: int) -> None:
    assert count_months(START, end) == months


def test_hazard_by_month_of_tenure() -> None:
    """Today is 15 April: January to April are three complete months.

    One left in the second month, one in the third, one in the fourth, which is not over; the
    fifth began in March and has one complete month.
    """
    today = date(2026, 4, 15)
    lives = [
        Lifetime(START, date(2026, 2, 10), left=True),
        Lifetime(START, date(2026, 3, 31), left=True),
        Lifetime(START, date(2026, 4, 10), left=True),
        Lifetime(START, today, left=False),
        Lifetime(date(2026, 3, 1), today, left=False),
    ]
    assert count_by_tenure(lives, today) == [Counts(5, 0), Counts(4, 1), Counts(3, 1)]
    assert count_by_tenure([], today) == []
