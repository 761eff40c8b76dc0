"""Signals of billing's and the CRM's history, counted by hand: the day is 21 November 2025."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cs_sync.health import build_day_scope, is_leaving
from cs_sync.health.facts import BillingMarks, PaymentFact
from cs_sync.health.signals.billing_sweep import BILLING, mark_billing
from cs_sync.store.queries.health import read_swept_facts
from cs_sync_schemas import (
    AccountChange,
    Invoice,
    InvoiceLine,
    MrrSpan,
    SourceAccount,
    Subscription,
    SubscriptionItem,
)
from cs_sync_schemas.times import count_microseconds
from cs_sync_schemas.values import CONTACT_FIELD
from tests.health.conftest import SCOPE, Workspace


def at(day: int, month: int = 11, year: int = 2025) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def span(
    workspace: Workspace, account: str, amount: int, since: datetime, until: datetime | None = None,
    **fields: Any,
) -> None:  # fmt: skip
    seats = fields.pop("seats", 1)
    given = {"policy": "", "currency": "EUR", "known_from": since} | fields
    part = {"source": "stripe", "subscription": account, "quantity": str(seats)}
    workspace.add(MrrSpan, account_id=account, amount=amount, valid_from=since, valid_to=until,
                  parts=[part], **given)  # fmt: skip


def test_mrr_is_compared_with_that_of_90_days_before_in_its_currency(workspace: Workspace) -> None:
    """The last 90 days begin on 24 August: what changed on the 23rd is of before."""
    for name in ("fell", "grew", "young", "gone", "moved", "edge", "other"):
        workspace.account(name, "stripe")
    span(workspace, "fell", 174_000, at(1, 1), at(12, 11), seats=5)
    span(workspace, "fell", 104_400, at(12, 11), seats=3)
    span(workspace, "grew", 100, at(1, 1), at(25, 8))
    span(workspace, "grew", 125, at(25, 8))
    span(workspace, "young", 100, at(24, 8))
    span(workspace, "gone", 100, at(1, 1), at(20, 11), seats=4)
    span(workspace, "moved", 100, at(1, 1), at(1, 10))
    span(workspace, "moved", 430, at(1, 10), currency="PLN")
    span(workspace, "edge", 100, at(1, 1), at(23, 8))
    span(workspace, "edge", 50, at(23, 8))
    span(workspace, "other", 100, at(1, 1), policy="another")
    assert workspace.values("mrr_change_90") == {"fell": 0.6, "grew": 1.25, "gone": 0, "edge": 1}
    assert workspace.values("seat_change_90") == {
        "fell": 0.6, "grew": None, "gone": 0, "edge": None,
    }  # fmt: skip
    change = workspace.evidence()["fell"].mrr_change
    assert change is not None
    assert (change.currency, change.before, change.now) == ("EUR", 174_000, 104_400)


def test_mrr_as_it_was_known_then(workspace: Workspace) -> None:
    workspace.account("acme", "stripe")
    span(workspace, "acme", 100, at(1, 1), known_to=at(20))
    span(workspace, "acme", 200, at(1, 1), known_from=at(20))
    span(workspace, "acme", 50, at(1, 10), known_from=at(25))
    known = type(SCOPE)(SCOPE.until, SCOPE.day, SCOPE.zone, known_at=at(19))
    assert workspace.values("mrr_change_90", known) == {"acme": 1}


PAID = {"status": "paid", "amount_remaining": 0, "total": 900}


@pytest.mark.parametrize(
    ("invoice", "late"),
    [
        ({**PAID, "due_at": at(9), "paid_at": at(10)}, 0),
        ({**PAID, "due_at": at(9), "paid_at": at(10) + timedelta(seconds=1)}, 1),
        ({**PAID, "attempt_count": 1, "paid_at": at(1)}, 0),
        ({**PAID, "attempt_count": 3, "paid_at": at(4)}, 1),
        ({"status": "open", "total": 900, "amount_remaining": 900, "due_at": at(9)}, 1),
        ({"status": "open", "total": 900, "amount_remaining": 900, "due_at": at(25)}, 0),
        ({"status": "open", "total": 9, "amount_remaining": 9, "attempt_count": 1}, 1),
        ({"status": "uncollectible", "total": 900, "amount_remaining": 900}, 1),
        ({"status": "paid", "amount_due": 900}, 0),
        ({"status": "void", "total": 900}, None),
        ({"status": "draft", "total": 900}, None),
        ({"status": "paid", "total": 0}, None),
        ({**PAID, "attempt_count": 2, "issued_at": at(21, year=2024)}, None),
        ({**PAID, "attempt_count": 2, "issued_at": at(22, year=2024)}, 1),
    ],
)
def test_a_payment_in_trouble(
    workspace: Workspace, invoice: dict[str, object], late: int | None
) -> None:
    workspace.account("acme", "stripe")
    given = {"source": "stripe", "source_id": "in", "account_source_id": "acme"}
    workspace.add(Invoice, **{**given, "currency": "EUR", "issued_at": at(1)} | invoice)
    assert workspace.values("late_payments_365").get("acme") == late


def test_payments_are_counted_and_the_last_in_trouble_is_dated(workspace: Workspace) -> None:
    workspace.account("acme", "stripe")
    for month, attempts in ((8, 2), (9, 4), (10, 1)):
        workspace.add(Invoice, source="stripe", source_id=f"in{month}", account_source_id="acme",
                      currency="EUR", issued_at=at(7, month), attempt_count=attempts,
                      paid_at=at(9, month), **PAID)  # fmt: skip
    workspace.add(Invoice, source="stripe", source_id="next", account_source_id="acme", total=9,
                  currency="EUR", issued_at=at(20), due_at=at(30), amount_remaining=9)  # fmt: skip
    assert workspace.values("late_payments_365") == {"acme": 2}
    assert workspace.evidence()["acme"].payments == PaymentFact(4, 3, 2, at(7, 9))


def plan(workspace: Workspace, name: str, since: datetime, **fields: Any) -> None:
    """A subscription of an account of this name."""
    item = {key: fields.pop(key) for key in ("interval", "interval_count") if key in fields}
    workspace.account(name, "stripe")
    given = {"source": "stripe", "source_id": name, "account_source_id": name, "currency": "EUR"}
    workspace.add(Subscription, **{**given, "started_at": since} | fields)
    workspace.add(SubscriptionItem, source="stripe", source_id=name, subscription_source_id=name,
                  valid_from=since, unit_amount=Decimal(100), **item)  # fmt: skip


def test_an_annual_plan_renews_when_its_term_ends(workspace: Workspace) -> None:
    """Of 1 December 2023 there are 10 days to the second anniversary; an invoice knows better."""
    annual = {"interval": "year"}
    plan(workspace, "acme", at(1, 12, 2023), **annual)
    plan(workspace, "today", at(21, 11, 2024), **annual)
    plan(workspace, "fresh", at(21), **annual)
    plan(workspace, "invoiced", at(1, 12, 2023), **annual)
    plan(workspace, "months", at(25, 11, 2024), interval="month", interval_count=12)
    plan(workspace, "monthly", at(1, 1), interval="month")
    plan(workspace, "leaving", at(1, 12, 2023), cancel_at=at(1, 12), canceled_at=at(3), **annual)
    plan(workspace, "trial", at(1, 11), status="trialing", **annual)
    for number, end in enumerate((at(1, 1), at(31, 1, 2026), at(31, 1, 2027))):
        workspace.add(InvoiceLine, source="stripe", source_id=f"il{number}", currency="EUR",
                      invoice_source_id="in", subscription_source_id="invoiced", amount=1200,
                      interval="year", interval_count=1, period_end=end)  # fmt: skip
    assert workspace.values("days_to_renewal") == {
        "acme": 10, "today": 365, "fresh": 365, "invoiced": 71, "months": 4,
    }  # fmt: skip


def test_the_last_contact_of_any_of_its_records(workspace: Workspace) -> None:
    """On 9 November nothing is known of the contact before that of the 10th."""
    workspace.account("acme", "hubspot", "crm_two")
    workspace.account("silent", "hubspot")
    workspace.add(SourceAccount, source="hubspot", source_id="acme", last_contacted_at=at(3))
    workspace.add(SourceAccount, source="crm_two", source_id="acme", last_contacted_at=at(10))
    workspace.add(SourceAccount, source="hubspot", source_id="silent")
    assert workspace.values("days_since_contact") == {"acme": 11}
    assert workspace.readings("days_since_contact")["acme"].observed_at == at(10)
    assert workspace.values("days_since_contact", build_day_scope(date(2025, 11, 9))) == {}


def tell_contact(workspace: Workspace, number: int, logged: datetime, **fields: Any) -> None:
    """The CRM took on a last contact of acme at this time."""
    workspace.add(AccountChange, source="hubspot", source_id=f"acme:{number}", field=CONTACT_FIELD,
                  account_source_id="acme", happened_at=logged, **fields)  # fmt: skip


def test_the_last_contact_of_a_past_day_where_the_crm_tells_its_past(workspace: Workspace) -> None:
    """Contacts of 3 and 10 November, that of the 10th logged on the 12th; one is taken back."""
    workspace.account("acme", "hubspot", "crm_two")
    workspace.add(SourceAccount, source="hubspot", source_id="acme", last_contacted_at=at(18))
    for number, (logged, contact) in enumerate(
        [(at(4), at(3)), (at(12), at(10)), (at(14), at(3)), (at(18), at(18))]
    ):
        tell_contact(workspace, number, logged, value_at=contact)

    def measure(day: int) -> dict[str, float | None]:
        return workspace.values("days_since_contact", build_day_scope(date(2025, 11, day)))

    assert [measure(day) for day in (2, 4, 11, 12, 15, 20)] == [
        {}, {"acme": 1}, {"acme": 8}, {"acme": 2}, {"acme": 12}, {"acme": 2},
    ]  # fmt: skip
    assert workspace.values("days_since_contact") == {"acme": 3}


def test_what_a_crm_told_later_is_not_known_earlier(workspace: Workspace) -> None:
    """The history of the 4th was read on the 16th; a CRM without a past makes a day unknown."""
    workspace.account("acme", "hubspot", "crm_two")
    workspace.add(SourceAccount, source="hubspot", source_id="acme", last_contacted_at=at(18))
    tell_contact(workspace, 1, at(4), value_at=at(3), first_seen_at=at(16), changed_at=at(16))
    scope = build_day_scope(date(2025, 11, 15))
    known = [replace(scope, known_at=at(day)) for day in (15, 16)]
    assert [workspace.values("days_since_contact", known_at) for known_at in known] == [
        {},
        {"acme": 12},
    ]
    workspace.add(SourceAccount, source="crm_two", source_id="acme", last_contacted_at=at(17))
    assert workspace.values("days_since_contact", scope) == {}
    assert workspace.values("days_since_contact") == {"acme": 3}


def test_billing_in_short_is_what_the_facts_say(workspace: Workspace) -> None:
    """A trial beside an end, a trial alone, an end that was asked for later, a late invoice."""
    names = ("leaves", "stays", "tries", "asks later", "late", "nothing")
    for name in names:
        workspace.account(name, "stripe")
    given: tuple[tuple[str, dict[str, Any]], ...] = (
        ("leaves", {"cancel_at": at(1, 12), "canceled_at": at(2)}),
        ("leaves", {"status": "trialing"}),
        ("stays", {"cancel_at": at(1, 12), "canceled_at": at(2)}),
        ("stays", {}),
        ("tries", {"status": "trialing", "cancel_at": at(1, 12)}),
        ("asks later", {"cancel_at": at(1, 12), "canceled_at": at(25)}),
        ("late", {"ended_at": at(1, 10)}),
    )
    for number, (name, fields) in enumerate(given):
        workspace.add(Subscription, source="stripe", source_id=str(number), account_source_id=name,
                      currency="EUR", started_at=at(1, 1), **fields)  # fmt: skip
    workspace.add(Invoice, source="stripe", source_id="in", account_source_id="late", status="open",
                  currency="EUR", amount_remaining=5, issued_at=at(1, 9),
                  due_at=at(1, 10))  # fmt: skip
    with workspace.engine.connect() as connection:
        facts_by_name = read_swept_facts(connection, (), [SCOPE]).facts[BILLING.name]
    at_end = count_microseconds(SCOPE.until)
    marks = {name: mark_billing(facts, at_end) for name, facts in facts_by_name.items()}
    assert marks == {
        "leaves": BillingMarks(is_running=True, is_leaving=True),
        "stays": BillingMarks(is_running=True),
        "tries": BillingMarks(is_running=True),
        "asks later": BillingMarks(is_running=True),
        "late": BillingMarks(is_unpaid=True),
    }
    for name, facts in workspace.evidence().items():
        known = BillingMarks(bool(facts.subscriptions), is_leaving(facts), bool(facts.invoices))
        assert marks.get(name, BillingMarks()) == known
