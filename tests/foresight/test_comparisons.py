"""Comparisons of churn rates against published tables and worked examples."""

import pytest

from cs_sync.foresight.comparisons import (
    Counts,
    adjust_p_values,
    calculate_exact_p,
    calculate_exact_p_of_fewer,
    calculate_risk_ratio,
)


@pytest.mark.parametrize(
    ("first", "other", "p"),
    [
        (Counts(4, 3), Counts(4, 1), 34 / 70),  # R. A. Fisher's tea: (1 + 16 + 16 + 1) of 70 tables
        (Counts(12, 1), Counts(12, 9), 0.002759456185220083),  # scipy's, of [[1, 9], [11, 3]]
        (Counts(10, 0), Counts(10, 0), 1.0),
        (Counts(3, 3), Counts(3, 0), 0.1),  # 2 of 20 tables
        (Counts(90_000, 900), Counts(10_000, 100), 1.0),
    ],
)
def test_the_exact_test(first: Counts, other: Counts, p: float) -> None:
    assert calculate_exact_p(first, other) == pytest.approx(p, rel=1e-9)
    assert calculate_exact_p(other, first) == pytest.approx(p, rel=1e-9)


def test_the_exact_test_of_one_side() -> None:
    """Fisher's tea: 1 + 16 of 70 tables have one right or none."""
    assert calculate_exact_p_of_fewer(Counts(4, 1), Counts(4, 3)) == pytest.approx(17 / 70)
    assert calculate_exact_p_of_fewer(Counts(4, 3), Counts(4, 1)) == pytest.approx(69 / 70)
    assert calculate_exact_p_of_fewer(Counts(0, 0), Counts(4, 1)) is None


def test_the_exact_test_needs_two_groups() -> None:
    assert calculate_exact_p(Counts(0, 0), Counts(9, 3)) is None


def test_the_ratio_of_two_shares() -> None:
    """Aspirin and heart attacks (Physicians' Health Study, 1989), placebo first.

    189 of 11,034 and 104 of 11,037: Agresti, Categorical Data Analysis, 3.1.4, prints 1.82
    (1.43 to 2.31).
    """
    actual = calculate_risk_ratio(Counts(11_034, 189), Counts(11_037, 104))
    assert actual is not None
    assert [round(part, 2) for part in actual] == [1.82, 1.43, 2.31]
    assert calculate_risk_ratio(Counts(10, 0), Counts(10, 4)) is None


def test_holms_correction() -> None:
    """Holm 1979: four comparisons, times 4, 3, 2, 1 and never below the one before."""
    assert adjust_p_values([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_p_values([0.9, 0.4]) == pytest.approx([0.9, 0.8])
    assert adjust_p_values([]) == []
