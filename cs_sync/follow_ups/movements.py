"""Which changes of MRR are news: neither restatements of closed months nor corrections of the past.

The books take what is learnt late as a restatement; nobody is to be called because of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cs_sync.follow_ups.view import MovementFact

_GAINS = frozenset({"new", "reactivation", "expansion"})


class Belief(NamedTuple):
    """What the MRR of an instant was believed to be until something was learnt, and from then."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class KnownMovement:
    """One version of a movement: what was believed of it in `[known_from, known_to)`.

    `then` and `present` are the beliefs about its own instant and about the one at which it was
    learnt; None where nothing had been known of the account.
    """

    fact: MovementFact
    known_from: datetime
    known_to: datetime | None = None
    then: Belief | None = None
    present: Belief | None = None


@dataclass(frozen=True, slots=True)
class Looks:
    """When the sources were read, and which months are closed.

    `starts` are the beginnings of syncs; `closings` the end of each closed month → up to when was
    known what it was closed with.
    """

    starts: Sequence[datetime] = ()
    closings: Mapping[datetime, datetime] | None = None

    def is_hindsight(self, movement: KnownMovement) -> bool:
        """Whether the sources had been read after its instant, before it was learnt."""
        looks = sorted(start for start in self.starts if start < movement.known_from)
        return len(looks) > 1 and movement.fact.at <= looks[-2]

    def is_restatement(self, movement: KnownMovement) -> bool:
        """Whether its month had been closed without it."""
        closings = self.closings or {}
        closed = min((end for end in closings if end > movement.fact.at), default=None)
        return closed is not None and movement.known_from > closings[closed]


def real_movements(versions: Sequence[KnownMovement], looks: Looks) -> list[MovementFact]:
    """What one account's movements are news of, oldest first, at the instants first known."""
    found = []
    for version in versions:
        if version.known_to is None:
            first = _first_known(version, versions)
            if _is_news(first, looks):
                now = version.fact
                found.append(
                    MovementFact(
                        first.fact.at, now.kind, now.amount, now.currency, now.cause, now.reason
                    )
                )
    return sorted(found, key=lambda fact: (fact.at, fact.currency))


def _first_known(version: KnownMovement, versions: Iterable[KnownMovement]) -> KnownMovement:
    """What was first believed of a movement whose amount or instant was put right later.

    A version takes the place of one that was given up as it came, of the same kind, and at the
    same instant or, once that was past, of the same amount.
    """
    versions, first = list(versions), version
    while True:
        earlier = [
            one
            for one in versions
            if one.known_to == first.known_from
            and one.known_from < first.known_from
            and _same(one.fact, first.fact, first.known_from)
        ]
        if not earlier:
            return first
        at = first.fact.at
        first = min(earlier, key=lambda one: (abs(one.fact.at - at), one.fact.at))


def _same(one: MovementFact, other: MovementFact, learnt: datetime) -> bool:
    if (one.kind, one.currency) != (other.kind, other.currency):
        return False
    return one.at == other.at or (one.amount == other.amount and one.at <= learnt)


def _is_news(movement: KnownMovement, looks: Looks) -> bool:
    """Whether it happened since one last looked, or else changes what the account pays now."""
    if not looks.is_hindsight(movement) or movement.then is None or movement.present is None:
        return not looks.is_restatement(movement)
    gained = movement.fact.kind in _GAINS
    moved = all(
        belief.after > belief.before if gained else belief.after < belief.before
        for belief in (movement.then, movement.present)
    )
    return moved and not looks.is_restatement(movement)
