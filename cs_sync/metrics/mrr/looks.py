"""When syncs looked at subscriptions, as far as they saw something new: what was there, or not."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, SubscriptionKey


@dataclass(frozen=True, slots=True)
class Looks:
    """Per subscription, when syncs saw its items, and when they read its bills."""

    seen: dict[SubscriptionKey, list[datetime]]
    read: dict[SubscriptionKey, list[datetime]]

    def seen_with(self, stated: Sequence[ItemFact]) -> list[datetime]:
        """When an item was still there, as other items of its subscription were seen anew."""
        if not stated or stated[-1].valid_to is None:
            return []
        until = stated[-1].valid_to
        return [at for at in self.seen.get(stated[-1].subscription, ()) if at < until]

    def missed(self, owner: SubscriptionKey, alive_at: datetime) -> datetime | None:
        """When an item that no sync ever saw, but that was there at an instant, was gone."""
        every = [*self.seen.get(owner, ()), *self.read.get(owner, ())]
        return min((at for at in every if at > alive_at), default=None)


def looks_at(facts: BillingFacts) -> Looks:
    """When syncs saw and read something new of an account's subscriptions."""
    bills = (((x.source, x.subscription_source_id or ""), x.first_seen_at) for x in facts.lines)
    items = ((i.subscription, i.first_seen_at) for i in facts.items if i.is_snapshot)
    return Looks(_by_subscription(items), _by_subscription(bills))


def _by_subscription(
    rows: Iterable[tuple[SubscriptionKey, datetime | None]],
) -> dict[SubscriptionKey, list[datetime]]:
    found: dict[SubscriptionKey, list[datetime]] = defaultdict(list)
    for key, at in rows:
        if at is not None:
            found[key].append(at)
    return found
