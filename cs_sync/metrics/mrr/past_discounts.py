"""Discounts from invoices, including those no longer in the source.

Stripe drops an expired coupon from the subscription; the invoices of its time keep the
discounted amount, and mostly its terms. Otherwise the terms are inferred from the
amounts: a discount on a single invoice of up to a month is taken as one-time.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from cs_sync.metrics.mrr.discounts import may_apply
from cs_sync.metrics.mrr.facts import BillingFacts, DiscountFact, LineFact, SubscriptionFact
from cs_sync.metrics.mrr.full_shares import end_by_prorations, full_shares
from cs_sync.metrics.mrr.observations import collect_evidence_lines
from cs_sync.metrics.mrr.sightings import Sightings, build_sightings
from cs_sync.metrics.periods import add_interval

_SLACK = timedelta(hours=1)
"""A discount may be stamped a moment after the invoice it is for."""
_SHORT = timedelta(days=31)
"""An interval up to a month."""


_BETRAYED = "invoices:"
"""Begins the id of a discount that only amounts betray."""


def select_charged_lines(facts: BillingFacts) -> list[LineFact]:
    """Select lines that charge an item's whole interval, by time."""
    whole = [line for line in _whole_lines(facts) if line.amount > 0]
    return sorted(whole, key=lambda i: (*_get_item_key(i), str(i.period_start), i.source_id))


def free_lines(facts: BillingFacts) -> list[LineFact]:
    """List lines that charge nothing for an item's period.

    As a trial's do.
    """
    return [line for line in _whole_lines(facts) if line.amount == 0]


def _whole_lines(facts: BillingFacts) -> list[LineFact]:
    every = [line for lines in collect_evidence_lines(facts).values() for line in lines]
    return [i for i in every if not i.is_proration and i.period_start and i.period_end]


def collect_discounts(facts: BillingFacts, lines: Sequence[LineFact]) -> list[DiscountFact]:
    """Collect the discounts stated by the source, described by invoices, and inferred."""
    subscriptions = {s.key: s for s in facts.subscriptions}
    described = _list_described(facts, subscriptions)
    shares = list(full_shares(facts, lines))
    fitted = [_fit_to_invoices(d, lines, subscriptions) for d in (*facts.discounts, *described)]
    stated = end_by_prorations(fitted, shares, subscriptions)
    every = [*stated, *_infer_discounts(lines, subscriptions, stated)]
    stated_keys = {(d.source, d.source_id, d.ends_at) for d in facts.discounts}
    return [
        d
        if (d.source, d.source_id, d.ends_at) in stated_keys
        else _end_at_replacement(d, every, lines)
        for d in every
    ]


