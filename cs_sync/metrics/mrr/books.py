"""All that is known of one subscription: what it is, what it was seen and told to be, its bills."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from cs_sync.metrics.mrr.facts import (
    BillingFacts,
    ChangeFact,
    InvoiceFact,
    LineFact,
    SubscriptionFact,
    SubscriptionKey,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SubscriptionBook:
    """One subscription as it is, with what it was before and what it was billed.

    `past` is what syncs saw before, the oldest first. An invoice's own period may be the one
    before it; here its `period_end` is until when its lines pay.
    """

    subscription: SubscriptionFact
    past: tuple[SubscriptionFact, ...] = ()
    changes: tuple[ChangeFact, ...] = ()
    invoices: tuple[InvoiceFact, ...] = ()
    lines: tuple[LineFact, ...] = ()
    paid_prices: frozenset[str] = frozenset()
    """Prices that are known to cost something."""
    shows_present: bool = False
    """Whether the source only shows its present, so that its bills tell of what was."""

    def invoice_of(self, line: LineFact) -> InvoiceFact | None:
        """The invoice that a line stands on."""
        found = (i for i in self.invoices if i.source_id == line.invoice_source_id)
        return next(found, None)

    def charges(self) -> Iterable[tuple[LineFact, datetime, datetime]]:
        """Lines that were charged, with their periods: not void, not given up, not a draft."""
        off = {i.source_id for i in self.invoices if i.status not in ("paid", "open")}
        for line, start, end in self.agreed():
            if line.amount > 0 and line.invoice_source_id not in off:
                yield line, start, end

    def agreed(self) -> Iterable[tuple[LineFact, datetime, datetime]]:
        """Lines for what was agreed, whatever became of their invoices, with their periods."""
        for line in self.lines:
            if line.usage_type == "metered" or line.amount < 0 or not line.quantity:
                continue
            if line.period_start is not None and line.period_end is not None:
                yield line, line.period_start, line.period_end


def books_of(facts: BillingFacts) -> dict[SubscriptionKey, SubscriptionBook]:
    """A book for each of an account's subscriptions."""
    covered = _covered(facts.lines)
    invoices: dict[SubscriptionKey, list[InvoiceFact]] = defaultdict(list)
    for bill in facts.invoices:
        until = covered.get((bill.source, bill.source_id), bill.period_end)
        owner = (bill.source, bill.subscription_source_id or "")
        invoices[owner].append(replace(bill, period_end=until))
    lines = _by(facts.lines, lambda line: (line.source, line.subscription_source_id or ""))
    changes = _by(facts.changes, lambda change: change.subscription)
    past = _by(facts.past_subscriptions, lambda seen: seen.key)
    snapshots = {item.subscription for item in facts.items if item.is_snapshot}
    costly = {item.price for item in facts.items if item.unit_amount or item.tiers}
    costly |= {line.price for line in facts.lines if line.amount > 0}
    prices = frozenset(price for price in costly if price is not None)
    return {
        s.key: SubscriptionBook(
            s,
            tuple(sorted(past[s.key], key=lambda seen: str(seen.changed_at))),
            tuple(sorted(changes[s.key], key=lambda c: (c.happened_at, c.source_id))),
            tuple(sorted(invoices[s.key], key=lambda i: (i.issued_at, i.source_id))),
            tuple(sorted(lines[s.key], key=lambda one: (str(one.period_start), one.source_id))),
            prices,
            s.key in snapshots,
        )
        for s in facts.subscriptions
    }


def _covered(lines: Iterable[LineFact]) -> Mapping[SubscriptionKey, datetime]:
    """Until when each invoice's lines pay."""
    found: dict[SubscriptionKey, datetime] = {}
    for line in lines:
        if line.period_end is not None:
            key = (line.source, line.invoice_source_id)
            found[key] = max(found.get(key, line.period_end), line.period_end)
    return found


def _by(rows: Iterable[T], key: Callable[[T], SubscriptionKey]) -> dict[SubscriptionKey, list[T]]:
    found: dict[SubscriptionKey, list[T]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found
