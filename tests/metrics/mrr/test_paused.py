"""What a subscription is today rewrites nothing: pauses, free months and returns of the past."""

from datetime import datetime
from typing import Any

import pytest

from cs_sync.metrics.mrr.facts import BillingFacts, SubscriptionFact
from cs_sync.metrics.mrr.movements import calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from tests.metrics.mrr.facts_of import at, change, facts, invoice, item, line, sub

PAUSED_AT, RESUMED_AT = at(2026, 3, 20), at(2026, 5, 20)
SEEN = {"is_snapshot": True, "first_seen_at": at(2026, 1, 2)}


def month(number: int, status: str = "paid", **fields: Any) -> list[Any]:
    """The invoice of the 10th of a month, given up at once if it is void."""
    start, name = at(2026, number, 10), f"in{number}"
    gone = {"given_up_at": start} if status in ("void", "uncollectible") else {}
    bill = invoice(name, start, status=status, **{**gone, **fields})
    return [bill, line(name, (start, at(2026, number + 1, 10)), 1000, 1)]


def bills(*skipped: int, until: int = 7) -> list[Any]:
    """From January on; those of the months in `skipped` are void."""
    every = range(1, until + 1)
    return [row for n in every for row in month(n, "void" if n in skipped else "paid")]


def list_movements(
    *rows: Any, past: tuple[SubscriptionFact, ...] = (), **switches: Any
) -> list[Any]:
    book = facts(*rows)
    book = BillingFacts(
        "a", book.subscriptions, book.items, (), book.invoices, book.lines, book.changes, past
    )
    actual = calculate_account_mrr(book, MrrPolicy(**switches)).movements
    return [(m.at, m.kind, m.cause) for m in actual]


def paused(since: datetime, until: datetime | None = None) -> list[Any]:
    away = [(START, "new", "start"), (since, "churn", "pause")]
    return away if until is None else [*away, (until, "reactivation", "pause")]


START = at(2026, 1, 10)
MINE = item("i", price="p", valid_from=START, **SEEN)
RUNNING = sub(started_at=START, changed_at=at(2026, 7, 2))
EVENTS = [change(PAUSED_AT, collection_paused=None), change(RESUMED_AT, collection_paused="void")]


def test_events_tell_a_pause_that_is_over() -> None:
    assert list_movements(RUNNING, MINE, *bills(4, 5), *EVENTS) == paused(PAUSED_AT, RESUMED_AT)


def test_void_invoices_prove_a_pause_that_nothing_else_tells_of() -> None:
    assert list_movements(RUNNING, MINE, *bills(4, 5)) == paused(at(2026, 4, 10), at(2026, 6, 10))
    assert list_movements(RUNNING, MINE, *bills(4, 5), pause="counted") == [(START, "new", "start")]


def test_a_stop_after_the_bill_was_voided_does_not_explain_it() -> None:
    """Voided as it was made on the 10th: paused by then, though cancelled the same evening."""
    ended = sub(
        started_at=START, status="canceled", ended_at=at(2026, 4, 10, 20), changed_at=at(2026, 7)
    )
    assert list_movements(ended, MINE, *bills(4, until=4))[1] == (
        at(2026, 4, 10), "churn", "pause",
    )  # fmt: skip
    before = sub(
        started_at=START, status="canceled", ended_at=at(2026, 4, 9, 20), changed_at=at(2026, 7)
    )
    assert list_movements(before, MINE, *bills(4, until=4))[1][0] == at(2026, 4, 9, 20)


def test_an_invoice_that_was_made_again_or_fought_for_is_no_pause() -> None:
    late = month(4, "uncollectible", given_up_at=at(2026, 6, 1))
    again = [
        invoice("again", at(2026, 3, 11)),
        line("again", (at(2026, 3, 10), at(2026, 4, 10)), 1000, 1),
    ]
    rest = [row for n in (1, 2, 5, 6) for row in month(n)]
    assert list_movements(RUNNING, MINE, *rest, *month(3, "void"), *again, *late) == [
        (START, "new", "start")
    ]


