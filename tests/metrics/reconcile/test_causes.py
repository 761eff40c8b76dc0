"""What does not tie and why: one account's books at the end of March 2026, by hand.

Its subscription costs 20.00 a month and begins in January, unless a test says otherwise.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cs_sync.metrics.mrr.facts import BillingFacts
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.reconcile.charges import BilledLine
from cs_sync.metrics.reconcile.compare import ReconciliationRow, build_comparisons, sum_rows
from tests.metrics.mrr.facts_of import at, discount, facts, invoice, item, line, sub

APRIL = at(2026, 4)
MARCH = (at(2026, 3), APRIL)
POLICY = MrrPolicy()


def compared(*rows: Any, end: datetime = APRIL, policy: MrrPolicy = POLICY) -> ReconciliationRow:
    """The account's only row, from its facts alone: its MRR is computed from them, too."""
    account = facts(*rows)
    mrr: dict[str, dict[tuple[str, str], int]] = {}
    for span in calculate_account_mrr(account, policy).spans:
        if span.valid_from < end and (span.valid_to is None or end <= span.valid_to):
            actual = mrr.setdefault(span.currency, {})
            for part in span.parts:
                key = (part.source, part.subscription)
                actual[key] = actual.get(key, 0) + part.amount
    books = build_comparisons({"a": mrr}, {"a": billed(account)}, end, policy)
    (row,) = [book.compare_account(account) for book in books]
    return row


def billed(account: BillingFacts) -> list[BilledLine]:
    status = {invoice.source_id: invoice.status for invoice in account.invoices}
    return [
        BilledLine(invoice, "EUR", status[invoice.invoice_source_id]) for invoice in account.lines
    ]


def bill(name: str, period: tuple[datetime, datetime], amount: int, **fields: Any) -> list[Any]:
    """An invoice of one line; of `fields`, `status` is the invoice's."""
    status = fields.pop("status", "paid")
    return [
        invoice(name, period[0], status=status, period_end=period[1]),
        line(name, period, amount, fields.pop("quantity", 1), **fields),
    ]


def seats(number: int, since: datetime, until: datetime | None = None) -> Any:
    return item(amount="2000", quantity=number, valid_from=since, valid_to=until, price="p")


def outcome(row: ReconciliationRow) -> tuple[int, int, str | None, int]:
    return row.mrr, row.invoiced, row.cause, row.unexplained


PLAN = [sub(), seats(1, at(2026, 1))]


def test_a_paid_month_ties() -> None:
    row = compared(*PLAN, *bill("march", MARCH, 2000))
    assert outcome(row) == (2000, 2000, None, 0)
    assert (row.tied, row.share) == (2000, 1.0)


def test_only_lines_for_the_months_last_instant_count() -> None:
    """April's line begins when March ends; that of February is over."""
    others = [*bill("feb", (at(2026, 2), at(2026, 3)), 700), *bill("apr", (APRIL, at(2026, 5)), 9)]
    assert outcome(compared(*PLAN, *others, *bill("march", MARCH, 2000)))[:3] == (2000, 2000, None)


def test_an_open_invoice_is_invoiced_and_one_without_a_reason_is_unknown() -> None:
    assert compared(*PLAN, *bill("march", MARCH, 2000, status="open")).cause is None
    assert outcome(compared(*PLAN, *bill("march", MARCH, 1500))) == (2000, 1500, "unknown", 500)
    row = compared(*PLAN)
    assert outcome(row) == (2000, 0, "unknown", 2000)
    assert row.tied == 0


def test_an_invoice_that_was_voided_as_it_was_made_is_no_mrr() -> None:
    row = compared(*PLAN, *bill("march", MARCH, 2000, status="void"))
    assert outcome(row) == (0, 0, None, 0)


@pytest.mark.parametrize("status", ["uncollectible", "draft"])
def test_an_invoice_that_asks_for_nothing_is_unpaid(status: str) -> None:
    row = compared(*PLAN, *bill("march", MARCH, 2000, status=status))
    assert outcome(row) == (2000, 0, "unpaid", 0)


def test_what_dunning_gave_up_on_is_unpaid() -> None:
    given_up = sub(status="unpaid")
    open_since = invoice("feb", at(2026, 2), status="open", amount_remaining=2000)
    march = bill("march", MARCH, 2000, status="open")
    row = compared(given_up, PLAN[1], open_since, *march)
    assert outcome(row) == (0, 2000, "unpaid", 0)


