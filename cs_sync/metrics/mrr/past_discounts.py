"""Discounts as invoices show them, also those that the source itself no longer shows.

Stripe drops a coupon from the subscription when it expires; the invoices of its time keep what it
took off, and mostly its terms. Where they do not, the terms are inferred from the amounts: what
came off a single invoice of up to a month is taken for a one-time discount.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from cs_sync.metrics.mrr.discounts import may_apply
from cs_sync.metrics.mrr.facts import BillingFacts, DiscountFact, LineFact, SubscriptionFact
from cs_sync.metrics.mrr.full_shares import ended_by_prorations, full_shares
from cs_sync.metrics.mrr.sightings import evidence
from cs_sync.metrics.periods import after_interval

_SLACK = timedelta(hours=1)
"""A discount may be stamped a moment after the invoice it is for."""
_SHORT = timedelta(days=31)
"""An interval up to a month."""


_BETRAYED = "invoices:"
"""Begins the id of a discount that only amounts betray."""


def charged_lines(facts: BillingFacts) -> list[LineFact]:
    """Lines that charge something for a whole interval of an item, by item and time."""
    whole = [line for line in _whole_lines(facts) if line.amount > 0]
    return sorted(whole, key=lambda i: (*_item(i), str(i.period_start), i.source_id))


def free_lines(facts: BillingFacts) -> list[LineFact]:
    """Lines that charge nothing for a period of an item, as a trial's do."""
    return [line for line in _whole_lines(facts) if line.amount == 0]


def _whole_lines(facts: BillingFacts) -> list[LineFact]:
    every = [line for lines in evidence(facts).values() for line in lines]
    return [i for i in every if not i.is_proration and i.period_start and i.period_end]


def every_discount(facts: BillingFacts, lines: Sequence[LineFact]) -> list[DiscountFact]:
    """The discounts that the source states, that its invoices describe, and that they betray."""
    subscriptions = {s.key: s for s in facts.subscriptions}
    described = _described(facts.lines, facts.discounts, subscriptions)
    shares = list(full_shares(facts, lines))
    stated = [
        ended_by_prorations(_as_invoiced(d, lines, subscriptions), shares, subscriptions)
        for d in (*facts.discounts, *described)
    ]
    every = [*stated, *_betrayed(lines, subscriptions, stated)]
    told = {(d.source, d.source_id, d.ends_at) for d in facts.discounts}
    return [
        d if (d.source, d.source_id, d.ends_at) in told else _replaced(d, every, lines)
        for d in every
    ]


def _replaced(
    discount: DiscountFact, every: Sequence[DiscountFact], lines: Sequence[LineFact]
) -> DiscountFact:
    """One of which only bills tell the end: when another took its place in the last period it
    lowered, else with that period.
    """
    if discount.ends_at is None:
        return discount
    owner = (discount.source, discount.subscription_source_id)
    last = [
        line.period_start
        for line in lines
        if _item(line)[:2] == owner and line.period_end == discount.ends_at and line.period_start
    ]
    places = {discount.subscription_item_source_id}
    places |= {None} if _is_betrayed(discount) else set()
    others = [
        other.starts_at
        for other in every
        if (other.source, other.subscription_source_id) == owner
        and other.subscription_item_source_id in places
        and not _is_betrayed(other)
    ]
    ends = [at for at in others if last and max(last) < at < discount.ends_at]
    return replace(discount, ends_at=min(ends)) if ends else discount


def _is_betrayed(discount: DiscountFact) -> bool:
    return discount.source_id.startswith(_BETRAYED)


def _item(line: LineFact) -> tuple[str, str, str]:
    sub, item = line.subscription_source_id or "", line.subscription_item_source_id or ""
    return line.source, sub, item


def _described(
    lines: Iterable[LineFact],
    stated: Sequence[DiscountFact],
    subscriptions: dict[tuple[str, str], SubscriptionFact],
) -> list[DiscountFact]:
    """Discounts of subscriptions that only invoices still describe."""
    known = {(d.source, d.source_id) for d in stated}
    found: dict[tuple[str, str], DiscountFact] = {}
    for line in sorted(lines, key=lambda i: str(i.period_start)):
        subscription = subscriptions.get(_item(line)[:2])
        for terms in line.discounts or ():
            key = (line.source, terms["id"])
            if subscription and terms.get("duration") and key not in known:
                found[key] = _from_terms(terms, line, subscription)
    return list(found.values())


def _from_terms(terms: Any, line: LineFact, subscription: SubscriptionFact) -> DiscountFact:
    """The discount as the last line that it lowered describes it.

    It is over: at its end, or else with the period of that line, and before the source showed the
    subscription without it.
    """
    percent, end, months = terms.get("percent_off"), terms.get("ends_at"), terms.get("months")
    start = datetime.fromisoformat(terms["starts_at"])
    ends = [line.period_end, subscription.changed_at]
    ends.append(datetime.fromisoformat(end) if end else None)
    ends.append(after_interval(start, "month", months) if months else None)
    return DiscountFact(
        line.source,
        terms["id"],
        start,
        min((at for at in ends if at is not None and at > start), default=None),
        subscription_source_id=line.subscription_source_id,
        subscription_item_source_id=terms.get("item"),
        percent_off=None if percent is None else Decimal(percent),
        amount_off=terms.get("amount_off"),
        duration=terms["duration"],
        products=terms.get("products"),
        reconstructed=True,
    )


def _as_invoiced(
    discount: DiscountFact,
    lines: Sequence[LineFact],
    subscriptions: dict[tuple[str, str], SubscriptionFact],
) -> DiscountFact:
    """The discount from the invoice that it lowered on until the next one that it did not.

    It may be stamped a moment after the first, and seen to be gone long after the second.
    """
    start, end = discount.starts_at, discount.ends_at
    lowering = {line.invoice_source_id for line in lines if _lowered(discount, line)}
    for line in lines:
        at, subscription = line.period_start, subscriptions.get(_item(line)[:2])
        if at is None or subscription is None or not _touches(discount, subscription, line):
            continue
        if line.invoice_source_id in lowering:
            start = at if timedelta(0) < start - at <= _SLACK else start
        elif _spared(discount, line) and at > discount.starts_at and (end is None or at < end):
            end = at
    return replace(discount, starts_at=start, ends_at=end)


def _lowered(discount: DiscountFact, line: LineFact) -> bool:
    if line.discounts is None:
        return line.discount_amount > 0
    return any(cut["id"] == discount.source_id for cut in line.discounts)


def _spared(discount: DiscountFact, line: LineFact) -> bool:
    """Whether a line was charged without a discount that could have lowered it."""
    open_amount = line.amount > line.discount_amount
    return line.discounts is not None and open_amount and not discount.is_fallback


def _touches(discount: DiscountFact, subscription: SubscriptionFact, line: LineFact) -> bool:
    return may_apply(discount, subscription, _item(line)[2], line.product)


def _betrayed(
    lines: Sequence[LineFact],
    subscriptions: dict[tuple[str, str], SubscriptionFact],
    stated: Sequence[DiscountFact],
) -> Iterator[DiscountFact]:
    """One discount per run of consecutive lowered periods that no other discount explains."""
    for key, mine in groupby(lines, _item):
        subscription = subscriptions.get(key[:2])
        if subscription is not None:
            for run in _runs(list(mine), subscription, stated):
                yield from _inferred(run, subscription)


Cut = tuple[LineFact, int]
"""A line, and how much less it is without anybody saying why."""


def _runs(
    lines: Sequence[LineFact], subscription: SubscriptionFact, stated: Sequence[DiscountFact]
) -> Iterator[list[Cut]]:
    run: list[Cut] = []
    for line in lines:
        cut = _unexplained(line, subscription, stated)
        if run and (cut <= 0 or run[-1][0].period_end != line.period_start):
            yield run
            run = []
        if cut > 0 and line.amount > 0:
            run.append((line, cut))
    if run:
        yield run


def _unexplained(
    line: LineFact, subscription: SubscriptionFact, stated: Sequence[DiscountFact]
) -> int:
    if line.discounts is not None:
        known = {d.source_id for d in stated if d.source == line.source}
        return sum(int(cut["amount"]) for cut in line.discounts if cut["id"] not in known)
    explained = any(_explains(d, line, subscription) for d in stated)
    return 0 if explained else line.discount_amount


def _explains(discount: DiscountFact, line: LineFact, subscription: SubscriptionFact) -> bool:
    if line.period_start is None or not _touches(discount, subscription, line):
        return False
    ends_at = discount.ends_at
    if discount.duration == "once" and ends_at is None:
        ends_at = after_interval(
            discount.starts_at, line.interval or "month", line.interval_count or 1
        )
    return discount.starts_at - _SLACK <= line.period_start and (
        ends_at is None or line.period_start < ends_at
    )


def _inferred(run: Sequence[Cut], subscription: SubscriptionFact) -> Iterator[DiscountFact]:
    """The run as one percentage where that fits every line, else as each line's own amount."""
    percent = _percentage(run)
    for group in [run] if percent is not None else [[cut] for cut in run]:
        (first, amount), (last, _) = group[0], group[-1]
        if first.period_start is None or first.period_end is None:
            continue
        short = len(run) == 1 and first.period_end - first.period_start <= _SHORT
        yield DiscountFact(
            first.source,
            f"{_BETRAYED}{first.source_id}",
            first.period_start,
            last.period_end,
            subscription_source_id=subscription.source_id,
            subscription_item_source_id=first.subscription_item_source_id,
            percent_off=percent,
            amount_off=None if percent is not None else amount,
            duration="once" if short else "repeating",
            reconstructed=True,
        )


def _percentage(run: Sequence[Cut]) -> Decimal | None:
    """The whole percentage which, rounded to minor units, took off what every line shows."""
    first, amount = run[0]
    percent = round(Decimal(amount) / first.amount * 100)
    fits = all(abs(Decimal(line.amount) * percent / 100 - cut) <= 1 for line, cut in run)
    return Decimal(percent) if fits and percent <= 100 else None