def _end_at_replacement(
    discount: DiscountFact, every: Sequence[DiscountFact], lines: Sequence[LineFact]
) -> DiscountFact:
    """End a discount at its replacement, where only invoices show it.

    That is when another discount began in the last period it lowered, else the end of that
    period.
    """
    if discount.ends_at is None:
        return discount
    owner = (discount.source, discount.subscription_source_id)
    last = [
        line.period_start
        for line in lines
        if _get_item_key(line)[:2] == owner
        and line.period_end == discount.ends_at
        and line.period_start
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


def _get_item_key(line: LineFact) -> tuple[str, str, str]:
    sub, item = line.subscription_source_id or "", line.subscription_item_source_id or ""
    return line.source, sub, item


def _list_described(
    facts: BillingFacts, subscriptions: dict[tuple[str, str], SubscriptionFact]
) -> list[DiscountFact]:
    """Return discounts of subscriptions described only by invoices."""
    stated_keys = {(d.source, d.source_id) for d in facts.discounts}
    sightings = build_sightings(facts)
    described: dict[tuple[str, str], DiscountFact] = {}
    for line in sorted(facts.lines, key=lambda i: str(i.period_start)):
        subscription = subscriptions.get(_get_item_key(line)[:2])
        for terms in line.discounts or ():
            key = (line.source, terms["id"])
            if subscription and terms.get("duration") and key not in stated_keys:
                described[key] = _build_from_terms(terms, line, subscription, sightings)
    return list(described.values())


def _build_from_terms(
    terms: Any, line: LineFact, subscription: SubscriptionFact, sightings: Sightings
) -> DiscountFact:
    """Build a discount from the terms on its last invoice line.

    It is over: at its end or after its months, else with the period of that line, and before a
    sync read the subscription, as none ever saw it there.
    """
    percent, end, months = terms.get("percent_off"), terms.get("ends_at"), terms.get("months")
    start = datetime.fromisoformat(terms["starts_at"])
    missed = sightings.find_next(subscription.key, max(start, line.period_start or start))
    ends = [subscription.changed_at, missed, datetime.fromisoformat(end) if end else None]
    ends.append(add_interval(start, "month", months) if months else line.period_end)
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


def _fit_to_invoices(
    discount: DiscountFact,
    lines: Sequence[LineFact],
    subscriptions: dict[tuple[str, str], SubscriptionFact],
) -> DiscountFact:
    """Limit a discount to its first invoice until one without it.

    Its start may be stamped a moment after the first, its end noticed long after the
    second.
    """
    start, end = discount.starts_at, discount.ends_at
    lowering = {line.invoice_source_id for line in lines if _is_lowered(discount, line)}
    for line in lines:
        at, subscription = line.period_start, subscriptions.get(_get_item_key(line)[:2])
        if at is None or subscription is None or not _is_for_line(discount, subscription, line):
            continue
        if line.invoice_source_id in lowering:
            start = at if timedelta(0) < start - at <= _SLACK else start
        elif _is_spared(discount, line) and at > discount.starts_at and (end is None or at < end):
            end = at
    return replace(discount, starts_at=start, ends_at=end)


def _is_lowered(discount: DiscountFact, line: LineFact) -> bool:
    if line.discounts is None:
        return line.discount_amount > 0
    return any(cut["id"] == discount.source_id for cut in line.discounts)


def _is_spared(discount: DiscountFact, line: LineFact) -> bool:
    """Return whether a line was spared by a discount.

    It was charged without one that could have lowered it.
    """
    open_amount = line.amount > line.discount_amount
    return line.discounts is not None and open_amount and not discount.is_fallback


def _is_for_line(discount: DiscountFact, subscription: SubscriptionFact, line: LineFact) -> bool:
    return may_apply(discount, subscription, _get_item_key(line)[2], line.product)


def _infer_discounts(
    lines: Sequence[LineFact],
    subscriptions: dict[tuple[str, str], SubscriptionFact],
    stated: Sequence[DiscountFact],
) -> Iterator[DiscountFact]:
    """Yield one discount per run of consecutive lowered periods without another explanation."""
    for key, item_lines in groupby(lines, _get_item_key):
        subscription = subscriptions.get(key[:2])
        if subscription is not None:
            for run in _find_runs(list(item_lines), subscription, stated):
                yield from _infer_from_run(run, subscription)


UnexplainedCut = tuple[LineFact, int]
"""A line, and how much less it is without anybody saying why."""


def _find_runs(
    lines: Sequence[LineFact], subscription: SubscriptionFact, stated: Sequence[DiscountFact]
) -> Iterator[list[UnexplainedCut]]:
    run: list[UnexplainedCut] = []
    for line in lines:
        cut = _get_unexplained(line, subscription, stated)
        if run and (cut <= 0 or run[-1][0].period_end != line.period_start):
            yield run
            run = []
        if cut > 0 and line.amount > 0:
            run.append((line, cut))
    if run:
        yield run


def _get_unexplained(
    line: LineFact, subscription: SubscriptionFact, stated: Sequence[DiscountFact]
) -> int:
    if line.discounts is not None:
        stated_ids = {d.source_id for d in stated if d.source == line.source}
        return sum(int(cut["amount"]) for cut in line.discounts if cut["id"] not in stated_ids)
    explained = any(_is_explained_by(d, line, subscription) for d in stated)
    return 0 if explained else line.discount_amount


def _is_explained_by(
    discount: DiscountFact, line: LineFact, subscription: SubscriptionFact
) -> bool:
    if line.period_start is None or not _is_for_line(discount, subscription, line):
        return False
    ends_at = discount.ends_at
    if discount.duration == "once" and ends_at is None:
        ends_at = add_interval(
            discount.starts_at, line.interval or "month", line.interval_count or 1
        )
    return discount.starts_at - _SLACK <= line.period_start and (
        ends_at is None or line.period_start < ends_at
    )


def _infer_from_run(
    run: Sequence[UnexplainedCut], subscription: SubscriptionFact
) -> Iterator[DiscountFact]:
    """Yield the run as one fitting percentage, else as fixed amounts."""
    percent = _find_percentage(run)
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


def _find_percentage(run: Sequence[UnexplainedCut]) -> Decimal | None:
    """Return the whole percentage that, rounded to minor units, fits every line."""
    first, amount = run[0]
    percent = round(Decimal(amount) / first.amount * 100)
    fits = all(abs(Decimal(line.amount) * percent / 100 - cut) <= 1 for line, cut in run)
    return Decimal(percent) if fits and percent <= 100 else None
