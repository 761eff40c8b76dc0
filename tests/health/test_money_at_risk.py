"""Money at risk by hand."""

import pytest

from cs_sync.health.money_at_risk import RiskShare, assess_risk, calculate_money_at_risk


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
    risk = assess_risk(score)
    assert calculate_money_at_risk(mrr, risk, {"EUR": 700}) == (at_risk if mrr else 7.0)


def test_who_pays_nothing_now_counts_with_what_is_owed() -> None:
    """A paused customer owes 352.35 EUR and 1,000 yen; one who owes nothing has nothing at risk."""
    owed = {"EUR": 35_235, "JPY": 1_000}
    assert calculate_money_at_risk({"EUR": 0}, assess_risk(67.6), owed) == 1352.35
    assert calculate_money_at_risk({}, assess_risk(20.0)) == 0.0


@pytest.mark.parametrize(
    ("score", "churn", "leaving", "risk"),
    [
        (90.0, 0.25, False, RiskShare(0.25, "churn_probability")),
        (90.0, 0.0, False, RiskShare(0.0, "churn_probability")),
        (75.0, None, False, RiskShare(0.25, "missing_health")),
        (90.0, 0.25, True, RiskShare(1.0, "given_notice")),
        (90.0, None, True, RiskShare(1.0, "given_notice")),
    ],
)
def test_the_probability_goes_before_the_score_and_notice_before_both(
    score: float, churn: float | None, leaving: bool, risk: RiskShare
) -> None:
    assert assess_risk(score, churn, leaving=leaving) == risk
    assert assess_risk(score, churn, leaving=leaving).apply(10_000) == round(10_000 * risk.share)
