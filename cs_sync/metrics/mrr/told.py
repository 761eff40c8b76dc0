"""What a source told of changes to a subscription's items, as long as it still tells them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cs_sync.metrics.mrr.facts import BillingFacts, ChangeFact, ItemFact, SubscriptionKey
from cs_sync.metrics.mrr.sightings import ItemKey, Sighting

TOLD_FOR = timedelta(days=28)
"""Sources that tell changes for a time do so for a month."""
Items = dict[ItemKey, ItemFact | None]
"""None: it was there, at a price that nothing shows."""


@dataclass(frozen=True, slots=True)
class Told:
    """Per item what it was and when it was taken off; per subscription when some item changed."""

    sightings: dict[ItemKey, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    removed: dict[ItemKey, datetime] = field(default_factory=dict)
    unnamed: dict[SubscriptionKey, list[datetime]] = field(
        default_factory=lambda: defaultdict(list)
    )


def told_of_items(facts: BillingFacts, prices: Mapping[str, ItemFact]) -> Told:
    """What the changes of an account's subscriptions say of their items.

    A change says what was before it. What came after is what the next one calls before, if none
    can have been missed between them; else what it says itself, or what syncs saw.
    """
    told = Told()
    changes: dict[SubscriptionKey, list[ChangeFact]] = defaultdict(list)
    for change in sorted(facts.changes, key=lambda c: (c.happened_at, c.source_id)):
        if "items" in change.before:
            changes[change.subscription].append(change)
    shown = _shown(facts)
    for key, mine in changes.items():
        told.unnamed[key] += [c.happened_at for c in mine if not c.before["items"]]
        named = [c for c in mine if c.before["items"]]
        for one, following in zip(named, [*named[1:], None], strict=False):
            was, at = _items(one, one.before["items"], prices), one.happened_at
            if following is not None and _meet(one, following):
                then = _items(following, following.before["items"], prices)
            elif one.after is not None:
                then = _items(one, one.after, prices)
            else:
                then = _at(shown[key], at)
            _tell(told, at, was, then)
    return told


def _meet(one: ChangeFact, other: ChangeFact) -> bool:
    """Whether nothing happened between two changes: the later was read before it was forgotten."""
    if one.first_seen_at is None or other.first_seen_at is None:
        return True
    return other.first_seen_at - one.first_seen_at <= TOLD_FOR


def _tell(told: Told, at: datetime, was: Items, then: Items) -> None:
    for key, state in was.items():
        if state is not None:
            told.sightings[key].append(Sighting(at, state, True, at))
        told.removed.pop(key, None)
        if key not in then:
            told.removed[key] = at
    for key, state in then.items():
        if state is not None:
            told.sightings[key].append(Sighting(at, state, False, at))


def _shown(facts: BillingFacts) -> dict[SubscriptionKey, dict[ItemKey, list[ItemFact]]]:
    """The versions of the items that each subscription shows now, or showed when it ended."""
    over = {s.key: s.ended_at for s in facts.subscriptions}
    found: dict[SubscriptionKey, dict[ItemKey, list[ItemFact]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for item in sorted(facts.items, key=lambda item: item.valid_from):
        found[item.subscription][item.source, item.source_id].append(item)
    for key, items in found.items():
        shown = (None, over.get(key))
        found[key] = {k: mine for k, mine in items.items() if mine[-1].valid_to in shown}
    return found


def _at(items: Mapping[ItemKey, Sequence[ItemFact]], at: datetime) -> Items:
    """What each item was by the versions that syncs saw: a later one began unseen."""
    found: Items = {}
    for key, versions in items.items():
        begun = [version for version in versions if version.valid_from <= at]
        if begun:
            found[key] = begun[-1]
    return found


def _items(
    change: ChangeFact, listed: Sequence[Mapping[str, Any]], prices: Mapping[str, ItemFact]
) -> Items:
    return {(change.source, row["source_id"]): _item(change, row, prices) for row in listed}


def _item(
    change: ChangeFact, row: Mapping[str, Any], prices: Mapping[str, ItemFact]
) -> ItemFact | None:
    known = prices.get(row.get("price") or "") or _priced(change, row)
    if known is None:
        return None
    return replace(
        known,
        source_id=row["source_id"],
        subscription_source_id=change.subscription_source_id,
        quantity=Decimal(row["quantity"]),
        valid_to=None,
        changed_at=None,
        reconstructed=True,
    )


def _priced(change: ChangeFact, row: Mapping[str, Any]) -> ItemFact | None:
    if row.get("unit_amount") is None:
        return None
    return ItemFact(
        change.source,
        row["source_id"],
        change.subscription_source_id,
        change.happened_at,
        product=row["product"],
        price=row["price"],
        unit_amount=Decimal(row["unit_amount"]),
        interval=row["interval"],
        interval_count=row["interval_count"],
        usage_type=row["usage_type"],
        divide_by=row["divide_by"],
        divide_round=row["divide_round"],
    )
