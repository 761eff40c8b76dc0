"""Reasons in words: the fact, its evidence, and what is missing."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from cs_sync.health import (
    AccountEvidence,
    HealthConfig,
    Reading,
    build_day_scope,
    build_reasons,
    build_score_row,
    score_account,
)
from cs_sync.health.facts import (
    AnswerFact,
    MrrChangeFact,
    OverdueInvoice,
    PaymentFact,
    RunningSubscription,
    TicketFact,
    UsageFact,
)
from cs_sync.health.sentences import SENTENCES
from cs_sync.health.wording import quote_text, to_plain_line
from cs_sync.i18n import ENGLISH
from cs_sync_schemas import Invoice, Subscription, SurveyResponse, Ticket, UsageDay
from tests.health.conftest import Workspace

SCOPE = build_day_scope(date(2025, 11, 21))


def at(day: int, month: int = 11, year: int = 2025) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def ticket(number: str, topic: str | None, day: int = 10) -> TicketFact:
    return TicketFact("zendesk", number, "Help", topic, None, at(day), is_open=False)


def answer(score: float, name: str | None = None, comment: str | None = None) -> AnswerFact:
    return AnswerFact("hubspot", f"{score}", "nps", score, 10, name, comment, at(12))


def say(signal: str, value: float, **evidence: object) -> str:
    facts = AccountEvidence(**evidence)  # type: ignore[arg-type]
    return SENTENCES[signal](value, facts, SCOPE, ENGLISH)


def test_tickets_name_their_common_topic_and_their_numbers() -> None:
    same = tuple(ticket(n, "integration", d) for n, d in (("523", 12), ("518", 9), ("512", 3)))
    text = "3 tickets in the last 30 days, all about integration: #512 #518 #523"
    assert say("tickets_30", 3, tickets=same) == text
    assert say("tickets_30", 0) == "No tickets in the last 30 days"
    first = (ticket("5", "feature_request"),)
    assert say("tickets_30", 1, tickets=first) == (
        "1 ticket in the last 30 days, about feature request: #5"
    )
    two = (ticket("5", "export"), ticket("6", "export"))
    assert say("tickets_30", 2, tickets=two).endswith("both about export: #5 #6")


def test_mixed_topics_name_the_most_frequent_one_and_long_lists_are_counted() -> None:
    many = tuple(ticket(str(n), "export" if n < 4 else None) for n in range(1, 8))
    assert say("tickets_30", 7, tickets=many) == (
        "7 tickets in the last 30 days, 3 about export: #3 #4 #5 #6 #7 and 2 more"
    )
    apart = (ticket("1", "login"), ticket("2", "export"))
    assert say("tickets_30", 2, tickets=apart) == "2 tickets in the last 30 days: #1 #2"


def test_usage() -> None:
    usage = UsageFact(4, 15, date(2025, 11, 20))
    assert say("active_days_28", 4, usage=usage) == (
        "Active on 4 of the last 28 days (previous 28: 15)"
    )
    idle = UsageFact(0, 0, date(2024, 10, 3))
    assert say("active_days_28", 0, usage=idle) == (
        "No use in the last 28 days; last used on 3 Oct 2024"
    )
    assert say("active_days_28", 0) == "No use so far"
    assert say("days_since_use", 1) == "Last used 1 day ago"
    assert say("days_since_use", 0) == "Used today"
    assert say("usage_trend_28", 0.6) == "Usage down 40% vs previous 28 days"
    assert say("usage_trend_28", 1) == "Usage unchanged vs previous 28 days"


def test_seats() -> None:
    two = tuple(
        RunningSubscription("stripe", name, "active", None, None, None, seats)
        for name, seats in (("main", 10.0), ("extra", 6.0), ("flat", None))
    )
    usage = UsageFact(4, 15, date(2025, 11, 20), people=2)
    assert say("seat_use_28", 0.125, subscriptions=two, usage=usage) == (
        "2 of 16 seats used in the last 28 days"
    )


def test_billing() -> None:
    late = OverdueInvoice("stripe", "in_7", "A-0007", at(1), at(9), 900, "EUR", None)
    newer = OverdueInvoice("stripe", "in_8", None, at(15), None, 900, "EUR", None)
    assert say("billing_standing", 0, invoices=(late,)) == "Invoice A-0007 is 12 days past due"
    assert say("billing_standing", 0, invoices=(newer, late)) == (
        "Invoice A-0007 is 12 days past due, and 1 more unpaid invoice"
    )
    assert say("billing_standing", 0, invoices=(newer,)) == "Invoice in_8 of 15 Nov is unpaid"
    ends = RunningSubscription("stripe", "sub", "active", at(1, 12), "too_expensive", None)
    assert say("billing_standing", 1, subscriptions=(ends,)) == (
        "Subscription cancelled, ends on 1 Dec; reason: too expensive"
    )
    assert say("billing_standing", 0) == "Subscription payment past due"


@pytest.mark.parametrize(
    ("payments", "message"),
    [
        (None, "Subscription active"),
        (PaymentFact(1, 0, 0), "Subscription active"),
        (PaymentFact(6, 5, 0), "Pays on time"),
        (PaymentFact(6, 6, 1, at(7)), "Nothing overdue"),
    ],
)
def test_who_pays_on_time_is_said_where_invoices_tell(
    payments: PaymentFact | None, message: str
) -> None:
    """An invoice that is open and not due yet says nothing of how it will be paid."""
    assert say("billing_standing", 2, payments=payments) == message


def test_who_is_not_charged_is_not_said_to_pay() -> None:
    paused = RunningSubscription("stripe", "a", "active", None, None, None, None, None, "void")
    fact = PaymentFact(6, 5, 0)
    text = say("billing_standing", 2, payments=fact, subscriptions=(paused,))
    assert text == "Payment collection paused"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("missing_features", "; reason: missing features"),
        ("other", ""),
        (None, ""),
        ("We built our own", "; reason: “We built our own”"),
    ],
)
def test_a_reason_to_leave_is_a_word_or_a_quotation_never_a_code(
    code: str | None, message: str
) -> None:
    ends = RunningSubscription("stripe", "sub", "active", at(1, 12), code, None)
    text = f"Subscription cancelled, ends on 1 Dec{message}"
    assert say("billing_standing", 1, subscriptions=(ends,)) == text


def test_payments_contact_and_renewal() -> None:
    late = PaymentFact(6, 6, 2, at(7))
    assert say("late_payments_365", 2, payments=late) == (
        "Failed or late payments in 12 months: 2 of 6 (last: 7 Nov)"
    )
    fine = PaymentFact(6, 6, 0)
    assert say("late_payments_365", 0, payments=fine) == "No failed or late payment in 12 months"
    assert say("days_since_contact", 0) == "Contact logged today"
    assert say("days_since_contact", 74) == "Last contact logged 74 days ago"
    assert say("days_to_renewal", 74) == "Annual plan renews on 3 Feb 2026, in 74 days"


def part(subscription: str, quantity: str) -> dict[str, str]:
    return {"source": "stripe", "subscription": subscription, "quantity": quantity}


def test_mrr_and_seats_name_both_ends() -> None:
    """Of a subscription the largest quantity counts: 10 + 2 seats became 6 + 2."""
    then = [part("a", "10"), part("a", "1"), part("b", "2")]
    fact = MrrChangeFact("EUR", 174_000, 104_400, then, [part("a", "6"), part("b", "2")])
    assert say("mrr_change_90", 0.6, mrr_change=fact) == (
        "MRR down 40% in 90 days: 1,740.00 EUR → 1,044.00 EUR"
    )
    assert say("seat_change_90", 8 / 12, mrr_change=fact) == "Seats down from 12 to 8 in 90 days"
    assert say("mrr_change_90", 1, mrr_change=fact) == "MRR unchanged in 90 days"
    assert say("seat_change_90", 1, mrr_change=fact) == "Seats unchanged in 90 days"


def test_days_are_compared_where_there_were_as_many_before() -> None:
    """On 3 October the 56 days had not begun; 20 days of use are no fall from 40 to 8."""
    young = UsageFact(8, 20, date(2025, 11, 20), first_day=date(2025, 10, 3))
    old = UsageFact(8, 0, date(2025, 11, 20), first_day=date(2025, 9, 27))
    assert say("active_days_28", 8, usage=young) == "Active on 8 of the last 28 days"
    assert say("active_days_28", 8, usage=old) == "Active on 8 of the last 28 days (previous 28: 0)"
    assert say("usage_trend_28", 4.25) == "Usage 4.2 times that of the previous 28 days"


def test_answers() -> None:
    ana = answer(3, "Ana Lopez", "too\n slow")
    assert say("nps", 3, answers=(ana,)) == "NPS 3 from Ana Lopez on 12 Nov: “too slow”"
    assert say("nps", 5.5, answers=(answer(8), ana)) == (
        "NPS answers of 2 people average 5.5; lowest: 3 from Ana Lopez on 12 Nov: “too slow”"
    )
    assert say("nps", 10, answers=(answer(10), answer(10))) == "NPS 10 from 2 people"
    assert say("nps", 8, answers=(answer(8),)) == "NPS 8 on 12 Nov"
    rated = AnswerFact("zendesk", "1", "csat", 1, 5, None, "Too long.", at(2))
    assert say("csat_90", 0, answers=(rated,)) == (
        "The only satisfaction rating in 90 days is bad: “Too long.”"
    )
    good = AnswerFact("zendesk", "2", "csat", 5, 5, None, None, at(3))
    assert say("csat_90", 1, answers=(good,)) == "The only satisfaction rating in 90 days is good"
    assert say("csat_90", 0.5, answers=(good, rated)) == (
        "1 of 2 people satisfied in the last 90 days: “Too long.”"
    )
    assert say("open_tickets", 0) == "No open tickets"


def test_the_worst_comes_first_and_what_is_missing_last() -> None:
    known = {"active_days_28": Reading(20.0), "tickets_30": Reading(3.0)}
    score = score_account(known, HealthConfig(), SCOPE)
    reasons = build_reasons(score, AccountEvidence(usage=UsageFact(20, 18, SCOPE.day)), SCOPE)
    assert [reason.text for reason in reasons] == [
        "3 tickets in the last 30 days",
        "Active on 20 of the last 28 days (previous 28: 18)",
        "No active subscription, no invoice overdue",
        "No NPS answer in 180 days",
    ]
    assert [reason.loss for reason in reasons] == [Fraction(100, 3), 0, None, None]


def test_an_outdated_input_is_named() -> None:
    config = HealthConfig.model_validate({"inputs": {"nps": {"max_age_days": 30}}})
    score = score_account({"nps": Reading(9, date(2025, 9, 1), 1)}, config, SCOPE)
    texts = [reason.text for reason in build_reasons(score, AccountEvidence(), SCOPE)]
    assert texts[-1].endswith("data out of date, not scored")


def test_the_row_sums_and_is_plain_json() -> None:
    known = {"active_days_28": Reading(20.0), "tickets_30": Reading(3.0)}
    score = score_account(known, HealthConfig(), SCOPE)
    reasons = build_reasons(score, AccountEvidence(), SCOPE)
    row = build_score_row("acme", "Acme", SCOPE.day, score, reasons, Fraction(-5, 2))
    assert list(row) == ["account", "name", "as_of", "score", "band", "coverage", "mode",
                         "contributions", "reasons", "change_30d"]  # fmt: skip
    assert row["as_of"] == "2025-11-21"
    assert (row["band"], row["coverage"], row["change_30d"]) == ("yellow", 0.6, -2.5)
    assert sum(c["contribution"] for c in row["contributions"]) == row["score"] == 200 / 3
    assert set(row["contributions"][0]) == {"input", "value", "points", "weight", "contribution"}


def test_foreign_text_is_tamed() -> None:
    assert to_plain_line("a\x1b[31mb\u202e\tc") == "a[31mb c"
    assert to_plain_line("x" * 70_000) == "x" * 139 + "…"
    assert quote_text("  ", ENGLISH) == ""


def test_evidence_is_read_for_the_account_of_the_record_or_of_its_person(
    workspace: Workspace,
) -> None:
    workspace.account("acme", "zendesk", "stripe", "posthog")
    workspace.person("ana", "acme", "hubspot")
    workspace.add(Ticket, source="zendesk", source_id="1", account_source_id="acme",
                  opened_at=at(1, 3), topic="export")  # fmt: skip
    workspace.add(Ticket, source="zendesk", source_id="2", account_source_id="acme",
                  opened_at=at(1, 3), status="solved", solved_at=at(2, 3))  # fmt: skip
    workspace.add(SurveyResponse, source="hubspot", source_id="n", contact_source_id="ana",
                  kind="nps", score=3.0, scale_min=0.0, scale_max=10.0, answered_at=at(12),
                  comment="too slow")  # fmt: skip
    workspace.add(Invoice, source="stripe", source_id="in", account_source_id="acme",
                  currency="EUR", amount_remaining=900, issued_at=at(1), due_at=at(9))  # fmt: skip
    workspace.add(Subscription, source="stripe", source_id="s", account_source_id="acme",
                  currency="EUR", started_at=at(1), cancel_at=at(1, 12))  # fmt: skip
    for day in (date(2025, 11, 20), date(2025, 10, 20), date(2025, 10, 19)):
        workspace.add(UsageDay, source="posthog", source_id=str(day), account_source_id="acme",
                      day=day, events=1)  # fmt: skip
    acme = workspace.evidence()["acme"]
    assert [(t.source_id, t.is_open) for t in acme.tickets] == [("1", True)]
    assert [(a.kind, a.score, a.person_name) for a in acme.answers] == [("nps", 3.0, "Ana")]
    assert [(i.source_id, i.due_at) for i in acme.invoices] == [("in", at(9))]
    assert [s.ends_at for s in acme.subscriptions] == [at(1, 12)]
    assert acme.usage == UsageFact(1, 2, date(2025, 11, 20), first_day=date(2025, 10, 19))
