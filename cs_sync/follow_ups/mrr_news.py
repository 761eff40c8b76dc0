"""New MRR movements, without restatements of closed months and past corrections.

Late knowledge enters the books as a restatement; it must not trigger a call.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from cs_sync.follow_ups.view import MovementFact

_GAINS = frozenset({"new", "reactivation", "expansion"})


class Belief(NamedTuple):
    """The MRR believed at an instant, before and after something was learnt."""

    before: int
    after: int


class KnownMovement(Struct, frozen=True):
    """One version of a movement: the belief about it in `[known_from, known_to)`.

    `then` and `present` are the beliefs about its own instant and the instant it was
    learnt; None for an account unknown until then.
    """

    fact: MovementFact
    known_from: datetime
    known_to: datetime | None = None
    then: Belief | None = None
    present: Belief | None = None


class SourceReads(Struct, frozen=True):
    """The times of source reads, and the closed months.

    `starts` are the start times of syncs, oldest first; `closings` maps the end of each
    closed month to the knowledge time of its closing.
    """

    starts: Sequence[datetime] = ()
    closings: Mapping[datetime, datetime] | None = None

    def is_hindsight(self, movement: KnownMovement) -> bool:
        """Return whether sources were read between a movement and its discovery."""
        looks = bisect_left(self.starts, movement.known_from)
        return looks > 1 and movement.fact.at <= self.starts[looks - 2]

    def is_restatement(self, movement: KnownMovement) -> bool:
        """Return whether the movement's month had been closed without it."""
        closings = self.closings or {}
        closed = min((end for end in closings if end > movement.fact.at), default=None)
        return closed is not None and movement.known_from > closings[closed]


def filter_real_movements(
    versions: Sequence[KnownMovement], looks: SourceReads
) -> list[MovementFact]:
    """Return the new movements of one account, at the instants first known.

    Args:
        versions: All versions of the account's movements.
        looks: The source reads and closed months.

    Returns:
        The movements, oldest first.
    """
    movements = []
    for version in versions:
        if version.known_to is None:
            first = _find_first_version(version, versions)
            if _is_news(first, looks):
                now = version.fact
                movements.append(
                    MovementFact(
                        first.fact.at, now.kind, now.amount, now.currency, now.cause, now.reason
                    )
                )
    return sorted(movements, key=lambda fact: (fact.at, fact.currency))


def _find_first_version(version: KnownMovement, versions: Iterable[KnownMovement]) -> KnownMovement:
    """Return the first version of a later corrected movement.

    A version replaces one that ended when it began, of the same kind, and of the same
    instant or, for a past instant, of the same amount.
    """
    versions, first = list(versions), version
    while True:
        earlier = [
            candidate
            for candidate in versions
            if candidate.known_to == first.known_from
            and candidate.known_from < first.known_from
            and _is_same_movement(candidate.fact, first.fact, first.known_from)
        ]
        if not earlier:
            return first
        at = first.fact.at
        first = min(earlier, key=lambda candidate: (abs(candidate.fact.at - at), candidate.fact.at))


def _is_same_movement(first: MovementFact, second: MovementFact, learnt: datetime) -> bool:
    if (first.kind, first.currency) != (second.kind, second.currency):
        return False
    return first.at == second.at or (first.amount == second.amount and first.at <= learnt)


def _is_news(movement: KnownMovement, looks: SourceReads) -> bool:
    """Return whether a movement is new or changes current MRR."""
    if not looks.is_hindsight(movement) or movement.then is None or movement.present is None:
        return not looks.is_restatement(movement)
    gained = movement.fact.kind in _GAINS
    moved = all(
        belief.after > belief.before if gained else belief.after < belief.before
        for belief in (movement.then, movement.present)
    )
    return moved and not looks.is_restatement(movement)
