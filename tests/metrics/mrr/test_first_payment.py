"""Trials whose first payment came, came late, or never came."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cs_sync.metrics.mrr.facts import InvoiceFact
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, facts, invoice, item, sub

OVER = at(2026, 1, 19)
ASKED = OVER + timedelta(hours=1)
BEGUN = at(2026, 1, 5)
TRIAL: dict[str, Any] = {"trial_start": BEGUN, "trial_end": OVER, "started_at": BEGUN}
FREE = invoice("trial", BEGUN, paid_at=BEGUN)


def first(status: str, **fields: Any) -> InvoiceFact:
    return invoice("first", ASKED, status=status, **fields)


def spans(*rows: Any, **switches: Any) -> list[tuple[datetime, datetime | None, int]]:
    result = calculate_account_mrr(
        facts(item(valid_from=BEGUN), FREE, *rows), MrrPolicy(**switches)
    )
    return [(span.valid_from, span.valid_to, span.amount) for span in result.spans]


@pytest.mark.parametrize(
    ("status", "bill"),
    [
        ("canceled", first("uncollectible")),
        ("canceled", first("void")),
        ("canceled", first("open", amount_remaining=1000)),
        ("unpaid", first("open", amount_remaining=1000, period_end=at(2026, 2, 19))),
        ("past_due", first("open", amount_remaining=1000)),
        ("active", first("uncollectible")),
        ("canceled", first("open", due_at=at(2026, 2, 19))),
    ],
)
def test_who_never_paid_was_never_a_customer(status: str, bill: InvoiceFact) -> None:
    left = at(2026, 2, 9) if status == "canceled" else None
    trial = sub(status=status, ended_at=left, **TRIAL)
    assert spans(trial, bill) == []
    assert spans(trial, bill, unpaid_trials="counted")[0][0] == OVER


@pytest.mark.parametrize(
    ("status", "bill"),
    [
        ("active", first("paid", paid_at=ASKED)),
        ("active", first("paid", paid_at=OVER + timedelta(hours=20))),
        ("active", first("paid", paid_at=at(2026, 3, 2), due_at=at(2026, 2, 19))),
        ("active", first("draft")),
        ("active", first("open", amount_remaining=1000)),
        ("active", first("open", amount_remaining=1000, due_at=at(2026, 2, 19))),
        ("past_due", first("open", amount_remaining=1000, due_at=at(2026, 2, 19))),
        ("active", first("void")),
    ],
)
def test_a_trial_that_was_paid_or_may_be_in_time_counts_from_its_end(
    status: str, bill: InvoiceFact
) -> None:
    assert spans(sub(status=status, **TRIAL), bill) == [(OVER, None, 1000)]


def test_without_invoices_the_status_is_believed() -> None:
    assert spans(sub(**TRIAL)) == [(OVER, None, 1000)]
    left = sub(status="canceled", ended_at=at(2026, 3), **TRIAL)
    assert spans(left) == [(OVER, at(2026, 3), 1000)]


def test_a_charge_that_succeeds_late_counts_from_then() -> None:
    """A month that was shown without it is not rewritten."""
    late = first("paid", paid_at=at(2026, 2, 3))
    assert spans(sub(**TRIAL), late) == [(at(2026, 2, 3), None, 1000)]
    assert spans(sub(**TRIAL), late, unpaid_trials="counted") == [(OVER, None, 1000)]


def test_a_customer_who_stops_to_pay_later_was_one() -> None:
    later = invoice("second", at(2026, 2, 19), status="uncollectible")
    left = sub(status="canceled", ended_at=at(2026, 3, 9), **TRIAL)
    assert spans(left, first("paid", paid_at=ASKED), later) == [(OVER, at(2026, 3, 9), 1000)]


def test_what_failed_before_a_second_try_succeeded_counts_from_the_second() -> None:
    second = invoice("second", at(2026, 2, 19), paid_at=at(2026, 2, 19))
    actual = spans(sub(**TRIAL), first("uncollectible"), second)
    assert actual == [(at(2026, 2, 19), None, 1000)]
