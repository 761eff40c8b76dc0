"""Discounts that the source no longer shows, inferred from what invoices took off.

Stripe drops a coupon from the subscription when it expires; the invoices of its time keep the
amount. What came off a single invoice is taken for a one-time discount.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from cs_sync.metrics.mrr.discounts import may_apply
from cs_sync.metrics.mrr.facts import BillingFacts, DiscountFact, LineFact, SubscriptionFact
from cs_sync.metrics.mrr.sightings import evidence
from cs_sync.metrics.periods import after_interval

_SLACK = timedelta(hours=1)
"""A discount may be stamped a moment after the invoice it is for."""


def past_discounts(facts: BillingFacts) -> list[DiscountFact]:
    """One discount per run of consecutive discounted periods that no stated discount explains."""
    subscriptions = {s.key: s for s in facts.subscriptions}
    found: list[DiscountFact] = []
    for lines in evidence(facts).values():
        subscription = subscriptions.get((lines[0].source, lines[0].subscription_source_id or ""))
        if subscription is not None:
            for run in _runs(lines, subscription, facts.discounts):
                found += _inferred(run, subscription)
    return found


def _runs(
    lines: Sequence[LineFact], subscription: SubscriptionFact, stated: Sequence[DiscountFact]
) -> Iterator[list[LineFact]]:
    """Unexplained discounted lines whose periods follow one another."""
    run: list[LineFact] = []
    for line in sorted(lines, key=lambda one: (str(one.period_start), one.source_id)):
        if line.is_proration or line.period_start is None or line.period_end is None:
            continue
        unexplained = (
            line.discount_amount > 0
            and line.amount > 0
            and not any(_explains(d, line, subscription) for d in stated)
        )
        if run and (not unexplained or run[-1].period_end != line.period_start):
            yield run
            run = []
        if unexplained:
            run.append(line)
    if run:
        yield run


def _explains(discount: DiscountFact, line: LineFact, subscription: SubscriptionFact) -> bool:
    assert line.period_start is not None  # noqa: S101 - lines without a period are left out
    item_id = line.subscription_item_source_id or ""
    if not may_apply(discount, subscription, item_id, line.product):
        return False
    ends_at = discount.ends_at
    if discount.duration == "once" and ends_at is None:
        ends_at = after_interval(
            discount.starts_at, line.interval or "month", line.interval_count or 1
        )
    return discount.starts_at - _SLACK <= line.period_start and (
        ends_at is None or line.period_start < ends_at
    )


def _inferred(run: Sequence[LineFact], subscription: SubscriptionFact) -> Iterator[DiscountFact]:
    """The run as one percentage where that fits every line, else as each line's own amount."""
    percent = _percentage(run)
    duration = "repeating" if len(run) > 1 else "once"
    for group in [run] if percent is not None else [[line] for line in run]:
        first, last = group[0], group[-1]
        assert first.period_start is not None  # noqa: S101 - as above
        yield DiscountFact(
            first.source,
            f"invoices:{first.source_id}",
            first.period_start,
            last.period_end,
            subscription_source_id=subscription.source_id,
            subscription_item_source_id=first.subscription_item_source_id,
            percent_off=percent,
            amount_off=None if percent is not None else first.discount_amount,
            duration=duration,
            reconstructed=True,
        )


def _percentage(run: Sequence[LineFact]) -> Decimal | None:
    """The whole percentage which, rounded to minor units, took off what every line shows."""
    first = run[0]
    percent = round(Decimal(first.discount_amount) / first.amount * 100)
    fits = all(
        abs(Decimal(line.amount) * percent / 100 - line.discount_amount) <= 1 for line in run
    )
    return Decimal(percent) if fits and percent <= 100 else None