def test_a_first_invoice_that_was_paid_after_the_month_is_unpaid() -> None:
    """After a trial a customer is one when it pays: on 2 April, for a month that began in March."""
    trial: dict[str, Any] = {
        "started_at": at(2026, 3, 1),
        "trial_start": at(2026, 3, 1),
        "trial_end": MIDWAY,
    }
    first = [
        invoice("first", MIDWAY, paid_at=at(2026, 4, 2), period_end=at(2026, 4, 15)),
        line("first", (MIDWAY, at(2026, 4, 15)), 2000, 1),
    ]
    row = compared(sub(**trial), seats(1, at(2026, 3, 1)), *first)
    assert outcome(row) == (0, 2000, "unpaid", 0)


def test_a_coupon_of_one_invoice_lowers_the_invoice_alone() -> None:
    once = discount(duration="once", percent_off=Decimal(25), starts_at=at(2026, 3))
    row = compared(*PLAN, once, *bill("march", MARCH, 2000, discount_amount=500))
    assert outcome(row) == (2000, 1500, "coupon", 0)
    assert row.tied == 1500


def test_a_coupon_granted_after_the_invoice_lowers_mrr_alone() -> None:
    later = discount(duration="repeating", percent_off=Decimal(25), starts_at=at(2026, 3, 20))
    row = compared(*PLAN, later, *bill("march", MARCH, 2000))
    assert outcome(row) == (1500, 2000, "coupon", 0)


MIDWAY = at(2026, 3, 15)
REST = (MIDWAY, APRIL)
UPGRADE = [sub(), seats(1, at(2026, 1), MIDWAY), seats(2, MIDWAY)]


def test_a_change_with_its_prorations_ties() -> None:
    """17 of 31 days: −20.00 comes to −10.97 and 40.00 to 21.94."""
    credit = bill("credit", REST, -1097, is_proration=True)
    debit = bill("debit", REST, 2194, is_proration=True, quantity=2)
    row = compared(*UPGRADE, *bill("march", MARCH, 2000), *credit, *debit)
    assert row.cause is None
    assert (row.mrr, row.tied) == (4000, 4000)


def test_a_change_that_no_invoice_shows_yet_is_proration() -> None:
    row = compared(*UPGRADE, *bill("march", MARCH, 2000))
    assert outcome(row) == (4000, 2000, "proration", 0)


def test_a_cancellation_at_once_without_credit_is_proration() -> None:
    left = sub(status="canceled", ended_at=MIDWAY)
    row = compared(left, PLAN[1], *bill("march", MARCH, 2000))
    assert outcome(row) == (0, 2000, "proration", 0)


def test_two_causes_at_once_are_both_found() -> None:
    """25 % off the invoice alone, and a seat that is not on it: the seat weighs more."""
    once = discount(duration="once", percent_off=Decimal(25), starts_at=at(2026, 3))
    march = bill("march", MARCH, 2000, discount_amount=500)
    assert outcome(compared(*UPGRADE, once, *march)) == (4000, 1500, "proration", 0)


def test_a_pause_after_the_invoice_is_pause() -> None:
    paused = sub(collection_paused="void", paused_at=MIDWAY)
    row = compared(paused, PLAN[1], *bill("march", MARCH, 2000))
    assert outcome(row) == (0, 2000, "pause", 0)


def test_void_invoices_of_a_pause_tie_and_drafts_of_one_are_pause() -> None:
    void = bill("march", MARCH, 2000, status="void")
    paused = sub(collection_paused="void", paused_at=at(2026, 2, 20))
    assert compared(paused, PLAN[1], *void).cause is None
    kept = sub(collection_paused="keep_as_draft", paused_at=at(2026, 2, 20))
    row = compared(kept, PLAN[1], *bill("march", MARCH, 2000, status="draft"))
    assert outcome(row) == (2000, 0, "pause", 0)


def test_a_trial_that_counts_is_trial() -> None:
    trial = sub(status="trialing", started_at=at(2026, 3, 10), trial_end=at(2026, 4, 10))
    counted = MrrPolicy(trials="counted")
    free = bill("trial", (at(2026, 3, 10), at(2026, 4, 10)), 0)
    row = compared(trial, seats(1, at(2026, 3, 10)), *free, policy=counted)
    assert outcome(row) == (2000, 0, "trial", 0)


