"""Any feature or event as an input of the score: impact × frequency, by hand."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from pydantic import ValidationError
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync.health import HealthConfig, Reading, build_reasons, get_signal, score_account
from cs_sync.health.facts import AccountEvidence, UsageFact
from cs_sync.i18n import LANGUAGES, Language, get_translator
from cs_sync.store.engine import Store
from cs_sync.store.queries.health import read_signals
from cs_sync_schemas import FeatureDay, Subscription, SubscriptionItem, Ticket, UsageDay
from tests.health.conftest import DAY, LONG_AGO, SCOPE, Workspace

POINTS = {
    "mode": "points",
    "inputs": {
        "export": {"signal": "feature:export", "weight": 3},
        "invite": {"signal": "feature:invite sent", "weight": 10},
        "tickets": {"signal": "tickets_30", "weight": -5},
    },
}


def used(
    workspace: Workspace, account: str, feature: str, ago: int, source: str = "posthog", **n: int
) -> None:
    workspace.add(
        FeatureDay, source=source, source_id=f"{account}-{feature}-{ago}", feature=feature,
        account_source_id=account, day=DAY - timedelta(days=ago), **n,
    )  # fmt: skip


def fill(workspace: Workspace) -> None:
    for name in ("acme", "idle"):
        workspace.account(name, "posthog", "zendesk")
    workspace.account("elsewhere", "files")
    used(workspace, "acme", "export", 0, events=4, users=2)
    used(workspace, "acme", "export", 27, users=3)
    used(workspace, "acme", "export", 28, events=50)
    used(workspace, "acme", "invite sent", 3, events=1)
    used(workspace, "acme", "export", -1, events=9)
    used(workspace, "elsewhere", "report", 0, "files", events=1)
    workspace.add(Ticket, source="zendesk", source_id="1", account_source_id="acme",
                  opened_at=SCOPE.since(5))  # fmt: skip


def test_uses_of_28_days_and_what_nobody_has_ever_used(store: Store) -> None:
    """4 events and 3 people of whom nobody counted the events are 7; `elsewhere` is not asked."""
    workspace = Workspace(store.engine)
    fill(workspace)
    assert workspace.values("feature:export") == {"acme": 7, "idle": 0}
    assert workspace.values("feature:invite sent") == {"acme": 1, "idle": 0}
    assert workspace.values("feature:report") == {"elsewhere": 1}
    assert workspace.values("feature:exprot") == {}
    assert workspace.readings("feature:export")["idle"].observed_at == DAY


def test_a_feature_that_was_removed_or_not_yet_known_is_not_seen(workspace: Workspace) -> None:
    workspace.account("acme", "posthog")
    used(workspace, "acme", "export", 0, events=4)
    workspace.add(FeatureDay, source="posthog", source_id="x", feature="gone", day=DAY, events=1,
                  account_source_id="acme", deleted_at=LONG_AGO)  # fmt: skip
    assert workspace.values("feature:gone") == {}


def test_what_was_known_then(store: Store) -> None:
    """The row of 21 November came a day later; the name was not known before."""
    workspace = Workspace(store.engine)
    workspace.account("acme", "posthog")
    came = SCOPE.until + timedelta(days=1)
    workspace.add(FeatureDay, source="posthog", source_id="x", feature="export", day=DAY, events=4,
                  account_source_id="acme", first_seen_at=came, changed_at=came)  # fmt: skip
    with store.read() as connection:
        for known_at, actual in ((None, 4), (came, 4), (SCOPE.until, None)):
            scope = replace(SCOPE, known_at=known_at)
            readings = read_signals(connection, ["feature:export"], scope)
            value = readings["acme"]["feature:export"].value if readings else None
            assert value == actual


def test_active_is_who_did_something_of_the_list(store: Store) -> None:
    """Days 0 and 27 of acme; `idle` did nothing, `elsewhere` has a source that does not tell."""
    workspace = Workspace(store.engine)
    fill(workspace)
    workspace.person("ana", "acme", "posthog")
    used(workspace, "acme", "report", 2, events=1)
    for account, source in (("acme", "posthog"), ("idle", "posthog"), ("elsewhere", "files")):
        workspace.add(UsageDay, source=source, source_id=account, account_source_id=account,
                      day=DAY - timedelta(days=1), events=1)  # fmt: skip
    by_action = replace(SCOPE, active_features=["export"])
    assert workspace.values("active_days_28") == {"acme": 1, "idle": 1, "elsewhere": 1}
    assert workspace.values("active_days_28", by_action) == {"acme": 2, "idle": 0}
    assert workspace.values("days_since_use", by_action) == {"acme": 0}
    assert workspace.evidence(by_action)["acme"].usage == UsageFact(
        2, 1, DAY, first_day=date(2025, 10, 24)
    )
    unknown = replace(SCOPE, active_features=["exprot"])
    assert workspace.values("active_days_28", unknown) == {}


def test_seats_are_in_use_by_who_did_something_of_the_list(workspace: Workspace) -> None:
    """Of 4 seats Ana exported, Ben only looked."""
    workspace.account("acme", "posthog", "stripe")
    workspace.add(Subscription, source="stripe", source_id="s", account_source_id="acme",
                  currency="EUR", started_at=LONG_AGO)  # fmt: skip
    workspace.add(SubscriptionItem, source="stripe", source_id="i", subscription_source_id="s",
                  quantity=Decimal(4), valid_from=LONG_AGO, unit_amount=Decimal(1))  # fmt: skip
    for number, (person, feature) in enumerate((("ana", "export"), ("ben", "page viewed"))):
        who = {"account_source_id": "acme", "contact_source_id": person, "day": DAY, "events": 1}
        workspace.add(UsageDay, source="posthog", source_id=person, **who)
        workspace.add(FeatureDay, source="posthog", source_id=str(number), feature=feature, **who)
    assert workspace.values("seat_use_28") == {"acme": 0.5}
    by_action = replace(SCOPE, active_features=["export"])
    assert workspace.values("seat_use_28", by_action) == {"acme": 0.25}


def test_points_are_impact_times_frequency_without_a_ceiling(workspace: Workspace) -> None:
    """acme: 3 × 7 + 10 × 1 − 5 × 1 = 26."""
    fill(workspace)
    config = HealthConfig.model_validate(POINTS)
    readings = {name: workspace.readings(name)["acme"] for name in config.list_signals()}
    score = score_account(readings, config, SCOPE)
    assert {c.input: c.contribution for c in score.contributions} == {
        "export": Fraction(21), "invite": Fraction(10), "tickets": Fraction(-5),
    }  # fmt: skip
    assert (score.score, score.band) == (Fraction(26), "red")
    messages = [reason.text for reason in build_reasons(score, workspace.evidence()["acme"], SCOPE)]
    assert messages == [
        "1 ticket in the last 30 days: #1",
        "invite sent: used 1 time in the last 28 days",
        "export: used 7 times in the last 28 days",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_names_the_feature(language: Language) -> None:
    config = HealthConfig.model_validate({**POINTS, "minimum_coverage": 0})
    score = score_account({"feature:export": Reading(0)}, config, SCOPE)
    words = get_translator(language)
    messages = {r.input: r.text for r in build_reasons(score, AccountEvidence(), SCOPE, words)}
    assert "export" in messages["export"]
    assert "invite sent" in messages["invite"]


def test_a_feature_can_be_an_input_of_the_weighted_score_too() -> None:
    given = {
        "nps": {"weight": 0},
        "export": {"signal": "feature:export", "weight": 10, "points": [[0, 0], [20, 100]]},
    }
    config = HealthConfig.model_validate({"inputs": given})
    score = score_account({"feature:export": Reading(5)}, config, SCOPE)
    assert [c.points for c in score.contributions] == [Fraction(25)]


@pytest.mark.parametrize("name", ["feature:", "feature: ", "features:export", "Feature:export"])
def test_a_signal_that_names_no_feature_is_refused(name: str) -> None:
    with pytest.raises(
        ValidationError, match=r"unknown signal .*, days_since_contact, feature:NAME"
    ):
        HealthConfig.model_validate(
            {"mode": "points", "inputs": {"x": {"signal": name, "weight": 1}}}
        )


def test_it_compiles_for_both_databases() -> None:
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
        statement = get_signal("feature:export").build(SCOPE)
        assert "account_id" in str(statement.compile(dialect=dialect))
