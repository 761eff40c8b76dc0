"""Money at risk by hand."""

import pytest

from cs_sync.health.money_at_risk import calculate_money_at_risk


@pytest.mark.parametrize(
    ("mrr", "score", "at_risk"),
    [
        ({"EUR": 10_000}, 25.0, 75.0),
        ({"EUR": 10_000, "JPY": 100}, 50.0, 100.0),
        ({"EUR": 10_000}, None, 100.0),
        ({"EUR": 10_000}, 120.0, 0.0),
        ({}, 0.0, 0.0),
    ],
)
def test_it_is_what_is_paid_by_how_far_the_score_is_from_full(
    mrr: dict[str, int], score: float | None, at_risk: float
) -> None:
    assert calculate_money_at_risk(mrr, score, {"EUR": 700}) == (at_risk if mrr else 7.0)


def test_who_pays_nothing_now_counts_with_what_is_owed() -> None:
    """A paused customer owes 352.35 EUR and 1,000 yen; one who owes nothing has nothing at risk."""
    assert calculate_money_at_risk({"EUR": 0}, 67.6, {"EUR": 35_235, "JPY": 1_000}) == 1352.35
    assert calculate_money_at_risk({}, 20.0) == 0.0
