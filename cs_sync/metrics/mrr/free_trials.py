"""Trials of a subscription: the initial one, and free time given later."""

from collections.abc import Iterator
from datetime import datetime

from cs_sync.metrics.mrr.books import SubscriptionHistory
from cs_sync.metrics.mrr.uncharged_periods import Interval, merge_intervals


def find_initial_trial_end(book: SubscriptionHistory) -> datetime | None:
    """Find the past or future end of the initial trial.

    None without one.
    """
    first = [trial for trial in _list_trials(book) if trial not in find_later_trials(book)]
    return max((end for _, end in first), default=None)


def find_later_trials(book: SubscriptionHistory) -> list[Interval]:
    """Find the trials after a first charge.

    A free month, or a moved due date.
    """
    begun = book.subscription.started_at
    charged = [start for _, start, _ in book.list_charges()]
    return [
        (start, end)
        for start, end in _list_trials(book)
        if start > begun and (not book.lines or any(at < start for at in charged))
    ]


def _list_trials(book: SubscriptionHistory) -> list[Interval]:
    """Return all known trials in order, also those zero invoices prove."""
    stated: dict[datetime, datetime] = {}
    for version in (*book.past, book.subscription):
        if version.trial_end is not None:
            stated[version.trial_start or version.started_at] = version.trial_end
    shown = list(stated.items())
    billed = [
        (start, end)
        for start, end in _list_free_periods(book)
        if not any(begun <= start < over for begun, over in shown)
    ]
    return merge_intervals([trial for trial in (*shown, *billed) if trial[0] < trial[1]])


def _list_free_periods(book: SubscriptionHistory) -> Iterator[Interval]:
    """Yield the periods billed with 0 at a non-zero price."""
    for line, start, end in book.list_agreed():
        if line.amount == 0 and not line.is_proration and line.price in book.paid_prices:
            yield start, end