def test_a_pause_that_was_seen_stays_when_it_is_over() -> None:
    """Seen paused on 1 May, running on 2 July; its events are gone by then."""
    seen = sub(started_at=START, changed_at=at(2026, 5, 1), collection_paused="void")
    before = sub(started_at=START, changed_at=at(2026, 3, 12))
    assert list_movements(RUNNING, MINE, *bills(4, 5), past=(before, seen)) == paused(
        at(2026, 4, 10), at(2026, 6, 10)
    )
    unbilled = [row for n in (1, 2, 3) for row in month(n)]
    assert list_movements(RUNNING, MINE, *unbilled, past=(before, seen)) == paused(
        at(2026, 5, 1), at(2026, 7, 2)
    )


def test_a_pause_that_began_while_events_told_stays_when_its_end_was_missed() -> None:
    seen = sub(started_at=START, changed_at=at(2026, 3, 21), collection_paused="void")
    rows = (RUNNING, MINE, *bills(4, 5), EVENTS[0])
    assert list_movements(*rows, past=(seen,)) == paused(PAUSED_AT, at(2026, 6, 10))


def test_a_native_pause_has_its_own_time() -> None:
    """No invoices are made in it: on 20 May the next period begins."""
    resumed = line("r", (RESUMED_AT, at(2026, 6, 20)), 1000, 1)
    rows = (RUNNING, MINE, *bills(until=3), invoice("r", RESUMED_AT), resumed)
    events = [change(PAUSED_AT, status="active"), change(RESUMED_AT, status="paused")]
    assert list_movements(*rows, *events) == paused(PAUSED_AT, RESUMED_AT)
    assert list_movements(*rows) == paused(at(2026, 4, 10), RESUMED_AT)
    now = sub(started_at=START, status="paused", changed_at=at(2026, 4, 21))
    assert list_movements(now, MINE, *bills(until=3)) == paused(at(2026, 4, 10))
    assert list_movements(now, MINE, *bills(until=3), events[0]) == paused(PAUSED_AT)


def test_two_pauses_between_two_syncs_are_both_told() -> None:
    events = [
        change(at(2026, 6, 12), collection_paused=None),
        change(at(2026, 6, 14), collection_paused="void"),
        change(at(2026, 6, 18), collection_paused=None),
        change(at(2026, 6, 25), collection_paused="void"),
    ]
    actual = list_movements(RUNNING, MINE, *bills(), *events)
    assert [when.day for when, _, _ in actual] == [10, 12, 14, 18, 25]


def test_a_pause_that_is_told_to_be_over_is_not_the_one_that_is_seen_later() -> None:
    """The end of the first is told, and the second is seen; their beginnings are not."""
    seen = sub(started_at=START, changed_at=at(2026, 6, 15), collection_paused="void")
    rows = (RUNNING, MINE, *bills(until=5), change(at(2026, 3, 1), collection_paused="void"))
    actual = list_movements(*rows, past=(sub(started_at=START, changed_at=at(2026, 2, 20)), seen))
    assert [when for when, _, _ in actual][-2:] == [at(2026, 6, 15), at(2026, 7, 2)]


FREE: dict[str, Any] = {"trial_start": at(2026, 3, 20), "trial_end": at(2026, 4, 20)}


@pytest.mark.parametrize("status", ["trialing", "active"])
def test_a_free_month_is_a_gift_to_a_running_customer(status: str) -> None:
    own = sub(started_at=START, status=status, **FREE)
    assert list_movements(own, MINE, *bills(until=3)) == [(START, "new", "start")]
    away = list_movements(own, MINE, *bills(until=3), running_trials="excluded")
    assert away == paused(FREE["trial_start"], FREE["trial_end"])


def test_the_first_trial_is_known_from_its_bill_when_another_is_shown() -> None:
    first = line("trial", (at(2026, 1, 1), START), 0, 1)
    own = sub(started_at=at(2026, 1), **FREE)
    since = item("i", price="p", valid_from=at(2026, 1), **SEEN)
    rows = (own, since, invoice("trial", at(2026, 1)), first, *bills(until=3))
    assert list_movements(*rows) == [(START, "new", "start")]


