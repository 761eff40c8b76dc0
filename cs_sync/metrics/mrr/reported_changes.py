"""Changes of a subscription's items as reported by the source, within its retention."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import BillingFacts, ChangeFact, ItemFact, SubscriptionKey
from cs_sync.metrics.mrr.observations import ItemKey, ItemObservation

CHANGE_RETENTION = timedelta(days=28)
"""Sources that tell changes for a time do so for a month."""
ItemStates = dict[ItemKey, ItemFact | None]
"""None: it was there, at a price that nothing shows."""


class ReportedChanges(Struct, frozen=True):
    """Per item its states and removal; per subscription the times of unnamed changes."""

    sightings: dict[ItemKey, list[ItemObservation]] = field(
        default_factory=lambda: defaultdict(list)
    )
    removed: dict[ItemKey, datetime] = field(default_factory=dict)
    unnamed: dict[SubscriptionKey, list[datetime]] = field(
        default_factory=lambda: defaultdict(list)
    )


def collect_reported_changes(
    facts: BillingFacts, prices: Mapping[str, ItemFact]
) -> ReportedChanges:
    """Collect the reported states of items from an account's subscription changes.

    A change holds the state before it. The state after it is the next change's state
    before, if none can be missing between them; else its own, or the one seen by syncs.
    """
    reported = ReportedChanges()
    changes: dict[SubscriptionKey, list[ChangeFact]] = defaultdict(list)
    for change in sorted(facts.changes, key=lambda c: (c.happened_at, c.source_id)):
        if "items" in change.before:
            changes[change.subscription].append(change)
    shown = _group_current_items(facts)
    for key, own in changes.items():
        reported.unnamed[key] += [c.happened_at for c in own if not c.before["items"]]
        named = [c for c in own if c.before["items"]]
        for previous, following in zip(named, [*named[1:], None], strict=False):
            was, at = _read_items(previous, previous.before["items"], prices), previous.happened_at
            if following is not None and _is_gapless(previous, following):
                then = _read_items(following, following.before["items"], prices)
            elif previous.after is not None:
                then = _read_items(previous, previous.after, prices)
            else:
                then = _get_states_at(shown[key], at)
            _add_change(reported, at, was, then)
    return reported


def _is_gapless(previous: ChangeFact, following: ChangeFact) -> bool:
    """Return whether no change is missing between two.

    The later was read within retention.
    """
    if previous.first_seen_at is None or following.first_seen_at is None:
        return True
    return following.first_seen_at - previous.first_seen_at <= CHANGE_RETENTION


def _add_change(reported: ReportedChanges, at: datetime, was: ItemStates, then: ItemStates) -> None:
    for key, state in was.items():
        if state is not None:
            reported.sightings[key].append(ItemObservation(at, state, before=True, until=at))
        reported.removed.pop(key, None)
        if key not in then:
            reported.removed[key] = at
    for key, state in then.items():
        if state is not None:
            reported.sightings[key].append(ItemObservation(at, state, before=False, until=at))


def _group_current_items(
    facts: BillingFacts,
) -> dict[SubscriptionKey, dict[ItemKey, list[ItemFact]]]:
    """Group current items' versions by subscription."""
    over = {s.key: s.ended_at for s in facts.subscriptions}
    current: dict[SubscriptionKey, dict[ItemKey, list[ItemFact]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for item in sorted(facts.items, key=lambda item: item.valid_from):
        current[item.subscription][item.source, item.source_id].append(item)
    for key, items in current.items():
        shown = (None, over.get(key))
        current[key] = {
            k: versions for k, versions in items.items() if versions[-1].valid_to in shown
        }
    return current


def _get_states_at(items: Mapping[ItemKey, Sequence[ItemFact]], at: datetime) -> ItemStates:
    """Get each item's state by the versions seen by syncs.

    A later version began unseen.
    """
    states: ItemStates = {}
    for key, versions in items.items():
        begun = [version for version in versions if version.valid_from <= at]
        if begun:
            states[key] = begun[-1]
    return states


def _read_items(
    change: ChangeFact, listed: Sequence[Mapping[str, Any]], prices: Mapping[str, ItemFact]
) -> ItemStates:
    return {(change.source, row["source_id"]): _read_item(change, row, prices) for row in listed}


def _read_item(
    change: ChangeFact, row: Mapping[str, Any], prices: Mapping[str, ItemFact]
) -> ItemFact | None:
    priced = prices.get(row.get("price") or "") or _read_priced_item(change, row)
    if priced is None:
        return None
    return replace(
        priced,
        source_id=row["source_id"],
        subscription_source_id=change.subscription_source_id,
        quantity=Decimal(row["quantity"]),
        valid_to=None,
        changed_at=None,
        reconstructed=True,
    )


def _read_priced_item(change: ChangeFact, row: Mapping[str, Any]) -> ItemFact | None:
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
