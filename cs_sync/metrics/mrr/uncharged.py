"""Times for which bills prove that nothing was charged, though nothing else tells of a pause."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from cs_sync.metrics.mrr.books import SubscriptionBook
from cs_sync.metrics.mrr.facts import InvoiceFact
from cs_sync.metrics.mrr.sightings import AT_ONCE, given_up_at_once

Interval = tuple[datetime, datetime]

SLACK = timedelta(days=2)
"""Periods of bills that follow one another may leave a day between them."""


def uncharged(book: SubscriptionBook) -> list[Interval]:
    """Periods whose invoice was given up at once, or for which there is none."""
    return sorted({*_given_up(book), *(_gaps(book) if book.shows_present else ())})


def joined(intervals: list[Interval]) -> list[Interval]:
    """Intervals in their order, those that meet as one."""
    whole: list[Interval] = []
    for start, end in sorted(intervals):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((start, end))
    return whole


def _given_up(book: SubscriptionBook) -> Iterator[Interval]:
    off = {invoice.source_id for invoice in book.invoices if _at_once(invoice)}
    charged = [start for _, start, _ in book.charges()]
    for line, start, end in book.agreed():
        if line.is_proration or line.amount == 0 or line.invoice_source_id not in off:
            continue
        again = any(abs(other - start) < AT_ONCE for other in charged)
        if not again:
            yield start, min([end, *(other for other in charged if start < other < end)])


def _at_once(invoice: InvoiceFact) -> bool:
    """Whether an invoice was given up when it was made; void ones are taken to be, if unsaid."""
    if invoice.status not in ("void", "uncollectible"):
        return False
    if invoice.given_up_at is None:
        return invoice.status == "void"
    return given_up_at_once(invoice)


def _gaps(book: SubscriptionBook) -> Iterator[Interval]:
    """Between two periods of one item that do not meet, if nothing else was billed then.

    Once it is watched, a pause is told or seen: a bill that is not there then has not reached us.
    """
    watched = [s.changed_at for s in (*book.past, book.subscription) if s.changed_at is not None]
    periods: dict[str | None, list[Interval]] = defaultdict(list)
    for line, start, end in book.agreed():
        periods[line.subscription_item_source_id].append((start, end))
    billed = [period for mine in periods.values() for period in mine]
    for mine in periods.values():
        for (_, until), (start, _) in pairwise(joined(mine)):
            others = any(a < start and b > until + SLACK for a, b in billed)
            unseen = not watched or until < min(watched)
            if start - until > SLACK and unseen and not others:
                yield until, start
