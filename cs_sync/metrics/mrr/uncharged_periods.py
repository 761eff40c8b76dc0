"""Uncharged periods proven by invoices, without another sign of a pause."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from cs_sync.metrics.mrr.books import SubscriptionHistory
from cs_sync.metrics.mrr.facts import InvoiceFact
from cs_sync.metrics.mrr.observations import WRITE_OFF_TOLERANCE, is_written_off_at_once

Interval = tuple[datetime, datetime]

EXPLANATION_TOLERANCE = timedelta(days=1)
GAP_TOLERANCE = timedelta(days=2)
"""Periods of bills that follow one another may leave a day between them."""


class UnchargedPeriod(Struct, frozen=True):
    """A period that nobody paid for, and when its invoice was given up, if there was one."""

    start: datetime
    end: datetime
    given_up_at: datetime | None = None

    def is_explained_by(self, stop: datetime) -> bool:
        """Return whether a stop within a day explains it."""
        if self.given_up_at is not None and stop > self.given_up_at:
            return False
        return stop < self.start + EXPLANATION_TOLERANCE


def find_uncharged_periods(book: SubscriptionHistory) -> list[UnchargedPeriod]:
    """Find the periods without an invoice.

    Or with one given up at once.
    """
    gaps = _list_gaps(book) if book.shows_present else ()
    periods = {*_list_written_off(book), *(UnchargedPeriod(*gap) for gap in gaps)}
    return sorted(periods, key=lambda period: (period.start, period.end))


def merge_intervals(intervals: list[Interval]) -> list[Interval]:
    """Sort intervals and merge those that touch."""
    whole: list[Interval] = []
    for start, end in sorted(intervals):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((start, end))
    return whole


def _list_written_off(book: SubscriptionHistory) -> Iterator[UnchargedPeriod]:
    off = {i.source_id: i.given_up_at for i in book.invoices if _is_written_off(i)}
    charged = [start for _, start, _ in book.list_charges()]
    for line, start, end in book.list_agreed():
        if line.is_proration or line.amount == 0 or line.invoice_source_id not in off:
            continue
        again = any(abs(other - start) < WRITE_OFF_TOLERANCE for other in charged)
        if not again:
            until = min([end, *(other for other in charged if start < other < end)])
            yield UnchargedPeriod(start, until, off[line.invoice_source_id])


def _is_written_off(invoice: InvoiceFact) -> bool:
    """Return whether an invoice was given up at creation.

    Void ones by default.
    """
    if invoice.status not in ("void", "uncollectible"):
        return False
    if invoice.given_up_at is None:
        return invoice.status == "void"
    return is_written_off_at_once(invoice)


def _list_gaps(book: SubscriptionHistory) -> Iterator[Interval]:
    """Yield unbilled gaps between two periods of one item.

    Once the subscription is watched, a pause is reported or observed: an invoice missing after
    that has not been read yet.
    """
    watched = [s.changed_at for s in (*book.past, book.subscription) if s.changed_at is not None]
    periods: dict[str | None, list[Interval]] = defaultdict(list)
    for line, start, end in book.list_agreed():
        periods[line.subscription_item_source_id].append((start, end))
    billed = [period for charged in periods.values() for period in charged]
    for charged in periods.values():
        for (_, until), (start, _) in pairwise(merge_intervals(charged)):
            others = any(a < start and b > until + GAP_TOLERANCE for a, b in billed)
            unseen = not watched or until < min(watched)
            if start - until > GAP_TOLERANCE and unseen and not others:
                yield until, start
