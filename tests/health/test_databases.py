"""Both databases say the same of the same records."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from cs_sync.foresight.observations import build_window
from cs_sync.health import SIGNALS, build_day_scope
from cs_sync.health.columns.versions import NOW
from cs_sync.health.facts import PaymentFact
from cs_sync.queries.month_columns import Moment, read_month_columns
from cs_sync.store.engine import Store
from cs_sync.store.queries.health import read_signals, read_swept_facts, read_use_history
from cs_sync_schemas import (
    FeatureDay,
    Invoice,
    MrrSpan,
    OnboardingStep,
    Referral,
    SourceAccount,
    Subscription,
    SubscriptionItem,
    SurveyResponse,
    Ticket,
    UsageDay,
)
from cs_sync_schemas.times import count_microseconds
from tests.health.conftest import SCOPE, Workspace


def at(day: int, month: int = 11) -> datetime:
    return datetime(2025, month, day, 12, tzinfo=UTC)


def fill(workspace: Workspace) -> None:
    workspace.account("acme", "all")
    workspace.account("quiet", "all")
    for person in ("ana", "ben", "eve"):
        workspace.person(person, "acme", "all")
    records: list[tuple[Any, dict[str, Any]]] = [
        (UsageDay, {"day": date(2025, 11, 20), "events": 10, "contact_source_id": "ana"}),
        (UsageDay, {"day": date(2025, 9, 20), "events": 5}),
        (UsageDay, {"day": date(2025, 10, 10), "events": 20}),
        (Ticket, {"opened_at": at(1), "topic": "export"}),
        (Ticket, {"opened_at": at(1, 3), "status": "closed"}),
        (
            Invoice,
            {
                "issued_at": at(1),
                "due_at": at(9),
                "amount_remaining": 5,
                "currency": "EUR",
                "amount_due": 5,
            },
        ),
        (Subscription, {"started_at": at(1), "cancel_at": at(1, 12), "currency": "EUR"}),
        (FeatureDay, {"day": date(2025, 11, 20), "feature": "export", "users": 1}),
        (OnboardingStep, {"step": "connect"}),
        (Referral, {"referred": "Beta", "referred_at": at(3)}),
    ]
    for name, quantity in (("few", 9), ("many", 12)):
        workspace.add(SubscriptionItem, source="all", source_id=name, valid_from=at(1),
                      subscription_source_id="6", quantity=Decimal(quantity))  # fmt: skip
    for number, (model, fields) in enumerate(records):
        workspace.add(model, source="all", source_id=str(number), account_source_id="acme",
                      **fields)  # fmt: skip
    for begun, amount, seats in ((at(1, 6), 1000, "12"), (at(1), 600, "8")):
        part = {"source": "all", "subscription": "6", "quantity": seats}
        workspace.add(MrrSpan, account_id="acme", policy="", currency="EUR", valid_from=begun,
                      valid_to=at(1) if begun < at(1) else None, known_from=begun, amount=amount,
                      parts=[part])  # fmt: skip
    workspace.add(SourceAccount, source="all", source_id="acme", last_contacted_at=at(10))
    workspace.add(Subscription, source="all", source_id="annual", account_source_id="quiet",
                  started_at=datetime(2023, 11, 22, 12, tzinfo=UTC), currency="EUR")  # fmt: skip
    workspace.add(SubscriptionItem, source="all", source_id="annual", valid_from=at(1, 1),
                  subscription_source_id="annual", interval="year")  # fmt: skip
    for number, (person, kind, score) in enumerate(
        [("ana", "nps", 3.0), ("ben", "nps", 8.0), ("eve", "nps", 9.0), ("ana", "csat", 10.0)]
    ):
        workspace.add(SurveyResponse, source="all", source_id=f"s{number}", kind=kind, score=score,
                      contact_source_id=person, scale_min=0.0, scale_max=10.0,
                      answered_at=at(12))  # fmt: skip


def test_signals_and_evidence(store: Store) -> None:
    workspace = Workspace(store.engine)
    fill(workspace)
    assert {name: workspace.values(name) for name in SIGNALS} == {
        "active_days_28": {"acme": 1, "quiet": 0},
        "days_since_use": {"acme": 1},
        "usage_trend_28": {"acme": 0.5},
        "seat_use_28": {"acme": pytest.approx(1 / 12)},
        "tickets_30": {"acme": 1, "quiet": 0},
        "open_tickets": {"acme": 1, "quiet": 0},
        "billing_standing": {"acme": 0, "quiet": 2},
        "nps": {"acme": pytest.approx(20 / 3)},
        "csat_90": {"acme": 1},
        "mrr_change_90": {"acme": 0.6},
        "seat_change_90": {"acme": pytest.approx(2 / 3)},
        "late_payments_365": {"acme": 1},
        "days_to_renewal": {"quiet": 1},
        "days_since_contact": {"acme": 11},
    }
    evidence = workspace.evidence()["acme"]
    assert evidence.payments == PaymentFact(1, 0, 1, at(1))
    assert evidence.mrr_change is not None
    assert (evidence.mrr_change.before, evidence.mrr_change.now) == (1000, 600)
    assert [ticket.opened_at for ticket in evidence.tickets] == [at(1)]
    assert [answer.answered_at for answer in evidence.answers] == [at(12)] * 4
    assert evidence.subscriptions[0].ends_at == at(1, 12)
    assert evidence.usage is not None
    assert evidence.usage.last_day == date(2025, 11, 20)
    assert [(feature.feature, feature.recent_days) for feature in evidence.features] == [
        ("export", 1)
    ]
    assert [feature.step for feature in evidence.steps] == ["connect"]
    assert [feature.referred for feature in evidence.referrals] == ["Beta"]
    assert evidence.subscriptions[0].seats == 12


THEN = datetime(2025, 11, 20, 9, tzinfo=UTC), SCOPE.until
TWICE = pytest.mark.slow("compiles every signal twice; the one of now shows the columns quickly")


@pytest.mark.parametrize(
    "known", [pytest.param((), id="now"), pytest.param(THEN, id="then", marks=TWICE)]
)
def test_signals_read_as_columns(store: Store, known: tuple[datetime, ...]) -> None:
    """Of now, and of two times of which the second knows of a ticket more."""
    workspace = Workspace(store.engine)
    fill(workspace)
    late = {"opened_at": at(19), "first_seen_at": SCOPE.until, "changed_at": SCOPE.until}
    workspace.add(Ticket, source="all", source_id="late", account_source_id="acme", **late)
    times = np.array([count_microseconds(time) for time in known] or [NOW])
    for place, known_at in enumerate(known or [None]):
        scope = replace(SCOPE, known_at=known_at)
        window = build_window(SCOPE.day, "UTC", timedelta(0), timedelta(90))
        moment = Moment(window, scope, known_at or SCOPE.until, place, place)
        with store.engine.connect() as connection:
            columns = read_month_columns(connection, scope, times, times)
            measured = columns.measure_signals(columns.book.find_owners(place), moment)
            expected = read_signals(connection, measured, scope)
        actual = {
            (account, name): value
            for name, column in measured.items()
            for account, value in zip(columns.ids, column.values.tolist(), strict=True)
            if value == value
        }
        assert actual == {
            (account, name): reading.value
            for account, own in expected.items()
            for name, reading in own.items()
            if reading.value is not None
        }
        assert actual["acme", "tickets_30"] == 2 - (place == 0 and known_at is not None)


def test_days_of_use_read_once(store: Store) -> None:
    workspace = Workspace(store.engine)
    fill(workspace)
    names = [name for name, signal in SIGNALS.items() if signal.sweep]
    with store.engine.connect() as connection:
        use = read_use_history(connection, SCOPE)
        actual = read_signals(connection, names, SCOPE, use=use)
        assert actual == read_signals(connection, names, SCOPE)
    assert {name: reading.value for name, reading in actual["acme"].items()} == {
        "active_days_28": 1, "days_since_use": 1, "usage_trend_28": 0.5,
    }  # fmt: skip


def test_facts_read_once(store: Store) -> None:
    workspace = Workspace(store.engine)
    fill(workspace)
    names = [name for name, signal in SIGNALS.items() if signal.facts]
    days = [build_day_scope(day) for day in (date(2025, 11, 8), date(2025, 11, 15), SCOPE.day)]
    with store.engine.connect() as connection:
        swept = read_swept_facts(connection, names, days)
        for day in days:
            actual = read_signals(connection, names, day, swept=swept)
            assert actual == read_signals(connection, names, day), day.day
    assert {name: reading.value for name, reading in actual["acme"].items()} == {
        "billing_standing": 0, "tickets_30": 1, "csat_90": 1, "nps": pytest.approx(20 / 3),
    }  # fmt: skip
