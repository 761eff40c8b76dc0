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


def replaced_at(gone: Vanished, others: Sequence[Sequence[ItemFact]]) -> datetime:
    """The end of a vanished item: what is told, else its successor's start, else the latest."""
    began = gone.versions[0].valid_from
    starts = [other[0] for other in others if other and other[0].valid_from > began]
    if gone.told is not None:
        near = [s.valid_from for s in starts if abs(s.valid_from - gone.told) <= ONE_MOMENT]
        return min(near, default=gone.told)
    successors = [s for s in starts if gone.alive_at < s.valid_from <= gone.latest]
    alike = [s for s in successors if s.product == gone.versions[-1].product]
    if successors:
        return min(s.valid_from for s in alike or successors)
    changed = [at for at in gone.unnamed if gone.alive_at < at <= gone.latest]
    return max(changed, default=gone.latest)


def ended(versions: Sequence[ItemFact], end: datetime) -> list[ItemFact]:
    """What is left of versions that all ended by then."""
    kept = [v for v in versions if v.valid_from < end]
    return [
        v if v.valid_to is not None and v.valid_to <= end else replace(v, valid_to=end)
        for v in kept
    ]
