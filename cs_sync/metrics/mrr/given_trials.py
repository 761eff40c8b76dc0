"""Trials of a subscription: the one that it began with, and free time that was given later."""

from collections.abc import Iterator
from datetime import datetime

from cs_sync.metrics.mrr.books import SubscriptionBook
from cs_sync.metrics.mrr.uncharged import Interval, joined


def trial_before(book: SubscriptionBook) -> datetime | None:
    """When the trial that the subscription began with ended, or will; None without one."""
    first = [trial for trial in _trials(book) if trial not in running_trials(book)]
    return max((end for _, end in first), default=None)


def running_trials(book: SubscriptionBook) -> list[Interval]:
    """Trials of a subscription that had been charged before: a free month, a moved due date."""
    begun = book.subscription.started_at
    charged = [start for _, start, _ in book.charges()]
    return [
        (start, end)
        for start, end in _trials(book)
        if start > begun and (not book.lines or any(at < start for at in charged))
    ]


def _trials(book: SubscriptionBook) -> list[Interval]:
    """All that are known, in their order; bills of nothing tell of those that are shown no more."""
    stated: dict[datetime, datetime] = {}
    for seen in (*book.past, book.subscription):
        if seen.trial_end is not None:
            stated[seen.trial_start or seen.started_at] = seen.trial_end
    shown = list(stated.items())
    billed = [
        (start, end)
        for start, end in _billed_as_free(book)
        if not any(begun <= start < over for begun, over in shown)
    ]
    return joined([trial for trial in (*shown, *billed) if trial[0] < trial[1]])


def _billed_as_free(book: SubscriptionBook) -> Iterator[Interval]:
    """Periods billed with nothing at a price that costs something."""
    for line, start, end in book.agreed():
        if line.amount == 0 and not line.is_proration and line.price in book.paid_prices:
            yield start, end
