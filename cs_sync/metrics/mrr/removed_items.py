"""The end of an item removed from its subscription: its replacement at the latest."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import ItemFact, LineFact
from cs_sync.metrics.mrr.observations import ItemKey

REPLACEMENT_TOLERANCE = timedelta(minutes=1)
"""Within it an item that goes and one that comes belong to one replacement."""
Pair = frozenset[str | None]


class RemovedItem(Struct, frozen=True):
    """A removed item: last proven at `alive_at`, gone at `latest`, or at `reported_at` if known.

    `unnamed` are the instants of a change of an unnamed item of its subscription.
    """

    versions: Sequence[ItemFact]
    alive_at: datetime
    latest: datetime
    reported_at: datetime | None
    unnamed: Sequence[datetime]

    @property
    def known_until(self) -> datetime:
        """The first instant at which it may have been gone."""
        return self.reported_at or self.alive_at + timedelta.resolution


class NewItem(Struct, frozen=True):
    """An item by its first version; `additional` if it replaced nothing without a known end.

    A proration charge for it credits the replaced item, and so does a reported change.
    """

    version: ItemFact
    additional: bool = False
    until: datetime | None = None
    hinted: bool = False
    beside: bool = False

    @property
    def since(self) -> datetime:
        """When it came, or when it went if only that is known."""
        return self.version.valid_from


def end_replaced(
    chains: Mapping[ItemKey, Sequence[ItemFact]],
    removed: Mapping[ItemKey, RemovedItem],
    hinted: Mapping[ItemKey, ItemFact],
    lines: Mapping[ItemKey, Sequence[LineFact]],
) -> Iterator[Sequence[ItemFact]]:
    """Yield each item's versions, up to its replacement if replaced."""
    shown = {key: chain[0] for key, chain in chains.items() if chain}
    heirs = {
        key: _came_as_went(first_version, shown.values()) for key, first_version in hinted.items()
    }
    first = shown | {key: first_version for key, first_version in hinted.items() if heirs[key]}
    ends = [
        (g.versions[0].subscription, g.reported_at)
        for g in removed.values()
        if g.reported_at is not None
    ]
    hidden = [
        find_removal_time(lines.get(key, ()), None) for key, chain in chains.items() if not chain
    ]
    together = _find_concurrent_products(chains, removed)
    for key, chain in chains.items():
        if key not in removed:
            yield chain
            continue
        owner = chain[0].subscription
        reported = [at for whose, at in ends if whose == owner]
        others = [
            NewItem(
                first_version,
                k not in heirs
                and _is_additional(first_version.valid_from, reported, hidden, lines.get(k, ())),
                _get_last_known(removed.get(k), first_version)
                if k in removed or k in heirs
                else None,
                k in heirs,
                any(
                    frozenset((of, chain[-1].product)) in together
                    for of in (first_version.product, *heirs.get(k, ()))
                ),
            )
            for k, first_version in first.items()
            if k != key and first_version.subscription == owner
        ]
        yield _end_versions(chain, _find_replacement_time(removed[key], others))


def _get_last_known(removed: RemovedItem | None, first: ItemFact) -> datetime:
    """Return a removed item's last known instant, else its first start."""
    return first.valid_from if removed is None else removed.reported_at or removed.alive_at


def _came_as_went(removed: ItemFact, shown: Collection[ItemFact]) -> list[str | None]:
    """Return the products of items that came as one went.

    Only that is known of it. Without any it was an extra: it took no other's place.
    """
    others = (other for other in shown if other.subscription == removed.subscription)
    return [other.product for other in others if _is_near(other.valid_from, [removed.valid_from])]


def _find_concurrent_products(
    chains: Mapping[ItemKey, Sequence[ItemFact]], removed: Mapping[ItemKey, RemovedItem]
) -> Collection[Pair]:
    """Find the pairs of products that one subscription had together.

    At the same time.
    """
    versions: list[ItemFact] = []
    for key, chain in chains.items():
        until = removed[key].known_until if key in removed else None
        versions += chain if until is None else _end_versions(chain, until)
    return {
        frozenset((left.product, right.product))
        for left, right in combinations(versions, 2)
        if left.subscription == right.subscription
        and left.product != right.product
        and (right.valid_to is None or left.valid_from < right.valid_to)
        and (left.valid_to is None or right.valid_from < left.valid_to)
    }


def _is_additional(
    start: datetime,
    reported: Sequence[datetime],
    hidden: Sequence[datetime | None],
    lines: Sequence[LineFact],
) -> bool:
    """Return whether an item cannot have replaced one without a reported end.

    A proration that charges for a replacement also credits the replaced item. It may credit an
    item of which nothing else is known; that item was then the successor itself.
    """
    credited = {x.period_start for x in lines if x.is_proration and x.amount < 0}
    # A charge that comes with a credit of the same item changed it: it was there before.
    charged = [
        x.period_start
        for x in lines
        if x.is_proration and x.amount > 0 and x.period_start not in credited
    ]
    return _is_near(start, [*charged, *reported]) and not _is_near(start, hidden)


def _is_near(at: datetime, others: Sequence[datetime | None]) -> bool:
    return any(other is not None and abs(other - at) <= REPLACEMENT_TOLERANCE for other in others)


def _find_replacement_time(removed: RemovedItem, others: Sequence[NewItem]) -> datetime:
    """Return a removed item's end: reported, else successor's start, else latest."""
    starts = [other.since for other in others]
    if removed.reported_at is not None:
        return min(
            (at for at in starts if abs(at - removed.reported_at) <= REPLACEMENT_TOLERANCE),
            default=removed.reported_at,
        )
    successors = [
        other
        for other in others
        if removed.alive_at < other.since <= removed.latest and not other.additional
    ]
    if successors:
        return _choose_successor(removed, successors).since
    changed = [at for at in removed.unnamed if removed.alive_at < at <= removed.latest]
    return max(changed, default=removed.latest)


def _choose_successor(removed: RemovedItem, successors: Sequence[NewItem]) -> NewItem:
    """Choose the successor of a removed item.

    It is the first item of the same product, if the earlier ones were additions. Additions outlive
    its start. An item that stood beside the removed one before is an addition too, unless nothing
    else began; one that is only hinted at may have begun before all others. Where no product
    decides, the only item with as many seats does: a plan that is swapped keeps them.
    """
    likely = [candidate for candidate in successors if not candidate.beside] or successors
    ordered = sorted(likely, key=lambda candidate: candidate.since)
    for number, candidate in enumerate(ordered):
        if candidate.hinted or candidate.version.product == removed.versions[-1].product:
            return candidate if _outlived(ordered[:number], candidate) else ordered[0]
    seats = removed.versions[-1].quantity
    equal = [candidate for candidate in ordered if candidate.version.quantity == seats]
    if len(equal) == 1 and _outlived(ordered[: ordered.index(equal[0])], equal[0]):
        return equal[0]
    return ordered[0]


def _outlived(earlier: Sequence[NewItem], candidate: NewItem) -> bool:
    """Return whether all earlier items were still there when a candidate began."""
    return all(other.until is None or other.until >= candidate.since for other in earlier)


def _end_versions(versions: Sequence[ItemFact], end: datetime) -> list[ItemFact]:
    """Return the versions before an instant, with none ending later."""
    remaining = [v for v in versions if v.valid_from < end]
    return [
        v if v.valid_to is not None and v.valid_to <= end else replace(v, valid_to=end)
        for v in remaining
    ]


def find_removal_time(lines: Sequence[LineFact], present: ItemFact | None) -> datetime | None:
    """Find when a missing item was removed.

    At its last credit without a charge.
    """
    if present is not None and present.valid_to is None:
        return None
    credits = [s.period_start for s in lines if s.is_proration and s.amount < 0]
    charges = {s.period_start for s in lines if s.amount >= 0}
    last = max((at for at in credits if at is not None and at not in charges), default=None)
    later = [at for at in charges if at is not None and last is not None and at > last]
    return None if later else last
