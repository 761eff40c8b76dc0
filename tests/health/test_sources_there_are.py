"""The model for the sources there are: weights, coverage, bonus, and what is urgent, by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from cs_sync.health import (
    AccountEvidence,
    HealthConfig,
    Reading,
    build_reasons,
    get_signal,
    is_leaving,
    list_urgent_reasons,
    score_account,
)
from cs_sync.health.facts import MrrChangeFact, OverdueInvoice, RunningSubscription
from cs_sync_schemas import (
    Invoice,
    Record,
    SourceAccount,
    Subscription,
    SurveyResponse,
    Ticket,
    UsageDay,
    get_table,
)
from tests.health.conftest import SCOPE

STRIPE: set[type[Record]] = {Subscription, Invoice}
HUBSPOT: set[type[Record]] = {SourceAccount, SurveyResponse}


def brings(*records: type[Record]) -> Callable[[str], bool]:
    return lambda signal: bool(set(get_signal(signal).records) & set(map(get_table, records)))


def weights(*records: type[Record], **given: Any) -> dict[str, float]:
    fitted = HealthConfig.model_validate(given).fit_sources(brings(*records))
    return {name: item.weight for name, item in fitted.scored_inputs().items()}


def readings(**values: float | None) -> dict[str, Reading]:
    return {name: Reading(value) for name, value in values.items()}


def test_with_all_sources_the_weights_are_the_common_ones() -> None:
    everything: set[type[Record]] = {UsageDay, Ticket, *STRIPE, *HUBSPOT}
    assert weights(*everything) == {"usage": 40, "billing": 30, "support": 20, "nps": 10}
    assert HealthConfig().fit_sources(brings(*everything)).left_out == ()


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ({UsageDay} | STRIPE, {"usage": 40, "billing": 30}),
        ({Ticket} | STRIPE | HUBSPOT,
         {"billing": 40, "support": 5, "nps": 10, "mrr": 20, "payments": 5, "contact": 10,
          "seats": 5, "renewal": 5}),
        (STRIPE | HUBSPOT,
         {"billing": 40, "nps": 10, "mrr": 20, "payments": 5, "contact": 10, "seats": 5,
          "renewal": 5}),
        ({Subscription}, {"billing": 40, "mrr": 20, "seats": 5, "renewal": 5}),
        ({Ticket}, {"support": 5}),
    ],
)  # fmt: skip
def test_what_no_source_brings_leaves_and_billing_stands_in_for_use(
    records: set[type[Record]], expected: dict[str, float]
) -> None:
    assert weights(*records) == expected


def test_the_weights_without_use_total_100_as_well() -> None:
    assert sum(weights(Ticket, *STRIPE, *HUBSPOT).values()) == 100


def test_what_left_is_named_once_and_nothing_leaves_a_model_that_would_be_empty() -> None:
    config = HealthConfig()
    assert config.fit_sources(brings(*STRIPE, *HUBSPOT)).left_out == ("usage", "support", "growth")
    assert config.fit_sources(lambda _: False) is config
    assert config.left_out == ()


def test_weights_of_ones_own_hold_with_any_sources() -> None:
    own = {"inputs": {"usage": {"weight": 0}, "billing": {"weight": 70}}}
    assert weights(*STRIPE, *HUBSPOT, **own) == {"billing": 70, "nps": 10}
    ages = {"inputs": {"nps": {"max_age_days": 30}}}
    fitted = HealthConfig.model_validate(ages).fit_sources(brings(*STRIPE, *HUBSPOT))
    assert fitted.inputs["nps"].max_age_days == 30
    assert fitted.inputs["contact"].weight == 10
    named = {"inputs": {"contact": {"weight": 40}, "usage": {"weight": 0}}}
    assert weights(SourceAccount, Ticket, **named) == {"support": 20, "contact": 40}


def test_a_profile_is_fitted_as_well() -> None:
    profile = {
        "profiles": {
            "new": {"first_days": 90, "inputs": {"nps": {"weight": 0}, "billing": {"weight": 40}}}
        }
    }
    fitted = HealthConfig.model_validate(profile).fit_sources(brings(*STRIPE))
    assert list(fitted.select_model({}, 3).scored_inputs()) == ["billing"]
    assert "mrr" in fitted.select_model({}, 100).scored_inputs()


BILLING_AND_CRM = HealthConfig().fit_sources(brings(*STRIPE, *HUBSPOT))


def test_stripe_and_hubspot_score_everybody() -> None:
    """40 + 20 × 0.2 + 5 × 0.7 + 10 × 0.5 of 75 known; NPS of 10 is unknown: 52.5 ÷ 75 = 70.

    MRR fell by 40 %, one payment failed, the last contact was 90 days ago. Without an annual plan
    and without seats nothing is missing, so that 75 of 85 are known.
    """
    known = readings(
        billing_standing=2, mrr_change_90=0.6, late_payments_365=1, days_since_contact=90
    )
    score = score_account(known, BILLING_AND_CRM, SCOPE)
    assert score.score == 70
    assert (score.band, score.coverage) == ("yellow", Fraction(75, 85))
    assert [missing.input for missing in score.missing] == ["nps"]


def test_a_new_customer_has_a_score() -> None:
    """Billing alone, 40 of the 65 that a customer of a week can have: MRR then is not missing."""
    score = score_account(readings(billing_standing=2), BILLING_AND_CRM, SCOPE)
    assert score.score == 100
    assert score.coverage == Fraction(40, 65)
    assert [item.input for item in score.missing] == ["nps", "payments", "contact"]


def test_who_cancelled_is_not_green_however_well_the_rest_is() -> None:
    """10 of 40 for billing, 55 of 55 for the rest, and no bonus for who is not green: 68.4."""
    best = readings(
        billing_standing=1, nps=10, mrr_change_90=2, late_payments_365=0, days_since_contact=1,
        seat_change_90=2, days_to_renewal=300,
    )  # fmt: skip
    score = score_account(best, BILLING_AND_CRM, SCOPE)
    assert score.score == Fraction(65, 95) * 100
    assert score.band == "yellow"


def test_who_halved_is_not_green_either() -> None:
    """Nothing of 25 for MRR and seats; 40 + 5 + 10 of 80 without NPS and an annual plan: 68.75."""
    halved = readings(
        billing_standing=2, mrr_change_90=0.5, seat_change_90=0.5, late_payments_365=0,
        days_since_contact=7,
    )  # fmt: skip
    score = score_account(halved, BILLING_AND_CRM, SCOPE)
    assert score.score == Fraction(55, 80) * 100
    assert score.band == "yellow"


@pytest.mark.parametrize(
    ("growth", "score", "band"),
    [(1.0, 100, "green"), (1.05, 101, "excellent"), (2.0, 105, "excellent"), (0.8, 100, "green")],
)
def test_who_is_well_and_grows_is_excellent_by_default(
    growth: float, score: int, band: str
) -> None:
    known = readings(active_days_28=20, billing_standing=2, usage_trend_28=growth)
    actual = score_account(known, HealthConfig(), SCOPE)
    assert actual.score == Fraction(score)
    assert actual.band == band
    assert sum(c.contribution for c in actual.contributions) == actual.score


def test_growing_mrr_is_the_bonus_without_a_source_of_use() -> None:
    known = readings(billing_standing=2, mrr_change_90=1.25, late_payments_365=0)
    actual = score_account(known, BILLING_AND_CRM, SCOPE)
    assert actual.score == Fraction(105)
    assert actual.band == "excellent"
    fact = MrrChangeFact("EUR", 10_000, 12_500)
    reasons = build_reasons(actual, AccountEvidence(mrr_change=fact), SCOPE)
    texts = [reason.text for reason in reasons]
    assert texts.count("MRR up 25% in 90 days: 100.00 EUR → 125.00 EUR") == 1


def test_a_bonus_lifts_nobody_out_of_yellow_and_is_missed_by_nobody() -> None:
    """12 days of use are 60: 24 + 30 of 70 is 77.1, 10 days are 71.4, 9 days 68.6."""
    for days, bonus in ((12, 5), (10, 5), (9, 0)):
        known = readings(active_days_28=days, billing_standing=2, usage_trend_28=3)
        actual = score_account(known, HealthConfig(), SCOPE)
        assert actual.score == Fraction(40 * days * 5 // 100 + 30, 70) * 100 + bonus
    missing = score_account(readings(active_days_28=9), HealthConfig(), SCOPE).missing
    assert "growth" not in [item.input for item in missing]
    alone = score_account(readings(usage_trend_28=3), HealthConfig(minimum_coverage=0), SCOPE)
    assert (alone.score, alone.band) == (None, "insufficient")


def test_a_bonus_is_for_weighted_mode() -> None:
    with pytest.raises(ValidationError, match="bonus is for weighted mode"):
        HealthConfig.model_validate({"mode": "points", "inputs": {
            "use": {"weight": 10, "signal": "active_days_28", "bonus": True}}})  # fmt: skip


def at(day: int, month: int = 11) -> datetime:
    return datetime(2025, month, day, 12, tzinfo=UTC)


UNPAID = OverdueInvoice("stripe", "in_8", "A-8", at(1), at(9), 900, "EUR", None)
ENDS = RunningSubscription("stripe", "a", "active", at(1, 12), "unused", None)
RUNS = RunningSubscription("stripe", "b", "active", None, None, None)
LATE = RunningSubscription("stripe", "c", "past_due", None, None, None)
TRIAL = RunningSubscription("stripe", "d", "trialing", at(1, 12), None, None)
CANCELLED = "Subscription cancelled, ends on 1 Dec; reason: not using it"


@pytest.mark.parametrize(
    ("facts", "urgent", "leaving"),
    [
        ({"subscriptions": (RUNS,)}, [], False),
        ({"subscriptions": (ENDS,)}, [CANCELLED], True),
        ({"subscriptions": (ENDS, RUNS)}, [CANCELLED], False),
        ({"subscriptions": (LATE,)}, ["Subscription payment past due"], False),
        ({"subscriptions": (TRIAL,)}, [], False),
        ({"subscriptions": (ENDS, TRIAL), "invoices": (UNPAID,)},
         ["Invoice A-8 is 12 days past due", CANCELLED], True),
        ({"invoices": (UNPAID,)}, ["Invoice A-8 is 12 days past due"], False),
    ],
)  # fmt: skip
def test_what_asks_for_a_call_whatever_the_score(
    facts: dict[str, Any], urgent: list[str], leaving: bool
) -> None:
    evidence = AccountEvidence(**facts)
    assert list_urgent_reasons(evidence, SCOPE) == urgent
    assert is_leaving(evidence) is leaving
