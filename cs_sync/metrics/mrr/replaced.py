"""When an item ended that its subscription no longer shows: when it was replaced, never later."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations

from cs_sync.metrics.mrr.facts import ItemFact, LineFact
from cs_sync.metrics.mrr.sightings import ItemKey

ONE_MOMENT = timedelta(minutes=1)
"""Within it an item that goes and one that comes belong to one replacement."""
Pair = frozenset[str | None]


@dataclass(frozen=True, slots=True)
class Vanished:
    """An item that is gone: last proven at `alive_at`, gone at `latest`, at `told` if it is known.

    `unnamed` are the instants at which some item of its subscription changed.
    """

    versions: Sequence[ItemFact]
    alive_at: datetime
    latest: datetime
    told: datetime | None
    unnamed: Sequence[datetime]

    @property
    def known_until(self) -> datetime:
        """The first instant at which it may have been gone."""
        return self.told or self.alive_at + timedelta.resolution


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An item by its first version; `additional` if it is known to have replaced nothing unsaid.

    A proration that charges for it credits what it replaced, and so does a change that is told.
    Of one that is gone itself, `until` is the last that is known of it. Of one that is `hinted`
    only its end is known: it began at some time before. One that is `beside` is of a
    product that the account had together with that of the vanished item.
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
    gone: Mapping[ItemKey, Vanished],
    hinted: Mapping[ItemKey, ItemFact],
    lines: Mapping[ItemKey, Sequence[LineFact]],
) -> Iterator[Sequence[ItemFact]]:
    """The versions of each item, those of replaced ones up to when they were replaced."""
    shown = {key: chain[0] for key, chain in chains.items() if chain}
    heirs = {key: _came_as_went(one, shown.values()) for key, one in hinted.items()}
    first = shown | {key: one for key, one in hinted.items() if heirs[key]}
    ends = [(g.versions[0].subscription, g.told) for g in gone.values() if g.told is not None]
    hidden = [removed_at(lines.get(key, ()), None) for key, chain in chains.items() if not chain]
    together = _together(chains, gone)
    for key, chain in chains.items():
        if key not in gone:
            yield chain
            continue
        owner = chain[0].subscription
        told = [at for whose, at in ends if whose == owner]
        others = [
            Newcomer(
                one,
                k not in heirs and _is_additional(one.valid_from, told, hidden, lines.get(k, ())),
                _known_of(gone.get(k), one) if k in gone or k in heirs else None,
                k in heirs,
                any(
                    frozenset((of, chain[-1].product)) in together
                    for of in (one.product, *heirs.get(k, ()))
                ),
            )
            for k, one in first.items()
            if k != key and one.subscription == owner
        ]
        yield _ended(chain, _replaced_at(gone[key], others))


def _known_of(gone: Vanished | None, first: ItemFact) -> datetime:
    """The last that is known of an item that is gone; of some only that they went."""
    return first.valid_from if gone is None else gone.told or gone.alive_at


def _came_as_went(one: ItemFact, shown: Collection[ItemFact]) -> list[str | None]:
    """The products of items that came as one went of which only that is known.

    Without any it was an extra: it took no other's place.
    """
    mine = (other for other in shown if other.subscription == one.subscription)
    return [other.product for other in mine if _near(other.valid_from, [one.valid_from])]


def _together(
    chains: Mapping[ItemKey, Sequence[ItemFact]], gone: Mapping[ItemKey, Vanished]
) -> Collection[Pair]:
    """Pairs of products that two items of one subscription are known to have had at once."""
    known: list[ItemFact] = []
    for key, chain in chains.items():
        until = gone[key].known_until if key in gone else None
        known += chain if until is None else _ended(chain, until)
    return {
        frozenset((one.product, other.product))
        for one, other in combinations(known, 2)
        if one.subscription == other.subscription
        and one.product != other.product
        and (other.valid_to is None or one.valid_from < other.valid_to)
        and (one.valid_to is None or other.valid_from < one.valid_to)
    }


def _is_additional(
    start: datetime,
    told: Sequence[datetime],
    hidden: Sequence[datetime | None],
    lines: Sequence[LineFact],
) -> bool:
    """Whether an item that began then took the place of none of which no end is told.

    A proration that charges for it would credit that one. It may credit one of which nothing
    else is shown, which was then the successor itself.
    """
    credited = {x.period_start for x in lines if x.is_proration and x.amount < 0}
    # A charge that comes with a credit of the same item changed it: it was there before.
    charged = [
        x.period_start
        for x in lines
        if x.is_proration and x.amount > 0 and x.period_start not in credited
    ]
    return _near(start, [*charged, *told]) and not _near(start, hidden)


def _near(at: datetime, others: Sequence[datetime | None]) -> bool:
    return any(other is not None and abs(other - at) <= ONE_MOMENT for other in others)


def _replaced_at(gone: Vanished, others: Sequence[Newcomer]) -> datetime:
    """The end of a vanished item: what is told, else its successor's start, else the latest."""
    starts = [other.since for other in others]
    if gone.told is not None:
        return min((at for at in starts if abs(at - gone.told) <= ONE_MOMENT), default=gone.told)
    successors = [
        other
        for other in others
        if gone.alive_at < other.since <= gone.latest and not other.additional
    ]
    if successors:
        return _successor(gone, successors).since
    changed = [at for at in gone.unnamed if gone.alive_at < at <= gone.latest]
    return max(changed, default=gone.latest)


def _successor(gone: Vanished, successors: Sequence[Newcomer]) -> Newcomer:
    """The first of the same product, or hinted, if those before it were extras: still there then.

    What stood beside it before is an extra again, unless nothing else came.
    """
    likely = [one for one in successors if not one.beside] or successors
    ordered = sorted(likely, key=lambda one: one.since)
    for number, one in enumerate(ordered):
        if one.hinted or one.version.product == gone.versions[-1].product:
            lasted = all(e.until is None or e.until >= one.since for e in ordered[:number])
            return one if lasted else ordered[0]
    return ordered[0]


def _ended(versions: Sequence[ItemFact], end: datetime) -> list[ItemFact]:
    """What is left of versions that all ended by then."""
    kept = [v for v in versions if v.valid_from < end]
    return [
        v if v.valid_to is not None and v.valid_to <= end else replace(v, valid_to=end)
        for v in kept
    ]


def removed_at(lines: Sequence[LineFact], present: ItemFact | None) -> datetime | None:
    """When an item that is gone was taken off: the last credit that no charge answers."""
    if present is not None and present.valid_to is None:
        return None
    credits = [s.period_start for s in lines if s.is_proration and s.amount < 0]
    charges = {s.period_start for s in lines if s.amount >= 0}
    last = max((at for at in credits if at is not None and at not in charges), default=None)
    later = [at for at in charges if at is not None and last is not None and at > last]
    return None if later else last
