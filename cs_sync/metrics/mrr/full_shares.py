"""What the charge for the rest of an interval proves of a discount that is gone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from cs_sync.metrics.mrr.discounts import may_apply
from cs_sync.metrics.mrr.facts import BillingFacts, DiscountFact, LineFact, SubscriptionFact
from cs_sync.metrics.mrr.observations import collect_evidence_lines, map_known_prices

Share = tuple[LineFact, datetime, Fraction]
"""A line for the rest of an interval, when that begins, and what it comes to without discounts."""


def full_shares(facts: BillingFacts, whole: Sequence[LineFact]) -> Iterator[Share]:
    """Every charge for the rest of an interval whose whole length and price are known."""
    lines = collect_evidence_lines(facts)
    prices = map_known_prices(facts.items, lines)
    begins = {(i.source, i.subscription_source_id, i.period_end): i.period_start for i in whole}
    for line in (line for some in lines.values() for line in some):
        start = begins.get((line.source, line.subscription_source_id, line.period_end))
        price = prices.get(line.price or "")
        begun, end = line.period_start, line.period_end
        if not line.is_proration or line.amount <= 0 or line.quantity is None:
            continue
        if start and begun and end and price and price.unit_amount is not None and not price.tiers:
            tick = timedelta(microseconds=1)
            share = Fraction((end - begun) // tick, (end - start) // tick)
            yield line, begun, Fraction(price.unit_amount) * Fraction(line.quantity) * share


def ended_by_prorations(
    discount: DiscountFact,
    shares: Sequence[Share],
    subscriptions: Mapping[tuple[str, str], SubscriptionFact],
) -> DiscountFact:
    """The discount up to the first charge that is dearer than it could have left it.

    Only one of which the end is known to have come by then; rounding may add a minor unit.
    """
    start, end, percent = discount.starts_at, discount.ends_at, discount.percent_off
    if end is None or percent is None:
        return discount
    found = [end]
    for line, at, full in shares:
        subscription = subscriptions.get((line.source, line.subscription_source_id or ""))
        item = line.subscription_item_source_id or ""
        most = full * (1 - Fraction(percent) / 100)
        if subscription is None or not may_apply(discount, subscription, item, line.product):
            continue
        if start < at < end and line.amount - line.discount_amount > most + 1:
            found.append(at)
    return replace(discount, ends_at=min(found))