def test_a_free_month_of_last_year_is_known_from_its_bill() -> None:
    free = [
        invoice("free", at(2026, 4, 10)),
        line("free", (at(2026, 4, 10), at(2026, 5, 10)), 0, 1),
    ]
    rest = [row for n in (1, 2, 3, 5, 6) for row in month(n)]
    assert list_movements(RUNNING, MINE, *free, *rest) == [(START, "new", "start")]
    away = list_movements(RUNNING, MINE, *free, *rest, running_trials="excluded")
    assert away == paused(at(2026, 4, 10), at(2026, 5, 10))


def test_who_was_unpaid_and_pays_again_was_away() -> None:
    """The invoice of April was paid in June, when dunning had long given up."""
    unpaid = change(at(2026, 5, 4), status="past_due"), change(at(2026, 6, 5), status="unpaid")
    late = month(4, paid_at=at(2026, 6, 5))
    rows = (RUNNING, MINE, *bills(until=3), *late, *month(6), *unpaid)
    assert list_movements(*rows)[1:] == [
        (at(2026, 5, 10), "churn", "payment"),
        (at(2026, 6, 5), "reactivation", "payment"),
    ]


def test_an_overdue_invoice_that_was_paid_in_the_end_was_overdue() -> None:
    late = month(4, due_at=at(2026, 4, 20), paid_at=at(2026, 5, 30))
    rows = (RUNNING, MINE, *bills(until=3), *late, *month(5))
    assert [when for when, _, _ in list_movements(*rows, past_due_churn_days=10)][1:] == [
        at(2026, 4, 30), at(2026, 5, 30),
    ]  # fmt: skip
    assert len(list_movements(*rows)) == 1


def test_a_cancellation_that_was_taken_back_was_one_by_request() -> None:
    asked = sub(started_at=START, changed_at=at(2026, 4, 2), canceled_at=at(2026, 4, 1))
    rows = (sub(started_at=START, changed_at=at(2026, 4, 9)), MINE, *bills(until=3))
    actual = list_movements(*rows, past=(asked,), cancellation="request")
    assert [when for when, _, _ in actual] == [START, at(2026, 4, 1), at(2026, 4, 9)]
    assert len(list_movements(*rows, past=(asked,))) == 1


def test_bills_of_a_pause_prove_what_was_agreed() -> None:
    """20 a month from April on: both of its bills in the pause are void, and say so."""
    dear = [
        row
        for n, status in ((4, "void"), (5, "void"), (6, "paid"))
        for row in (
            invoice(f"in{n}", at(2026, n, 10), status=status, given_up_at=at(2026, n, 10)),
            line(f"in{n}", (at(2026, n, 10), at(2026, n + 1, 10)), 2000, 2),
        )
    ]
    two = item(
        "i", price="p", valid_from=START, quantity=2, is_snapshot=True, first_seen_at=at(2026, 7)
    )
    rows = (RUNNING, two, *bills(until=3), *dear)
    actual = calculate_account_mrr(facts(*rows), MrrPolicy(pause="counted")).movements
    assert [(m.at, m.amount) for m in actual] == [(START, 1000), (at(2026, 4, 10), 1000)]


def test_a_pause_whose_end_nobody_told_ends_with_the_subscription() -> None:
    gone = sub(started_at=START, status="canceled", ended_at=at(2026, 4, 2))
    rows = (gone, MINE, *bills(until=3), change(PAUSED_AT, collection_paused=None))
    assert list_movements(*rows) == paused(PAUSED_AT)


def test_who_is_seen_running_is_not_paused_until_the_void_period_ends() -> None:
    """A first sync on 1 June: the bill of 10 May is void, and collection goes on by then."""
    now = sub(started_at=START, changed_at=at(2026, 6))
    assert list_movements(now, MINE, *bills(4, 5, until=5)) == paused(at(2026, 4, 10), at(2026, 6))


def test_a_bill_that_is_missing_is_a_pause_only_while_nobody_watched() -> None:
    """Nothing for April: before the first sync that is all there is, after it a pause is told."""
    rows = [row for n in (1, 2, 3, 5, 6) for row in month(n)]
    before, since = sub(started_at=START, changed_at=at(2026, 3, 1)), at(2026, 4, 10)
    assert list_movements(RUNNING, MINE, *rows) == paused(since, at(2026, 5, 10))
    assert list_movements(RUNNING, MINE, *rows, past=(before,)) == [(START, "new", "start")]
