"""Versions of items over time: as stated, or reconstructed from evidence.

Some sources (Stripe) only return an item's present state. Invoices prove the earlier
ones: a recurring line proves the agreement at the start of its period, and a proration
line the very instant of a change, because its period starts there. Changes reported by
the source within its retention are as good; states seen by syncs lie in between.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, LineFact, SubscriptionKey
from cs_sync.metrics.mrr.observations import (
    ItemKey,
    ItemObservation,
    build_observations,
    collect_evidence_lines,
    map_known_prices,
)
from cs_sync.metrics.mrr.removed_items import RemovedItem, end_replaced, find_removal_time
from cs_sync.metrics.mrr.reported_changes import ReportedChanges, collect_reported_changes
from cs_sync.metrics.mrr.sightings import Sightings, build_sightings

Step = tuple[datetime, ItemFact]
VersionChain = list[ItemFact]


class _ItemEvidence(Struct, frozen=True):
    """All that is known of one item: its stated versions, observations and invoice lines."""

    key: ItemKey
    stated: Sequence[ItemFact]
    observed: Sequence[ItemObservation]
    lines: Sequence[LineFact]


def build_item_versions(facts: BillingFacts) -> list[ItemFact]:
    """Build every version of every licensed item.

    Returns:
        Versions by item and time, without overlap per item.
    """
    stated: dict[ItemKey, list[ItemFact]] = defaultdict(list)
    for item in sorted(facts.items, key=lambda item: item.valid_from):
        stated[item.source, item.source_id].append(item)
    lines = collect_evidence_lines(facts)
    prices = map_known_prices(facts.items, lines)
    reported = collect_reported_changes(facts, prices)
    chains: dict[ItemKey, VersionChain] = {}
    removed: dict[ItemKey, RemovedItem] = {}
    over = {s.key: s.ended_at for s in facts.subscriptions}
    hinted: dict[ItemKey, ItemFact] = {}
    sightings = build_sightings(facts)
    for key in sorted(stated.keys() | lines.keys() | reported.sightings.keys()):
        own, proofs = stated.get(key, []), lines.get(key, [])
        observed = _collect_observations(proofs, prices, own, reported.sightings.get(key, []))
        missing = _is_removed(own, over)
        unnamed = reported.unnamed.get(own[0].subscription, []) if own else []
        evidence = _ItemEvidence(key, own, observed, proofs)
        chains[key] = _build_versions(evidence, unnamed, missing=missing)
        if chains[key] and missing:
            removed[key] = _build_removed_item(evidence, chains[key], reported, sightings)
        if observed and not chains[key]:
            hinted[key] = replace(observed[0].state, valid_from=observed[0].at)
    removed = {key: _limit_end(item, key, lines) for key, item in removed.items()}
    ended = end_replaced(chains, removed, hinted, lines)
    return [v for chain in ended for v in chain if _is_licensed(v)]


def _is_licensed(version: ItemFact) -> bool:
    return version.usage_type == "licensed"


def _collect_observations(
    lines: Sequence[LineFact],
    prices: Mapping[str, ItemFact],
    stated: Sequence[ItemFact],
    reported: Sequence[ItemObservation],
) -> list[ItemObservation]:
    observations = [*build_observations(lines, prices, stated[-1] if stated else None), *reported]
    return sorted(observations, key=lambda s: (s.at, not s.before))


def _build_versions(
    evidence: _ItemEvidence, unnamed: Sequence[datetime], *, missing: bool
) -> VersionChain:
    """Build one item's versions.

    A source with more than the present state is trusted.
    """
    stated, observed = evidence.stated, evidence.observed
    all_stated = len(stated) > 1 and not stated[-1].is_snapshot
    if all_stated or not observed:
        return _make_disjoint(stated)
    return _reconstruct(evidence, unnamed, missing=missing)


def _make_disjoint(ordered: Sequence[ItemFact]) -> VersionChain:
    """Cut versions by time.

    One without a stated end lasts until the next begins.
    """
    following = [v.valid_from for v in ordered[1:]]
    closed = [
        replace(v, valid_to=start) if v.valid_to is None or v.valid_to > start else v
        for v, start in zip(ordered, following, strict=False)
    ]
    return [*closed, *ordered[-1:]]


def _reconstruct(
    evidence: _ItemEvidence, unnamed: Sequence[datetime], *, missing: bool
) -> VersionChain:
    """Reconstruct the chain: the first observation extends backwards, the last one forwards."""
    stated, observed = evidence.stated, evidence.observed
    removed = find_removal_time(evidence.lines, stated[-1] if stated else None)
    since = [(s.at, s.state) for s in observed if not s.before]
    if not stated:
        steps = [(observed[0].at, observed[0].state), *since]
        return _build_chain(steps, removed or max(s.until for s in observed))
    first, present = stated[0], stated[-1]
    begins, shown = min(first.valid_from, observed[0].at), _find_known_since(stated)
    proven = max((at for at, _ in since if at <= shown), default=begins)
    shown = max((at for at in unnamed if proven < at <= shown), default=shown)
    initial = observed[0].state if observed[0].at <= shown else first
    steps = [*since, (shown, first), *((v.valid_from, v) for v in stated[1:])]
    steps = [(begins, initial), *sorted(steps, key=lambda step: step[0])]
    if not (missing or _is_same_charge(steps[-1][1], present)):
        steps.append((steps[-1][0], present))
    return _build_chain(steps, removed or present.valid_to)


def _find_known_since(stated: Sequence[ItemFact]) -> datetime:
    """Return the instant since when the first stated version itself is known."""
    first = stated[0]
    learnt = first.first_seen_at if first.is_snapshot else first.changed_at
    since = learnt or first.valid_from
    return since if len(stated) == 1 else min(since, stated[1].valid_from)


def _build_chain(steps: Iterable[Step], end: datetime | None) -> VersionChain:
    chain: VersionChain = []
    for at, state in steps:
        if chain and _is_continued(chain[-1], state):
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


def _is_continued(previous: ItemFact, following: ItemFact) -> bool:
    """Return whether a state continues.

    Of two stated ones all fields are compared.
    """
    stated = not (previous.reconstructed or following.reconstructed)
    taxed_alike = previous.inclusive_tax_percent == following.inclusive_tax_percent
    return _is_same_charge(previous, following) and (taxed_alike or not stated)


def _is_same_charge(left: ItemFact, right: ItemFact) -> bool:
    """Return whether two states lead to the same charge."""
    return (left.price, left.unit_amount, left.quantity) == (
        right.price, right.unit_amount, right.quantity,
    )  # fmt: skip


def _is_removed(
    stated: Sequence[ItemFact], over: Mapping[SubscriptionKey, datetime | None]
) -> bool:
    """Return whether an item left a subscription that went on."""
    if not stated:
        return True
    last = stated[-1]
    return last.is_snapshot and last.valid_to not in (None, over.get(last.subscription))


def _limit_end(
    item: RemovedItem, key: ItemKey, lines: Mapping[ItemKey, Sequence[LineFact]]
) -> RemovedItem:
    """Limit the end to the next new periods of all items.

    The items of the same subscription. A granted trial begins periods of the items still there, a
    change of the interval credits those of the old one.
    """
    last = item.versions[-1]
    anew = [
        at
        for other, other_lines in lines.items()
        if other != key
        for at in (*_list_new_periods(other_lines, last), *_list_rebases(other_lines, last, lines))
        if item.alive_at < at < item.latest
    ]
    return replace(item, latest=min(anew)) if anew else item


def _is_beside(line: LineFact, item: ItemFact) -> bool:
    """Return whether a line shares an item's subscription and interval."""
    same_interval = (line.interval, line.interval_count) == (item.interval, item.interval_count)
    return same_interval and (line.source, line.subscription_source_id) == item.subscription


