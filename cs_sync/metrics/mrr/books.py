"""Histories of subscriptions: present and past states, changes and invoices."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import (
    BillingFacts,
    ChangeFact,
    InvoiceFact,
    LineFact,
    SubscriptionFact,
    SubscriptionKey,
)

T = TypeVar("T")


class SubscriptionHistory(Struct, frozen=True):
    """One subscription with its past states and its invoices.

    `past` holds the states seen by earlier syncs, oldest first. The source's period of an
    invoice may be the one before; here its `period_end` is the end of the period its lines
    pay for.
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

    def list_charges(self) -> Iterable[tuple[LineFact, datetime, datetime]]:
        """Yield charged lines with their periods.

        Not of void, uncollectible or draft invoices.
        """
        off = {i.source_id for i in self.invoices if i.status not in ("paid", "open")}
        for line, start, end in self.list_agreed():
            if line.amount > 0 and line.invoice_source_id not in off:
                yield line, start, end

    def list_agreed(self) -> Iterable[tuple[LineFact, datetime, datetime]]:
        """Yield the lines of agreed prices with their periods.

        Whatever the invoice's status.
        """
        for line in self.lines:
            if line.usage_type == "metered" or line.amount < 0 or not line.quantity:
                continue
            if line.period_start is not None and line.period_end is not None:
                yield line, line.period_start, line.period_end


def build_histories(facts: BillingFacts) -> dict[SubscriptionKey, SubscriptionHistory]:
    """Build the history of each of an account's subscriptions."""
    covered = _map_paid_ends(facts.lines)
    invoices: dict[SubscriptionKey, list[InvoiceFact]] = defaultdict(list)
    for bill in facts.invoices:
        until = covered.get((bill.source, bill.source_id), bill.period_end)
        owner = (bill.source, bill.subscription_source_id or "")
        invoices[owner].append(replace(bill, period_end=until))
    lines = _group_by(facts.lines, lambda line: (line.source, line.subscription_source_id or ""))
    changes = _group_by(facts.changes, lambda change: change.subscription)
    past = _group_by(facts.past_subscriptions, lambda version: version.key)
    snapshots = {item.subscription for item in facts.items if item.is_snapshot}
    costly = {item.price for item in facts.items if item.unit_amount or item.tiers}
    costly |= {line.price for line in facts.lines if line.amount > 0}
    prices = frozenset(price for price in costly if price is not None)
    return {
        s.key: SubscriptionHistory(
            s,
            tuple(sorted(past[s.key], key=lambda version: str(version.changed_at))),
            tuple(sorted(changes[s.key], key=lambda c: (c.happened_at, c.source_id))),
            tuple(sorted(invoices[s.key], key=lambda i: (i.issued_at, i.source_id))),
            tuple(
                sorted(
                    lines[s.key], key=lambda charge: (str(charge.period_start), charge.source_id)
                )
            ),
            prices,
            s.key in snapshots,
        )
        for s in facts.subscriptions
    }


def _map_paid_ends(lines: Iterable[LineFact]) -> Mapping[SubscriptionKey, datetime]:
    """Map each invoice to the end of its paid period."""
    ends: dict[SubscriptionKey, datetime] = {}
    for line in lines:
        if line.period_end is not None:
            key = (line.source, line.invoice_source_id)
            ends[key] = max(ends.get(key, line.period_end), line.period_end)
    return ends


def _group_by(
    rows: Iterable[T], key: Callable[[T], SubscriptionKey]
) -> dict[SubscriptionKey, list[T]]:
    groups: dict[SubscriptionKey, list[T]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups
