"""Which version of an item was true when: as stated, or rebuilt from what proves it.

Some sources (Stripe) only show an item's present state. What it was before is proven by invoices:
a recurring line says what was agreed when its period began, and a proration line says at which
very instant it changed, because its period starts there. What the source told of its changes
while it still did is as good, and what syncs saw stands between them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, LineFact, SubscriptionKey
from cs_sync.metrics.mrr.looks import Looks, looks_at
from cs_sync.metrics.mrr.replaced import Vanished, end_replaced, removed_at
from cs_sync.metrics.mrr.sightings import ItemKey, Sighting, evidence, prices_known, sightings
from cs_sync.metrics.mrr.told import Told, told_of_items

Step = tuple[datetime, ItemFact]
Chain = list[ItemFact]


def item_versions(facts: BillingFacts) -> list[ItemFact]:
    """Every version of every licensed item, disjoint per item, by item and time."""
    stated: dict[ItemKey, list[ItemFact]] = defaultdict(list)
    for item in sorted(facts.items, key=lambda item: item.valid_from):
        stated[item.source, item.source_id].append(item)
    lines = evidence(facts)
    prices = prices_known(facts.items, lines)
    told = told_of_items(facts, prices)
    chains: dict[ItemKey, Chain] = {}
    gone: dict[ItemKey, Vanished] = {}
    over = {s.key: s.ended_at for s in facts.subscriptions}
    hinted: dict[ItemKey, ItemFact] = {}
    looks = looks_at(facts)
    for key in sorted(stated.keys() | lines.keys() | told.sightings.keys()):
        mine, proofs = stated.get(key, []), lines.get(key, [])
        seen = _all_sightings(proofs, prices, mine, told.sightings.get(key, []))
        missing = _is_gone(mine, over)
        unnamed = told.unnamed.get(mine[0].subscription, []) if mine else []
        chains[key] = _versions(mine, seen, proofs, missing, unnamed)
        if chains[key] and missing:
            gone[key] = _vanished(key, chains[key], mine, seen, proofs, told, looks)
        if seen and not chains[key]:
            hinted[key] = replace(seen[0].state, valid_from=seen[0].at)
    gone = {key: _bounded(item, key, lines) for key, item in gone.items()}
    ended = end_replaced(chains, gone, hinted, lines)
    return [v for chain in ended for v in chain if _licensed(v)]


def _licensed(version: ItemFact) -> bool:
    return version.usage_type == "licensed"


def _all_sightings(
    lines: Sequence[LineFact],
    prices: Mapping[str, ItemFact],
    stated: Sequence[ItemFact],
    told: Sequence[Sighting],
) -> list[Sighting]:
    found = [*sightings(lines, prices, stated[-1] if stated else None), *told]
    return sorted(found, key=lambda s: (s.at, not s.before))


def _versions(
    stated: Sequence[ItemFact],
    seen: Sequence[Sighting],
    lines: Sequence[LineFact],
    missing: bool,
    unnamed: Sequence[datetime],
) -> Chain:
    """One item's versions; a source that tells more than the present is taken at its word."""
    all_told = len(stated) > 1 and not stated[-1].is_snapshot
    if all_told or not seen:
        return _disjoint(stated)
    removed = removed_at(lines, stated[-1] if stated else None)
    return _rebuilt(stated, seen, removed, missing, unnamed)


def _disjoint(ordered: Sequence[ItemFact]) -> Chain:
    """Versions by time; one without a stated end lasts until the next begins."""
    following = [v.valid_from for v in ordered[1:]]
    closed = [
        replace(v, valid_to=start) if v.valid_to is None or v.valid_to > start else v
        for v, start in zip(ordered, following, strict=False)
    ]
    return [*closed, *ordered[-1:]]


def _rebuilt(
    stated: Sequence[ItemFact],
    seen: Sequence[Sighting],
    removed: datetime | None,
    missing: bool,
    unnamed: Sequence[datetime],
) -> Chain:
    """The chain of states: the first sighting reaches back, the last one forward."""
    since = [(s.at, s.state) for s in seen if not s.before]
    if not stated:
        steps = [(seen[0].at, seen[0].state), *since]
        return _chained(steps, removed or max(s.until for s in seen))
    first, present = stated[0], stated[-1]
    begins, shown = min(first.valid_from, seen[0].at), _shown_from(stated)
    proven = max((at for at, _ in since if at <= shown), default=begins)
    shown = max((at for at in unnamed if proven < at <= shown), default=shown)
    known = seen[0].state if seen[0].at <= shown else first
    steps = [*since, (shown, first), *((v.valid_from, v) for v in stated[1:])]
    steps = [(begins, known), *sorted(steps, key=lambda step: step[0])]
    if not (missing or _same(steps[-1][1], present)):
        steps.append((steps[-1][0], present))
    return _chained(steps, removed or present.valid_to)


def _shown_from(stated: Sequence[ItemFact]) -> datetime:
    """Since when the first stated version is known for itself."""
    first = stated[0]
    seen = first.first_seen_at if first.is_snapshot else first.changed_at
    known = seen or first.valid_from
    return known if len(stated) == 1 else min(known, stated[1].valid_from)


def _chained(steps: Iterable[Step], end: datetime | None) -> Chain:
    chain: Chain = []
    for at, state in steps:
        if chain and _continues(chain[-1], state):
            if chain[-1].reconstructed and not state.reconstructed:
                chain[-1] = replace(state, valid_from=chain[-1].valid_from, valid_to=None)
            continue
        if chain and at <= chain[-1].valid_from:
            chain[-1] = replace(state, valid_from=chain[-1].valid_from, valid_to=None)
            continue
        if chain:
            chain[-1] = replace(chain[-1], valid_to=at)
        chain.append(replace(state, valid_from=at, valid_to=None))
    chain[-1] = replace(chain[-1], valid_to=end)
    return [v for v in chain if v.valid_to is None or v.valid_to > v.valid_from]


def _continues(one: ItemFact, other: ItemFact) -> bool:
    """Whether a state goes on: of two that are stated, also what no line shows is compared."""
    stated = not (one.reconstructed or other.reconstructed)
    taxed_alike = one.inclusive_tax_percent == other.inclusive_tax_percent
    return _same(one, other) and (taxed_alike or not stated)


def _same(one: ItemFact, other: ItemFact) -> bool:
    """Whether two states come to the same charge."""
    return (one.price, one.unit_amount, one.quantity) == (
        other.price, other.unit_amount, other.quantity,
    )  # fmt: skip


def _is_gone(stated: Sequence[ItemFact], over: Mapping[SubscriptionKey, datetime | None]) -> bool:
    """Whether an item is no longer shown, though its subscription did not end with it."""
    if not stated:
        return True
    last = stated[-1]
    return last.is_snapshot and last.valid_to not in (None, over.get(last.subscription))


def _bounded(item: Vanished, key: ItemKey, lines: Mapping[ItemKey, Sequence[LineFact]]) -> Vanished:
    """Not later than when its subscription was billed anew without it, within its paid period.

    A trial that is given begins a period of all that is still there.
    """
    last = item.versions[-1]
    anew = [
        at
        for other, theirs in lines.items()
        if other != key
        for at in _billed_again(theirs, last)
        if item.alive_at < at < item.latest
    ]
    return replace(item, latest=min(anew)) if anew else item


def _billed_again(lines: Sequence[LineFact], beside: ItemFact) -> Iterator[datetime]:
    """When an item beside this one, of the same interval, began another period."""
    mine = [
        line.period_start
        for line in lines
        if (line.source, line.subscription_source_id) == beside.subscription
        and (line.interval, line.interval_count) == (beside.interval, beside.interval_count)
        and line.period_start is not None
        and not line.is_proration
    ]
    first = min((x.period_start for x in lines if x.period_start is not None), default=None)
    yield from (at for at in mine if first is not None and at > first)


def _vanished(
    key: ItemKey,
    chain: Chain,
    stated: Sequence[ItemFact],
    seen: Sequence[Sighting],
    lines: Sequence[LineFact],
    told: Told,
    looks: Looks,
) -> Vanished:
    """What is known of the end of an item that is no longer shown."""
    alive = [s.at for s in seen if not s.before] + [v.valid_from for v in stated]
    alive += [v.first_seen_at for v in stated if v.first_seen_at is not None]
    alive += looks.seen_with(stated)
    last, paid = max(alive, default=chain[0].valid_from), max((s.until for s in seen), default=None)
    missed = stated[-1].valid_to if stated else looks.missed(chain[0].subscription, last)
    bounds = [at for at in (missed, paid) if at is not None]
    latest = min((at for at in bounds if at > last), default=max(bounds, default=last))
    removed = told.removed.get(key)
    if removed is not None and any(s.at > removed for s in seen if not s.before):
        removed = None  # it was billed after that: a later change was not told
    return Vanished(
        chain,
        last,
        latest,
        removed_at(lines, None) or removed,
        told.unnamed.get(chain[0].subscription, ()),
    )