def _list_new_periods(lines: Sequence[LineFact], beside: ItemFact) -> Iterator[datetime]:
    """Yield later period starts of the subscription's items.

    With the same interval.
    """
    starts = [
        line.period_start
        for line in lines
        if _is_beside(line, beside) and line.period_start is not None and not line.is_proration
    ]
    first = min((x.period_start for x in lines if x.period_start is not None), default=None)
    yield from (at for at in starts if first is not None and at > first)


def _list_rebases(
    lines: Sequence[LineFact], beside: ItemFact, all_lines: Mapping[ItemKey, Sequence[LineFact]]
) -> Iterator[datetime]:
    """Yield when an item was credited as another interval began.

    An item of the same interval.
    """
    credited = {x.period_start for x in lines if x.is_proration and x.amount < 0}
    credited &= {x.period_start for x in lines if _is_beside(x, beside)}
    if not credited:
        return
    for line in (line for own in all_lines.values() for line in own):
        owner = (line.source, line.subscription_source_id)
        is_other = owner == beside.subscription and not _is_beside(line, beside)
        begins = line.period_start in credited and not line.is_proration
        if is_other and begins and line.interval and line.period_start is not None:
            yield line.period_start


def _build_removed_item(
    evidence: _ItemEvidence, chain: VersionChain, reported: ReportedChanges, sightings: Sightings
) -> RemovedItem:
    """Build the known bounds of a removed item's end."""
    stated, observed = evidence.stated, evidence.observed
    alive = [s.at for s in observed if not s.before] + [v.valid_from for v in stated]
    alive += [v.first_seen_at for v in stated if v.first_seen_at is not None]
    alive += sightings.list_sightings(stated)
    last, paid = (
        max(alive, default=chain[0].valid_from),
        max((s.until for s in observed), default=None),
    )
    missed = stated[-1].valid_to if stated else sightings.find_next(chain[0].subscription, last)
    bounds = [at for at in (missed, paid) if at is not None]
    latest = min((at for at in bounds if at > last), default=max(bounds, default=last))
    removed = reported.removed.get(evidence.key)
    if removed is not None and any(s.at > removed for s in observed if not s.before):
        removed = None  # it was billed after that: a later change was not told
    return RemovedItem(
        chain,
        last,
        latest,
        find_removal_time(evidence.lines, None) or removed,
        reported.unnamed.get(chain[0].subscription, ()),
    )
