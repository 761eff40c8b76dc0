"""What a change within a billing interval counts for until its end, where invoices decide."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from cs_sync.metrics.mrr.facts import ItemFact, SubscriptionFact
from cs_sync.metrics.mrr.normalise import monthly_amount
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import after_interval

Interval = tuple[datetime, datetime]


def interval_of(item: ItemFact, subscription: SubscriptionFact) -> Interval | None:
    """The billing interval within which a version of an item began; None where it began one.

    Intervals are counted from the end of the trial, or else from the subscription's start.
    """
    anchor = subscription.trial_end or subscription.started_at
    if item.valid_from <= anchor:
        return None
    start, count = anchor, 0
    while True:
        count += 1
        end = after_interval(anchor, item.interval, item.interval_count * count)
        if item.valid_from < end:
            return None if item.valid_from == start else (start, end)
        start = end


def interval_ends(
    versions: Iterable[ItemFact], subscriptions: dict[tuple[str, str], SubscriptionFact]
) -> set[datetime]:
    """The instants from which versions that began within an interval count in full."""
    found = (interval_of(v, subscriptions[v.subscription]) for v in versions)
    return {interval[1] for interval in found if interval is not None}


def invoiced_amount(
    item: ItemFact,
    versions: Sequence[ItemFact],
    subscription: SubscriptionFact,
    at: datetime,
    policy: MrrPolicy,
) -> Fraction:
    """Minor units per month of an item at an instant, as its invoices show them.

    In the interval within which it changed only the share of the difference that is invoiced
    counts: a seat of $10 from the middle of June is $5 of June, as on Recurly
    (https://docs.recurly.com/docs/monthly-recurring-revenue).
    """
    full = monthly_amount(item, policy)
    interval = interval_of(item, subscription)
    if interval is None or at >= interval[1]:
        return full
    before = Fraction(0)
    for one in versions:
        if one.source_id == item.source_id and one.valid_to == item.valid_from:
            before = monthly_amount(one, policy)
    start, end = interval
    share = Fraction((end - item.valid_from) / timedelta(microseconds=1)) / Fraction(
        (end - start) / timedelta(microseconds=1)
    )
    return before + (full - before) * share
