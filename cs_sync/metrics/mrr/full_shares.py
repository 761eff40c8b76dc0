"""What the charge for the rest of an interval proves of a discount that is gone."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import combinations
from math import prod

from msgspec.structs import replace

from cs_sync.metrics.mrr.discounts import may_apply
from cs_sync.metrics.mrr.facts import BillingFacts, DiscountFact, LineFact, SubscriptionFact
from cs_sync.metrics.mrr.observations import collect_evidence_lines, map_known_prices

Share = tuple[LineFact, datetime, Fraction]
"""A line for the rest of an interval, when that begins, and what it comes to without discounts."""


def full_shares(facts: BillingFacts, whole: Sequence[LineFact]) -> Iterator[Share]:
    """Yield charges for the rest of known intervals.

    Their whole length and price are known.
    """
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


def end_by_prorations(
    discounts: Sequence[DiscountFact],
    shares: Sequence[Share],
    subscriptions: Mapping[tuple[str, str], SubscriptionFact],
) -> list[DiscountFact]:
    """End percentage discounts at the first charge that excludes them.

    Where several ran, those end without which the charge is explained to the minor unit. Only
    one of which the end is known can have come to it earlier; rounding may add a minor unit.
    """
    ended = list(discounts)
    for line, at, full in sorted(shares, key=lambda share: (share[1], share[0].source_id)):
        subscription = subscriptions.get((line.source, line.subscription_source_id or ""))
        if subscription is None:
            continue
        item = line.subscription_item_source_id or ""
        running = [
            place
            for place, discount in enumerate(ended)
            if discount.percent_off is not None
            and discount.starts_at < at
            and (discount.ends_at is None or at < discount.ends_at)
            and may_apply(discount, subscription, item, line.product)
        ]
        charged = line.amount - line.discount_amount
        for place in _find_gone(charged, full, [(n, ended[n]) for n in running]):
            ended[place] = replace(ended[place], ends_at=at)
    return ended


def _find_gone(
    charged: int, full: Fraction, running: Sequence[tuple[int, DiscountFact]]
) -> list[int]:
    """Return the discounts that had ended at this charged share."""
    free = [(place, d) for place, d in running if d.ends_at is not None]
    lasting = [d for _, d in running if d.ends_at is None]
    if charged <= _reduce(full, [*lasting, *(d for _, d in free)]) + 1:
        return []
    gone = [
        some
        for count in range(1, len(free) + 1)
        for some in combinations([place for place, _ in free], count)
        if abs(charged - _reduce(full, [*lasting, *(d for n, d in free if n not in some)])) <= 1
    ]
    if gone:
        return list(min(gone, key=lambda some: _rank_gone([d for n, d in free if n in some])))
    return [place for place, d in free if charged > _reduce(full, [d]) + 1]


def _rank_gone(gone: Sequence[DiscountFact]) -> tuple[int, list[datetime]]:
    """Rank what may have ended: unlisted discounts, then the oldest."""
    return sum(not d.reconstructed for d in gone), [d.starts_at for d in gone]


def _reduce(full: Fraction, discounts: Sequence[DiscountFact]) -> Fraction:
    shares = (1 - Fraction(d.percent_off) / 100 for d in discounts if d.percent_off is not None)
    return full * prod(shares, start=Fraction(1))
