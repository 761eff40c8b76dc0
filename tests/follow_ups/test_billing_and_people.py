"""Unpaid invoices, failed payments, renewals, a quiet champion, a long silence."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cs_sync.follow_ups import AccountView, RenewalFact
from cs_sync.follow_ups.renewals import count_months, find_renewal
from tests.follow_ups.views import NOW, answer, at, drafts, invoice, person, resolved, usage, view


@pytest.mark.parametrize(
    ("days", "attempts", "fields", "actual"),
    [
        (6, 0, {}, None),  # a few days are none of our business
        (7, 0, {}, "unpaid_invoice"),
        (3, 1, {}, "failed_payment"),  # well, so far: the card
        (3, 3, {}, "unpaid_invoice"),
        (8, 1, {}, "unpaid_invoice"),
        (3, 1, {"answers": (answer(2, answered_at=at(1)),)}, "unpaid_invoice"),
        (3, 1, {"usage": usage(20, recent=4, earlier=12)}, "unpaid_invoice"),
        (3, 1, {"usage": usage(20, recent=6, earlier=12)}, "failed_payment"),
        (3, 1, {"usage": usage(2)}, "unpaid_invoice"),
    ],
)
def test_days_late_failed_charges_and_how_the_customer_is_decide(
    days: int, attempts: int, fields: dict[str, Any], actual: str | None
) -> None:
    seen = view(invoices=(invoice(days=days, attempt_count=attempts),), **fields)
    names = ("unpaid_invoice", "failed_payment")
    assert [name for name in names if drafts(name, seen)] == ([actual] if actual else [])


def test_a_failed_payment_of_who_is_well_is_a_card_and_not_a_feeling() -> None:
    (draft,) = drafts("failed_payment", view(invoices=(invoice(days=2, attempt_count=1),)))
    assert draft.title == "Help Acme pay: card failed for 120 EUR"
    assert "No other warning signs: a card problem, not dissatisfaction." in draft.body
    assert (draft.priority, draft.kind) == ("low", "email")
    assert resolved("failed_payment", view(), draft.occasion) == "the invoice is paid"
    over = view(invoices=(invoice(),), occasions={"unpaid_invoice": ("stripe:1",)})
    assert "took over" in str(resolved("failed_payment", over, draft.occasion))


def test_all_unpaid_invoices_are_one_follow_up_that_grows_louder() -> None:
    two = (invoice("2", days=8), invoice("1", days=31, attempt_count=4))
    (draft,) = drafts("unpaid_invoice", view(invoices=two))
    assert draft.occasion == "stripe:1"
    assert draft.title == "Ask Acme for 120 EUR: 31 days late"
    assert draft.priority == "high"
    assert "INV-1 of 120.00 EUR, due on 21 Oct, is unpaid after 4 failed charges." in draft.body
    assert [fact["id"] for fact in draft.evidence] == [
        "invoice stripe:1", "invoice stripe:2", "late 14", "late 30",
    ]  # fmt: skip
    paid = view(invoices=two[:1], occasions={"unpaid_invoice": ("stripe:1",)})
    (still,) = drafts("unpaid_invoice", paid)
    assert (still.key, resolved("unpaid_invoice", paid, "stripe:1")) == (draft.key, None)
    assert resolved("unpaid_invoice", view(), "stripe:1") == "nothing is unpaid any more"


@pytest.mark.parametrize(
    ("attempts", "cause", "advice"),
    [
        (0, "probably an oversight", "Ask whether the invoice reached the right person."),
        (4, "probably a card problem", "Make clear that it is only about the card."),
    ],
)
def test_a_healthy_customer_forgot_the_invoice_or_has_a_card_that_fails(
    attempts: int, cause: str, advice: str
) -> None:
    late = invoice(days=8, attempt_count=attempts)
    (draft,) = drafts("unpaid_invoice", view(invoices=(late,)))
    assert f"No other warning signs: {cause}." in draft.body
    assert f"- {advice}" in draft.body


@pytest.mark.parametrize(
    ("days", "amount", "mrr", "priority"),
    [
        (7, 12_000, {"EUR": 120_000}, "medium"),
        (14, 12_000, {"EUR": 120_000}, "high"),  # two weeks: news, and half the median or more
        (14, 12_000, {"EUR": 12_000}, "low"),  # 120 a month is little of 1,000
        (32, 35_235, {}, "medium"),  # a paused customer: what is owed counts, 352.35 of 1,000
    ],
)
def test_how_urgent_an_unpaid_invoice_is_follows_days_and_money(
    days: int, amount: int, mrr: dict[str, int], priority: str
) -> None:
    late = invoice(days=days, amount_remaining=amount)
    (draft,) = drafts("unpaid_invoice", view(invoices=(late,), mrr=mrr, typical_mrr=1_000.0))
    assert draft.priority == priority


def renewing(days: int, **fields: Any) -> AccountView:
    fact = RenewalFact("stripe", "s1", NOW + timedelta(days=days), 12)
    return view(**({"renewals": (fact,)} | fields))


@pytest.mark.parametrize(
    ("days", "stages", "priority"),
    [(91, 0, None), (90, 1, "low"), (61, 1, "low"), (60, 2, "medium"), (30, 3, "high")],
)
def test_a_renewal_is_prepared_at_90_60_and_30_days(
    days: int, stages: int, priority: str | None
) -> None:
    actual = drafts("renewal_ahead", renewing(days))
    assert [(len(d.evidence) - 1, d.priority) for d in actual] == (
        [(stages, priority)] if stages else []
    )


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        ({"band": "green", "score": 92.0, "usage": usage(20, recent=12, earlier=12)}, "medium"),
        ({"band": "yellow", "score": 60.0, "usage": usage(20, recent=12, earlier=12)}, "high"),
        ({"band": "green", "usage": usage(20, recent=5, earlier=12)}, "high"),
    ],
)
def test_a_near_renewal_is_most_urgent_where_it_is_in_doubt(
    fields: dict[str, Any], priority: str
) -> None:
    (draft,) = drafts("renewal_ahead", renewing(20, **fields))
    assert draft.priority == priority


def test_a_stage_before_the_connection_waits_for_the_next_one() -> None:
    """45 days ahead at the first run: the 60 days were before it; 30 days ahead it is urgent."""
    first = {"connected": {"stripe": NOW - timedelta(hours=1)}}
    assert drafts("renewal_ahead", renewing(45, **first)) == []
    assert len(drafts("renewal_ahead", renewing(29, **first))) == 1
    later = renewing(45, connected={"stripe": NOW - timedelta(days=40)})
    assert len(drafts("renewal_ahead", later)) == 1


def test_a_renewal_is_over_once_renewed_or_cancelled_and_small_ones_renew_by_themselves() -> None:
    (draft,) = drafts("renewal_ahead", renewing(20))
    assert draft.title == "Prepare Acme: renews on 11 Dec, 1,200 EUR a month"
    assert resolved("renewal_ahead", renewing(20), draft.occasion) is None
    assert resolved("renewal_ahead", renewing(385), draft.occasion) == "it was renewed"
    assert drafts("renewal_ahead", renewing(20, typical_mrr=6_001.0)) == []
    assert len(drafts("renewal_ahead", renewing(20, typical_mrr=6_000.0))) == 1


def test_a_renewal_is_the_end_of_what_is_paid_else_the_anniversary() -> None:
    begun = datetime(2024, 2, 29, 12, tzinfo=UTC)
    paid = datetime(2026, 3, 1, tzinfo=UTC)
    assert find_renewal(begun, paid, 12, NOW) == paid
    assert find_renewal(begun, NOW - timedelta(days=1), 12, NOW).date() == date(2026, 2, 28)
    assert find_renewal(begun, None, 24, NOW).date() == date(2026, 2, 28)
    assert [count_months("year", 2), count_months("month", 12), count_months("week", 52)] == [
        24, 12, 0,
    ]  # fmt: skip


def quiet(last: int, **fields: Any) -> AccountView:
    """Ana used it on 15 days, last on this day of November; Bo uses it still."""
    ana = person("Ana", last_day=date(2025, 11, last), earlier_days=15,
                 recent_days=int(last > 7))  # fmt: skip
    bo = person("Bo", last_day=date(2025, 11, 20), earlier_days=9, recent_days=8)
    return view(**({"people": (ana, bo), "usage": usage(20), "usage_until": NOW.date()} | fields))


def test_a_champion_who_stopped_while_others_go_on_is_looked_for() -> None:
    (draft,) = drafts("champion_quiet", quiet(7))
    assert draft.title == "Call Acme: Ana stopped using it"
    assert draft.contact_id == "hubspot:ana"
    assert "Ana used it most, on 15 days of eight weeks, and stopped on 7 Nov" in draft.body
    assert drafts("champion_quiet", quiet(8)) == []
    assert drafts("champion_quiet", quiet(7), use_days=16) == []
    assert drafts("champion_quiet", quiet(7, usage=usage(7))) == [], "nobody goes on"
    assert resolved("champion_quiet", quiet(7), draft.occasion) is None
    assert resolved("champion_quiet", quiet(19), draft.occasion) == "Ana used it again on 19 Nov"


def test_who_nobody_spoke_to_for_60_days_is_checked_in_with() -> None:
    last = NOW.date() - timedelta(days=60)
    (draft,) = drafts("no_contact", view(last_contact=last))
    assert draft.title == "Check in with Acme: no contact for 60+ days"
    assert "The last contact on record was on 22 Sep, 60 days ago." in draft.body
    assert drafts("no_contact", view(last_contact=last + timedelta(days=1))) == []
    assert drafts("no_contact", view()) == [], "no record is not silence"
    assert drafts("no_contact", view(last_contact=last, typical_mrr=10_000.0)) == []
    early = {"connected": {"hubspot": NOW - timedelta(hours=1)}}
    assert drafts("no_contact", view(last_contact=last - timedelta(days=9), **early)) == []
    assert resolved("no_contact", view(last_contact=last), draft.occasion) is None
    spoken = view(last_contact=date(2025, 11, 19))
    assert resolved("no_contact", spoken, draft.occasion) == "there was a contact on 19 Nov"
