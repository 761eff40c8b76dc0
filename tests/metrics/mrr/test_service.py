"""When a subscription counts."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, facts, invoice, item, line, sub


def spans(*rows: Any, **switches: Any) -> list[tuple[datetime, datetime | None, int]]:
    result = calculate_account_mrr(facts(*rows), MrrPolicy(**switches))
    return [(s.valid_from, s.valid_to, s.amount) for s in result.spans]


def steps(*rows: Any, **switches: Any) -> list[tuple[datetime, str, str, str | None]]:
    result = calculate_account_mrr(facts(*rows), MrrPolicy(**switches))
    return [(m.at, m.kind, m.cause, m.reason) for m in result.movements]


def test_a_trial_counts_from_its_end_and_only_once_it_is_over() -> None:
    trial: dict[str, Any] = {"trial_start": at(2026, 1), "trial_end": at(2026, 1, 15)}
    assert spans(sub(status="trialing", **trial), item()) == []
    assert spans(sub(**trial), item()) == [(at(2026, 1, 15), None, 1000)]
    assert spans(sub(**trial), item(), trials="counted") == [(at(2026, 1), None, 1000)]


def test_a_trial_that_ended_in_cancellation_never_counted() -> None:
    left = sub(status="canceled", trial_end=at(2026, 1, 15), ended_at=at(2026, 1, 15))
    assert spans(left, item()) == []


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired"])
def test_what_was_never_paid_never_counts(status: str) -> None:
    assert spans(sub(status=status), item()) == []


def test_a_scheduled_cancellation_counts_to_its_end_or_to_the_request() -> None:
    leaving = sub(canceled_at=at(2026, 3, 10), cancel_at=at(2026, 4))
    assert spans(leaving, item()) == [(at(2026, 1), at(2026, 4), 1000)]
    asked = spans(leaving, item(), cancellation="request")
    assert asked == [(at(2026, 1), at(2026, 3, 10), 1000)]


def test_churn_carries_the_reason_of_the_source() -> None:
    gone = sub(status="canceled", ended_at=at(2026, 3), cancel_reason="switched_service")
    assert steps(gone, item())[-1] == (at(2026, 3), "churn", "end", "switched_service")


def test_unpaid_leaves_when_the_next_invoice_would_fall_due() -> None:
    owed = invoice(
        "in", at(2026, 2, 15), status="open", amount_remaining=1000, period_end=at(2026, 3, 15)
    )
    assert steps(sub(status="unpaid"), item(), owed)[-1] == (
        at(2026, 3, 15), "churn", "payment", "payment_failed",
    )  # fmt: skip
    assert spans(sub(status="unpaid"), item(), owed, unpaid="counted") == [
        (at(2026, 1), None, 1000)
    ]


def test_a_long_plan_that_was_never_paid_leaves_when_dunning_must_be_over() -> None:
    """Two years of service that nobody paid: sixty days after the demand, and not in 2028."""
    owed = invoice("in", at(2026, 1), status="open", amount_remaining=24000, period_end=at(2028, 1))
    two_years = item(amount="24000", interval="year", interval_count=2)
    assert spans(sub(status="unpaid"), two_years, owed) == [(at(2026, 1), at(2026, 3, 2), 1000)]
    later = replace(owed, due_at=at(2026, 2))
    assert spans(sub(status="unpaid"), two_years, later)[0][1] == at(2026, 4, 2)


def test_the_lines_say_for_how_long_an_invoice_pays() -> None:
    """Stripe's invoices carry the period before them: it ends when they are made."""
    owed = invoice("in", at(2026, 2), status="open", amount_remaining=1000, period_end=at(2026, 2))
    paid_for = line("l", (at(2026, 2), at(2026, 3)), 1000, 1, invoice_source_id="in")
    [span] = spans(sub(status="unpaid"), item(price="p"), owed, paid_for)
    assert span == (at(2026, 1), at(2026, 3), 1000)


def test_an_invoice_of_unknown_amount_is_not_owed() -> None:
    unknown = invoice("in", at(2026, 1), status="open", amount_remaining=None)
    owed = invoice("owed", at(2026, 2), status="open", amount_remaining=1000)
    unpaid = spans(sub(status="unpaid"), item(), owed)
    assert unpaid[0][1] is not None
    assert spans(sub(status="unpaid"), item(), unknown, owed) == unpaid


def test_past_due_counts_until_the_policys_days_are_over() -> None:
    owed = invoice("in", at(2026, 2), status="open", amount_remaining=1000, due_at=at(2026, 2, 15))
    late = sub(status="past_due")
    assert spans(late, item(), owed) == [(at(2026, 1), None, 1000)]
    lost = spans(late, item(), owed, past_due_churn_days=14)
    assert lost == [(at(2026, 1), at(2026, 3), 1000)]
    paid = invoice("in", at(2026, 2), due_at=at(2026, 2, 15))
    assert spans(sub(), item(), paid, past_due_churn_days=14) == [(at(2026, 1), None, 1000)]


def test_a_pause_is_churn_and_its_end_a_return() -> None:
    paused = sub(collection_paused="void", paused_at=at(2026, 2), resumes_at=at(2026, 4))
    assert steps(paused, item()) == [
        (at(2026, 1), "new", "start", None),
        (at(2026, 2), "churn", "pause", None),
        (at(2026, 4), "reactivation", "pause", None),
    ]


def test_a_pause_that_keeps_drafts_counts_unless_the_policy_says_no() -> None:
    paused = sub(collection_paused="keep_as_draft", paused_at=at(2026, 2))
    assert spans(paused, item()) == [(at(2026, 1), None, 1000)]
    assert spans(paused, item(), draft_pause="excluded") == [(at(2026, 1), at(2026, 2), 1000)]
    voided = sub(collection_paused="void", paused_at=at(2026, 2))
    assert spans(voided, item(), pause="counted") == [(at(2026, 1), None, 1000)]


def test_a_pause_without_a_date_begins_with_the_first_void_invoice() -> None:
    invoices = [
        invoice("in1", at(2026, 1)),
        invoice("in2", at(2026, 2), status="void"),
        invoice("in3", at(2026, 3), status="void"),
    ]
    result = calculate_account_mrr(
        facts(sub(collection_paused="void"), item(), *invoices), MrrPolicy()
    )
    [span] = result.spans
    assert (span.valid_to, span.reconstructed) == (at(2026, 2), True)


def test_a_trial_that_ended_paused_never_counted() -> None:
    paused = sub(status="paused", trial_end=at(2026, 1, 15), changed_at=at(2026, 6))
    free = invoice("trial", at(2026, 1))
    assert spans(paused, item(), free) == []


def test_one_of_two_subscriptions_ending_is_contraction_the_last_one_churn() -> None:
    rows = [
        sub("s", status="canceled", ended_at=at(2026, 2)),
        sub("t", status="canceled", ended_at=at(2026, 3)),
        item("i"),
        item("j", subscription_source_id="t"),
    ]
    kinds = [(when, kind) for when, kind, _, _ in steps(*rows)]
    assert kinds == [
        (at(2026, 1), "new"),
        (at(2026, 2), "contraction"),
        (at(2026, 3), "churn"),
    ]