def test_usage_is_billed_beyond_mrr_and_takes_nothing_from_what_ties() -> None:
    metered = item("m", None, usage_type="metered", price="u")
    usage = line("usage", MARCH, 640, 64, usage_type="metered", price="u",
                 subscription_item_source_id="m", invoice_source_id="march")  # fmt: skip
    row = compared(*PLAN, metered, usage, *bill("march", MARCH, 2000))
    assert outcome(row) == (2000, 2640, "metered", 0)
    assert row.tied == 2000


def test_what_is_billed_by_a_one_off_line_is_one_off() -> None:
    by_hand = bill("by hand", MARCH, 2000, interval=None, interval_count=None)
    assert outcome(compared(*PLAN, *by_hand)) == (2000, 0, "one_off", 0)


def test_a_setup_fee_beside_the_plan_changes_nothing() -> None:
    fee = bill("fee", (MIDWAY, MIDWAY), 9900, interval=None, interval_count=None)
    assert compared(*PLAN, *fee, *bill("march", MARCH, 2000)).cause is None


def test_what_two_subscriptions_miss_is_added_up() -> None:
    """Nobody knows why 3.00 are missing on one; the coupon of the other is known."""
    other = sub("t")
    its = item("j", "5000", subscription_source_id="t", price="q")
    once = discount(
        "d", subscription_item_source_id="j", duration="once", percent_off=Decimal(10),
        starts_at=at(2026, 3),
    )  # fmt: skip
    lines = [
        *bill("one", MARCH, 1700),
        *bill("two", MARCH, 5000, discount_amount=500, subscription_source_id="t",
              subscription_item_source_id="j", price="q"),
    ]  # fmt: skip
    row = compared(*PLAN, other, its, once, *lines)
    assert outcome(row) == (7000, 6200, "coupon", 300)
    assert row.tied == 6200


def test_the_sum_is_over_all_accounts_also_over_those_that_tie() -> None:
    rows = [
        ReconciliationRow("a", "EUR", 1000, 1000, tied=1000),
        ReconciliationRow("b", "EUR", 500, 800, "unknown", unexplained=300, tied=200),
        ReconciliationRow("c", "USD", 70, 50, "coupon", tied=50),
    ]
    euro, dollar = sum_rows(rows)
    assert euro == ReconciliationRow(None, "EUR", 1500, 1800, None, 300, 1200)
    assert (euro.share, dollar.share) == (0.8, 50 / 70)
    assert ReconciliationRow(None, "EUR").share is None


@st.composite
def years(draw: st.DrawFn) -> list[tuple[datetime, int]]:
    """Numbers of seats and when they came, second by second, within March; 1 before that."""
    moments = draw(st.lists(st.integers(3600, 30 * 86_400), min_size=1, max_size=5, unique=True))
    return [(MARCH[0] + timedelta(seconds=s), draw(st.integers(1, 9))) for s in sorted(moments)]


def prorated(changes: list[tuple[datetime, int]], price: int) -> list[Any]:
    """What Stripe bills for changes of seats: credits and debits by the second, rounded."""
    lines: list[Any] = []
    before = 1
    for index, (moment, number) in enumerate(changes):
        share = Fraction((APRIL - moment) // timedelta(seconds=1), 31 * 86_400)
        for sign, count in ((-1, before), (1, number)):
            amount = sign * round(price * count * share)
            name = f"{index}{sign:+}"
            lines += bill(name, (moment, APRIL), amount, is_proration=True, quantity=count)
        before = number
    return lines


@given(years(), st.integers(500, 100_000))
def test_whatever_was_changed_its_prorations_tie_and_without_them_the_cause_is_known(
    changes: list[tuple[datetime, int]], price: int
) -> None:
    policy = MrrPolicy(switch_netting="none")
    steps = [(at(2026, 1), 1), *changes]
    ends = [*(moment for moment, _ in changes), None]
    items = [
        item(amount=str(price), quantity=n, valid_from=start, valid_to=end, price="p")
        for (start, n), end in zip(steps, ends, strict=True)
    ]
    book = [sub(), *items, *bill("march", MARCH, price)]
    whole = compared(*book, *prorated(changes, price), policy=policy)
    assert (whole.cause, whole.tied) == (None, whole.mrr)
    bare = compared(*book, policy=policy)
    assert bare.unexplained == 0
    assert bare.cause == (None if changes[-1][1] == 1 else "proration")
