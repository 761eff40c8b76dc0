"""When an item ended that its subscription no longer shows: when it was replaced, never later."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cs_sync.metrics.mrr.facts import ItemFact

ONE_MOMENT = timedelta(minutes=1)
"""Within it an item that goes and one that comes belong to one replacement."""


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


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An item by its first version; `additional` if it is known to have replaced nothing unsaid.

    A proration that charges for it credits what it replaced, and so does a change that is told.
    Of one that is gone itself, `until` is the last that is known of it.
    """

    version: ItemFact
    additional: bool
    until: datetime | None = None

    @property
    def since(self) -> datetime:
        """When it came."""
        return self.version.valid_from


def replaced_at(gone: Vanished, others: Sequence[Newcomer]) -> datetime:
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
        return _successor(gone, sorted(successors, key=lambda one: one.since)).since
    changed = [at for at in gone.unnamed if gone.alive_at < at <= gone.latest]
    return max(changed, default=gone.latest)


def _successor(gone: Vanished, successors: Sequence[Newcomer]) -> Newcomer:
    """The first of the same product, if those before it were extras: they outlived its start."""
    for number, one in enumerate(successors):
        if one.version.product == gone.versions[-1].product:
            lasted = all(e.until is None or e.until >= one.since for e in successors[:number])
            return one if lasted else successors[0]
    return successors[0]


def ended(versions: Sequence[ItemFact], end: datetime) -> list[ItemFact]:
    """What is left of versions that all ended by then."""
    kept = [v for v in versions if v.valid_from < end]
    return [
        v if v.valid_to is not None and v.valid_to <= end else replace(v, valid_to=end)
        for v in kept
    ]
