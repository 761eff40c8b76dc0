"""When syncs saw items of subscriptions, and when they read their bills."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, SubscriptionKey


class Sightings(Struct, frozen=True):
    """Per subscription, when syncs saw its items, and when they read its bills."""

    seen: dict[SubscriptionKey, list[datetime]]
    read: dict[SubscriptionKey, list[datetime]]

    def list_sightings(self, stated: Sequence[ItemFact]) -> list[datetime]:
        """List when a removed item still existed.

        At new sightings of its subscription's items.
        """
        if not stated or stated[-1].valid_to is None:
            return []
        until = stated[-1].valid_to
        return [at for at in self.seen.get(stated[-1].subscription, ()) if at < until]

    def find_next(self, owner: SubscriptionKey, after: datetime) -> datetime | None:
        """Find the next sync that read something new of a subscription."""
        every = [*self.seen.get(owner, ()), *self.read.get(owner, ())]
        return min((at for at in every if at > after), default=None)


def build_sightings(facts: BillingFacts) -> Sightings:
    """Return when syncs read something new of an account's subscriptions."""
    bills = (((x.source, x.subscription_source_id or ""), x.first_seen_at) for x in facts.lines)
    items = ((i.subscription, i.first_seen_at) for i in facts.items if i.is_snapshot)
    return Sightings(_group_by_subscription(items), _group_by_subscription(bills))


def _group_by_subscription(
    rows: Iterable[tuple[SubscriptionKey, datetime | None]],
) -> dict[SubscriptionKey, list[datetime]]:
    times: dict[SubscriptionKey, list[datetime]] = defaultdict(list)
    for key, at in rows:
        if at is not None:
            times[key].append(at)
    return times
