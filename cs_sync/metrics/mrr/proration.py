"""Changes within a billing interval at the invoiced share, if invoices decide."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from cs_sync.metrics.mrr.facts import ItemFact, SubscriptionFact
from cs_sync.metrics.mrr.normalise import calculate_monthly_amount
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import add_interval

Interval = tuple[datetime, datetime]


def find_split_interval(item: ItemFact, subscription: SubscriptionFact) -> Interval | None:
    """Find the billing interval split by a version's start.

    None at an interval's start. Intervals are counted from the end of the trial, else from the
    subscription's start.
    """
    anchor = subscription.trial_end or subscription.started_at
    if item.valid_from <= anchor:
        return None
    start, count = anchor, 0
    while True:
        count += 1
        end = add_interval(anchor, item.interval, item.interval_count * count)
        if item.valid_from < end:
            return None if item.valid_from == start else (start, end)
        start = end


def list_interval_ends(
    versions: Iterable[ItemFact], subscriptions: dict[tuple[str, str], SubscriptionFact]
) -> set[datetime]:
    """List the instants from which versions count in full.

    Those that began within an interval.
    """
    intervals = (find_split_interval(v, subscriptions[v.subscription]) for v in versions)
    return {interval[1] for interval in intervals if interval is not None}


def calculate_invoiced_amount(
    item: ItemFact,
    versions: Sequence[ItemFact],
    subscription: SubscriptionFact,
    at: datetime,
    policy: MrrPolicy,
) -> Fraction:
    """Calculate an item's invoiced minor units per month at an instant.

    In the interval of its change only the invoiced share of the difference counts: a seat
    of $10 from the middle of June is $5 of June, as on Recurly
    (https://docs.recurly.com/docs/monthly-recurring-revenue).
    """
    full = calculate_monthly_amount(item, policy)
    interval = find_split_interval(item, subscription)
    if interval is None or at >= interval[1]:
        return full
    before = Fraction(0)
    for version in versions:
        if version.source_id == item.source_id and version.valid_to == item.valid_from:
            before = calculate_monthly_amount(version, policy)
    start, end = interval
    share = Fraction((end - item.valid_from) / timedelta(microseconds=1)) / Fraction(
        (end - start) / timedelta(microseconds=1)
    )
    return before + (full - before) * share
