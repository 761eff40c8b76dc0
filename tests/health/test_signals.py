"""Signals against days counted on the fingers: the day is Friday 21 November 2025."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync.health import SIGNALS, build_day_scope
from cs_sync.metrics.sql.chosen_accounts import AccountRange
from cs_sync_schemas import (
    Contact,
    ContactAccount,
    ContactLink,
    Invoice,
    Subscription,
    SubscriptionItem,
    SurveyResponse,
    Ticket,
    UsageDay,
)
from tests.health.conftest import DAY, LONG_AGO, SCOPE, Workspace


def at(day: int, month: int = 11, hour: int = 12) -> datetime:
    return datetime(2025, month, day, hour, tzinfo=UTC)


def use(workspace: Workspace, account: str, number: int, *days: date, events: int = 3) -> None:
    for day in days:
        workspace.add(UsageDay, source="posthog", source_id=f"{account}-{number}-{day}",
                      account_source_id=account, day=day, events=events)  # fmt: skip


def ticket(workspace: Workspace, name: str, account: str | None, **fields: object) -> None:
    workspace.add(Ticket, **{"source": "zendesk", "source_id": name, "account_source_id": account,
                             "opened_at": at(20)} | fields)  # fmt: skip


def answer(workspace: Workspace, name: str, person: str | None, **fields: object) -> None:
    given = {"kind": "nps", "score": 3.0, "scale_min": 0.0, "scale_max": 10.0}
    given |= {"contact_source_id": person, "answered_at": at(12)} | fields
    workspace.add(SurveyResponse, source="hubspot", source_id=name, **given)


def test_active_days_count_days_not_people_and_nought_is_not_unknown(workspace: Workspace) -> None:
    for name in ("busy", "idle"):
        workspace.account(name, "posthog")
    workspace.account("elsewhere", "zendesk")
    use(workspace, "busy", 1, DAY, DAY - timedelta(days=27), DAY - timedelta(days=28))
    use(workspace, "busy", 2, DAY)
    use(workspace, "busy", 3, DAY - timedelta(days=5), events=0)
    use(workspace, "idle", 1, DAY - timedelta(days=200), DAY + timedelta(days=1))
    assert workspace.values("active_days_28") == {"busy": 2, "idle": 0}
    assert workspace.readings("active_days_28")["idle"].observed_at == DAY


def test_a_person_s_use_counts_for_the_account_of_the_person(workspace: Workspace) -> None:
    workspace.account("acme", "hubspot")
    workspace.person("ana", "acme", "posthog")
    workspace.add(UsageDay, source="posthog", source_id="1", contact_source_id="ana", day=DAY,
                  events=0, sessions=1)  # fmt: skip
    assert workspace.values("active_days_28") == {"acme": 1}
    assert workspace.values("days_since_use") == {"acme": 0}


def test_days_since_use_and_trend(workspace: Workspace) -> None:
    for name in ("acme", "young", "never"):
        workspace.account(name, "posthog")
    use(workspace, "acme", 1, DAY - timedelta(days=15), events=30)
    use(workspace, "acme", 1, DAY - timedelta(days=28), DAY - timedelta(days=55), events=20)
    use(workspace, "young", 1, DAY - timedelta(days=30), DAY)
    assert workspace.values("days_since_use") == {"acme": 15, "young": 0}
    assert workspace.values("usage_trend_28") == {"acme": 0.75}


def seats(workspace: Workspace, account: str, name: str, *units: int, **fields: object) -> None:
    """A subscription with one licensed item for each number of units."""
    workspace.add(Subscription, **{
        "source": "stripe", "source_id": name, "account_source_id": account, "currency": "EUR",
        "started_at": at(1, month=1)} | fields)  # fmt: skip
    for number, quantity in enumerate(units):
        workspace.add(SubscriptionItem, source="stripe", source_id=f"{name}{number}",
                      subscription_source_id=name, quantity=Decimal(quantity),
                      valid_from=at(1, month=1), unit_amount=Decimal(100))  # fmt: skip


def seen(workspace: Workspace, account: str, person: str | None, *ago: int) -> None:
    for days in ago:
        workspace.add(UsageDay, source="posthog", source_id=f"{account}-{person}-{days}", events=1,
                      account_source_id=account, contact_source_id=person,
                      day=DAY - timedelta(days=days))  # fmt: skip


def test_seat_use_is_people_of_28_days_over_the_seats_that_run(workspace: Workspace) -> None:
    """acme: Ana (twice) and an unresolved visitor of 10 + 6 seats; Ben left 28 days ago."""
    for name in ("acme", "left", "unnamed", "unpaid"):
        workspace.account(name, "posthog", "stripe")
    workspace.person("ana", "acme", "posthog")
    workspace.person("ben", "acme", "posthog")
    seats(workspace, "acme", "main", 10, 1)
    seats(workspace, "acme", "extra", 6)
    seats(workspace, "acme", "over", 50, status="canceled", ended_at=at(3))
    seen(workspace, "acme", "ana", 0, 27)
    seen(workspace, "acme", "ben", 28)
    seen(workspace, "acme", "visitor", 1, 2)
    seen(workspace, "acme", None, 5)
    seats(workspace, "left", "all", 4)
    seen(workspace, "left", "eve", 90)
    seats(workspace, "unnamed", "few", 3)
    seen(workspace, "unnamed", None, 0)
    seen(workspace, "unpaid", "joe", 0)
    assert workspace.values("seat_use_28") == {"acme": 2 / 16, "left": 0}
    assert workspace.readings("seat_use_28")["left"].observed_at == DAY
    evidence = workspace.evidence()["acme"]
    assert evidence.usage is not None
    assert evidence.usage.people == 2


def test_tickets_of_thirty_days_in_the_reporting_zone(workspace: Workspace) -> None:
    for name in ("acme", "quiet"):
        workspace.account(name, "zendesk")
    workspace.account("unknown", "stripe")
    workspace.person("ana", "acme", "zendesk")
    ticket(workspace, "1", "acme", opened_at=datetime(2025, 10, 22, 23, 0, tzinfo=UTC))
    ticket(workspace, "2", None, contact_source_id="ana")
    ticket(workspace, "3", "acme", deleted_at=at(20))
    ticket(workspace, "4", "acme", opened_at=datetime(2025, 11, 22, 0, 0, tzinfo=UTC))
    ticket(workspace, "5", "acme", opened_at=datetime(2025, 10, 22, 21, 59, tzinfo=UTC))
    warsaw = build_day_scope(DAY, "Europe/Warsaw")
    assert workspace.values("tickets_30", warsaw) == {"acme": 2, "quiet": 0}
    assert workspace.values("tickets_30", SCOPE) == {"acme": 1, "quiet": 0}
    assert workspace.values("tickets_30", build_day_scope(DAY, accounts=["quiet"])) == {"quiet": 0}
    quiet = AccountRange("quiet", "quiet")
    assert workspace.values("tickets_30", build_day_scope(DAY, accounts=quiet)) == {"quiet": 0}


def test_a_ticket_is_open_until_it_was_solved(workspace: Workspace) -> None:
    workspace.account("acme", "zendesk")
    ticket(workspace, "1", "acme", opened_at=at(1, month=3))
    ticket(workspace, "2", "acme", status="solved", solved_at=at(21, hour=23))
    ticket(workspace, "3", "acme", status="closed")
    ticket(workspace, "4", "acme", status="closed", closed_at=at(25))
    assert workspace.values("open_tickets") == {"acme": 2}
    assert workspace.values("open_tickets", build_day_scope(DAY - timedelta(days=1))) == {"acme": 3}


def test_a_reopened_ticket_waits_whatever_time_of_solution_it_keeps(workspace: Workspace) -> None:
    workspace.account("acme", "zendesk")
    ticket(workspace, "1", "acme", opened_at=at(10), status="open", solved_at=at(12))
    ticket(workspace, "2", "acme", opened_at=at(10), status="pending", closed_at=at(12))
    ticket(workspace, "3", "acme", opened_at=at(10), status="solved", solved_at=at(12))
    assert workspace.values("open_tickets") == {"acme": 2}
    assert workspace.values("open_tickets", build_day_scope(date(2025, 11, 15))) == {"acme": 2}
    waiting = [fact.source_id for fact in workspace.evidence()["acme"].tickets if fact.is_open]
    assert sorted(waiting) == ["1", "2"]


def test_without_any_ticket_source_support_is_unknown(workspace: Workspace) -> None:
    workspace.account("acme", "zendesk")
    assert workspace.values("tickets_30") == {}


@pytest.mark.parametrize(
    ("subscription", "value"),
    [
        ({}, 2),
        ({"status": "trialing"}, 2),
        ({"status": "past_due"}, 0),
        ({"cancel_at": at(1, month=12), "canceled_at": at(3)}, 1),
        ({"cancel_at": at(1, month=12), "canceled_at": at(23)}, 2),
        ({"status": "canceled", "ended_at": at(3)}, None),
        ({"status": "canceled", "ended_at": at(23)}, 2),
        ({"status": "incomplete"}, None),
        ({"status": "incomplete_expired", "ended_at": at(23)}, None),
        ({"started_at": at(23)}, None),
    ],
)
def test_billing_standing_of_a_subscription(
    workspace: Workspace, subscription: dict[str, object], value: int | None
) -> None:
    workspace.account("acme", "stripe")
    workspace.add(Subscription, **{
        "source": "stripe", "source_id": "sub", "account_source_id": "acme", "currency": "EUR",
        "started_at": at(1, month=1)} | subscription)  # fmt: skip
    assert workspace.values("billing_standing").get("acme") == value


@pytest.mark.parametrize(
    ("invoice", "value"),
    [
        ({"due_at": at(9)}, 0),
        ({"due_at": at(25)}, None),
        ({"due_at": None, "attempt_count": 2}, 0),
        ({"due_at": None}, None),
        ({"due_at": at(9), "status": "paid", "amount_remaining": 0, "paid_at": at(20)}, None),
        ({"due_at": at(9), "status": "paid", "amount_remaining": 0, "paid_at": at(25)}, 0),
        ({"due_at": at(9), "status": "void"}, None),
        ({"due_at": at(9), "amount_remaining": None}, None),
    ],
)
def test_billing_standing_of_an_invoice(
    workspace: Workspace, invoice: dict[str, object], value: int | None
) -> None:
    workspace.account("acme", "stripe")
    workspace.add(Invoice, **{
        "source": "stripe", "source_id": "in", "account_source_id": "acme", "currency": "EUR",
        "amount_remaining": 900, "issued_at": at(1)} | invoice)  # fmt: skip
    assert workspace.values("billing_standing").get("acme") == value


@pytest.mark.parametrize(
    ("invoice", "then"),
    [
        ({"status": "open", "attempt_count": 2}, 2),
        ({"status": "uncollectible"}, 2),
        ({"status": "paid"}, 0),
        (None, 0),
    ],
)
def test_a_status_of_today_counts_as_far_back_as_the_unpaid_invoice(
    workspace: Workspace, invoice: dict[str, object] | None, then: int
) -> None:
    """The invoice of 15 November was not there on the 10th; without one nobody knows since when."""
    workspace.account("acme", "stripe")
    workspace.add(Subscription, source="stripe", source_id="sub", account_source_id="acme",
                  currency="EUR", started_at=at(1, month=1), status="past_due")  # fmt: skip
    if invoice is not None:
        given = {"source": "stripe", "source_id": "in", "account_source_id": "acme"}
        given |= {"currency": "EUR", "subscription_source_id": "sub"}
        workspace.add(
            Invoice, **given, **invoice, amount_remaining=900, issued_at=at(15), paid_at=None
        )
    assert workspace.values("billing_standing") == {"acme": 0}
    assert workspace.values("billing_standing", build_day_scope(date(2025, 11, 10))) == {
        "acme": then
    }


def test_nps_is_the_mean_over_people_of_their_latest_answers(workspace: Workspace) -> None:
    workspace.account("acme", "hubspot")
    for name in ("ana", "ben"):
        workspace.person(name, "acme", "hubspot")
    answer(workspace, "1", "ana", score=10.0, answered_at=at(1))
    answer(workspace, "2", "ana", score=3.0)
    answer(workspace, "3", "ben", score=8.0, answered_at=at(26, month=5))
    answer(workspace, "4", "ben", score=None)
    assert workspace.values("nps") == {"acme": 5.5}
    assert workspace.readings("nps")["acme"].n == 2
    assert workspace.values("nps", build_day_scope(date(2026, 1, 5))) == {"acme": 3.0}


def test_csat_takes_the_upper_quarter_of_any_scale(workspace: Workspace) -> None:
    workspace.account("acme", "hubspot")
    scale = {"account_source_id": "acme", "kind": "csat"}
    answer(workspace, "1", None, score=4.0, scale_min=1.0, scale_max=5.0, **scale)
    answer(workspace, "2", None, score=3.0, scale_min=1.0, scale_max=5.0, **scale)
    answer(workspace, "3", None, score=0.0, scale_max=1.0, higher_is_better=False, **scale)
    answer(workspace, "4", None, score=0.0, scale_max=1.0, **scale)
    assert workspace.values("csat_90") == {"acme": 0.5}


def test_ratings_are_all_answers_of_a_year_each_on_its_own_scale(workspace: Workspace) -> None:
    workspace.account("acme", "hubspot")
    workspace.person("ana", "acme", "hubspot")
    scale = {"kind": "csat", "scale_min": 1.0, "scale_max": 5.0}
    answer(workspace, "1", "ana", score=4.0, answered_at=at(1, month=2), **scale)
    answer(workspace, "2", "ana", score=3.0, answered_at=at(2), **scale)
    answer(workspace, "3", "ana", score=2.0, answered_at=at(3), kind="csat", scale_max=2.0)
    turned = {"scale_max": 1.0, "higher_is_better": False, "survey": "support"}
    answer(workspace, "4", "ana", score=0.0, answered_at=at(4), kind="csat", **turned)
    answer(workspace, "5", "ana", score=None, answered_at=at(5), kind="csat")
    answer(workspace, "6", "ana", score=9.0, answered_at=at(6))
    long_ago = datetime(2024, 11, 20, 12, tzinfo=UTC)
    answer(workspace, "7", "ana", score=1.0, answered_at=long_ago, **scale)
    rated = workspace.evidence()["acme"].ratings
    assert [(item.source_id, item.satisfied, item.survey) for item in rated] == [
        ("1", True, None), ("2", False, None), ("3", True, None), ("4", True, "support"),
    ]  # fmt: skip
    assert rated[0].person_name == "Ana"


def test_a_rating_stays_with_the_account_where_the_person_was_then(workspace: Workspace) -> None:
    workspace.account("acme", "hubspot")
    workspace.account("beta", "hubspot")
    workspace.add(Contact, id="ana", account_id="beta", name="Ana")
    workspace.add(ContactLink, source="hubspot", source_id="ana", contact_id="ana")
    places = (("acme", LONG_AGO, at(10)), ("beta", at(10), None))
    for name, since, until in places:
        workspace.add(ContactAccount, contact_id="ana", valid_from=since, day_from=since.date(),
                      valid_to=until, day_to=until and until.date(), source="hubspot",
                      account_source_id=name, stated=True)  # fmt: skip
    scale = {"kind": "csat", "scale_min": 1.0, "scale_max": 5.0}
    answer(workspace, "1", "ana", score=5.0, answered_at=at(9), **scale)
    answer(workspace, "2", "ana", score=1.0, answered_at=at(11), **scale)
    actual = workspace.evidence()
    assert {name: [rating.source_id for rating in actual[name].ratings] for name in actual} == {
        "acme": ["1"], "beta": ["2"],
    }  # fmt: skip


def test_test_accounts_and_merged_ones_are_not_scored(workspace: Workspace) -> None:
    workspace.account("test", "zendesk", is_test=True)
    workspace.account("old", "zendesk", merged_into="new")
    ticket(workspace, "1", "test")
    assert workspace.values("tickets_30") == {}


def test_what_was_known_then(workspace: Workspace) -> None:
    workspace.account("acme", "zendesk")
    ticket(workspace, "1", "acme", first_seen_at=at(20), deleted_at=at(22))
    ticket(workspace, "2", "acme", first_seen_at=at(25))
    then = build_day_scope(DAY)
    known = type(then)(then.until, then.day, then.zone, known_at=at(21))
    assert workspace.values("tickets_30", known) == {"acme": 1}


@pytest.mark.parametrize("name", SIGNALS)
def test_every_signal_compiles_for_both_databases(name: str) -> None:
    for dialect in (sqlite.dialect(), postgresql.dialect()):  # type: ignore[no-untyped-call]
        assert "account_id" in str(SIGNALS[name].build(SCOPE).compile(dialect=dialect))
