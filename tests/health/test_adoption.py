"""The evidence of use, features, onboarding, referrals, seats and earlier answers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cs_sync_schemas import (
    FeatureDay,
    OnboardingStep,
    Referral,
    Subscription,
    SubscriptionItem,
    SurveyResponse,
    UsageDay,
)
from tests.health.conftest import DAY, LONG_AGO, Workspace

NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)


def test_features_of_the_last_90_days(workspace: Workspace) -> None:
    workspace.account("acme", "posthog")
    for number, (name, ago, events) in enumerate(
        [("export", 0, 3), ("export", 27, 1), ("export", 28, 1), ("old", 89, 1), ("gone", 90, 1),
         ("idle", 1, 0)]
    ):  # fmt: skip
        workspace.add(
            FeatureDay, source="posthog", source_id=str(number), account_source_id="acme",
            feature=name, day=DAY - timedelta(days=ago), events=events,
        )  # fmt: skip
    actual = workspace.evidence()["acme"].features
    assert [(f.feature, f.last_day, f.recent_days) for f in actual] == [
        ("export", DAY, 2),
        ("old", DAY - timedelta(days=89), 0),
    ]


def test_people_are_counted_where_usage_is_known_per_person(workspace: Workspace) -> None:
    workspace.account("acme", "posthog")
    workspace.person("ana", "acme", "posthog")
    workspace.person("bo", "acme", "posthog")
    for number, (who, ago) in enumerate([("ana", 0), ("ana", 1), ("bo", 30), (None, 0)]):
        workspace.add(
            UsageDay, source="posthog", source_id=str(number), account_source_id="acme",
            contact_source_id=who, day=DAY - timedelta(days=ago), events=1,
        )  # fmt: skip
    usage = workspace.evidence()["acme"].usage
    assert usage is not None
    assert (usage.people, usage.recent_days, usage.earlier_days) == (1, 2, 1)


def test_steps_and_referrals(workspace: Workspace) -> None:
    workspace.account("acme", "files")
    workspace.add(
        OnboardingStep, source="files", source_id="1", account_source_id="acme", step="connect",
        done_at=NOON,
    )  # fmt: skip
    workspace.add(
        OnboardingStep, source="files", source_id="2", account_source_id="acme", step="gone",
        deleted_at=NOON,
    )  # fmt: skip
    workspace.add(
        Referral, source="files", source_id="1", account_source_id="acme", referred="Beta",
        referred_at=NOON,
    )  # fmt: skip
    workspace.add(
        Referral, source="files", source_id="2", account_source_id="acme",
        referred_at=NOON + timedelta(days=2),
    )  # fmt: skip
    actual = workspace.evidence()["acme"]
    assert [(step.step, step.done_at is not None) for step in actual.steps] == [("connect", True)]
    assert [referral.referred for referral in actual.referrals] == ["Beta"]


def test_seats_are_the_largest_quantity_that_runs(workspace: Workspace) -> None:
    workspace.account("acme", "stripe")
    workspace.add(
        Subscription, source="stripe", source_id="s", account_source_id="acme", status="active",
        started_at=LONG_AGO, currency="EUR",
    )  # fmt: skip
    for name, quantity, kind, ended in [
        ("addon", 1, "licensed", None), ("seats", 9, "licensed", None),
        ("before", 40, "licensed", NOON), ("calls", 1000, "metered", None),
    ]:  # fmt: skip
        workspace.add(
            SubscriptionItem, source="stripe", source_id=name, subscription_source_id="s",
            quantity=Decimal(quantity), usage_type=kind, valid_from=LONG_AGO, valid_to=ended,
            unit_amount=Decimal(100),
        )  # fmt: skip
    (subscription,) = workspace.evidence()["acme"].subscriptions
    assert subscription.seats == 9


def test_the_answer_before_the_last(workspace: Workspace) -> None:
    workspace.account("acme", "hubspot")
    workspace.person("ana", "acme", "hubspot")
    workspace.person("bo", "acme", "hubspot")
    for number, (who, score, month) in enumerate([("ana", 9, 8), ("ana", 7, 11), ("bo", 5, 10)]):
        workspace.add(
            SurveyResponse, source="hubspot", source_id=str(number), contact_source_id=who,
            kind="nps", score=score, scale_min=0, scale_max=10,
            answered_at=datetime(2025, month, 3, tzinfo=UTC),
        )  # fmt: skip
    actual = workspace.evidence()["acme"].answers
    assert [(a.person_name, a.score, a.previous) for a in actual] == [
        ("Ana", 7, 9),
        ("Bo", 5, None),
    ]
