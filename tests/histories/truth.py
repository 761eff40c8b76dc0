"""What a subscription really came to per month, step by step, and who can know when it changed.

Nothing here is taken from the code under test. What is right: an item counts at its price from the
instant at which it is agreed; nothing counts on its first trial, while collection is paused and
after the end; a discount counts for the time that was charged with it (`simulated.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
FEED = timedelta(days=26)
"""After a longer gap events are gone or about to go, and everything is read again without them."""


Parts = dict[tuple[str, str], Any]
"""What a subscription consists of: kind and id of each part → what it is, None once it is gone."""


@dataclass(frozen=True)
class Cut:
    """What a discount takes off: percent, or minor units of every invoice; `item` if of one."""

    id: str
    item: str | None
    percent: int | None
    amount: int | None


@dataclass(frozen=True)
class Counted:
    """An item's monthly price, and what was off it when it was charged last."""

    monthly: Fraction
    cuts: tuple[Cut, ...] = ()


def kept(cuts: Iterable[Cut]) -> Fraction:
    """The share of a price that percentages leave of it."""
    shares = (1 - Fraction(cut.percent or 0, 100) for cut in cuts)
    return prod(shares, start=Fraction(1))


def value(parts: Mapping[tuple[str, str], Any]) -> Fraction:
    """What a subscription of these parts comes to per month."""
    if not parts.get(("serves", "")) or parts.get(("paused", "")):
        return Fraction(0)
    general = [part for (kind, _), part in parts.items() if kind == "cut" and part]
    total = Fraction(0)
    fixed: dict[str, int] = {}
    for (kind, id_), part in parts.items():
        if kind == "item" and part:
            cuts = [*part.cuts, *(cut for cut in general if cut.item in (None, id_))]
            total += part.monthly * kept(cuts)
            fixed |= {cut.id: cut.amount for cut in cuts if cut.amount}
    rhythm: Fraction = parts["rhythm", ""]
    return max(Fraction(0), total - sum(fixed.values()) * rhythm)


@dataclass
class Step:
    """From `at` on some parts were what `changes` says.

    `dated`: from when until when Stripe's objects, invoices included, show this very instant.
    Elsewhere only an event does, for a month. Who sees neither can only say that it changed after
    `after` (what was invoiced last before it) and no later than `before` (what was, next).
    """

    at: datetime
    changes: Parts
    cause: str
    dated: list[tuple[datetime, datetime]] = field(default_factory=list)
    after: datetime = NEVER
    before: datetime = NEVER


@dataclass(frozen=True)
class Observer:
    """Somebody who looked at Stripe at these instants and keeps what was seen."""

    looks: Sequence[datetime]

    def told(self, step: Step) -> bool:
        """Whether an event told of it: the look before was recent enough to follow the feed."""
        for before, look in zip(self.looks, self.looks[1:], strict=False):
            if before < step.at <= look:
                return look - before < FEED
        return False

    def dates(self, step: Step) -> bool:
        """Whether the instant can be known."""
        return self.told(step) or any(
            first <= look < last for look in self.looks for first, last in step.dated
        )

    def bounds(self, step: Step) -> tuple[datetime, datetime]:
        """Within which it can be said to have happened."""
        earlier = [look for look in self.looks if look < step.at]
        later = [look for look in self.looks if look >= step.at]
        return max([step.after, *earlier[-1:]]), min([step.before, *later[:1]])


@dataclass
class Curve:
    """The steps of one subscription, oldest first."""

    steps: list[Step] = field(default_factory=list)
    parts: Parts = field(default_factory=dict)

    def note(
        self, at: datetime, parts: Parts, cause: str, dated: list[tuple[datetime, datetime]]
    ) -> Step:
        """Add a step to what it consists of now."""
        gone: Parts = dict.fromkeys(self.parts.keys() - parts.keys())
        now = {key: part for key, part in parts.items() if self.parts.get(key) != part}
        self.parts = parts
        self.steps.append(Step(at, now | gone, cause, dated))
        return self.steps[-1]

    def at(self, moment: datetime) -> Fraction:
        """What was true."""
        return _after(step for step in self.steps if step.at <= moment)

    def sayable(self, moment: datetime, observer: Observer) -> dict[Fraction, str]:
        """What may be said of an instant, with the reason where it is not the truth.

        A step of which nothing shows when it was may have been taken or not, as long as the steps
        of each part keep their order.
        """
        found = {self.at(moment): ""}
        unsure = [s for s in self.steps if s.changes and self._unsure(s, moment, observer)]
        for taken in product((True, False), repeat=len(unsure)):
            turned = {id(s): yes for s, yes in zip(unsure, taken, strict=True)}
            steps = [s for s in self.steps if turned.get(id(s), s.at <= moment)]
            if _in_order(self.steps, steps):
                other = {s.cause for s in unsure if turned[id(s)] != (s.at <= moment)}
                why = "no trace of when: " + ", ".join(sorted(other))
                found.setdefault(_after(steps), why)
        return found

    def _unsure(self, step: Step, moment: datetime, observer: Observer) -> bool:
        if observer.dates(step):
            return False
        after, before = observer.bounds(step)
        return after <= moment < step.at or step.at <= moment < before


def _after(steps: Iterable[Step]) -> Fraction:
    parts: Parts = {}
    for step in steps:
        parts |= step.changes
    return value(parts)


def _in_order(every: Sequence[Step], taken: Sequence[Step]) -> bool:
    """Whether no step was taken before another one of the same part."""
    missed: set[tuple[str, str]] = set()
    there = {id(step) for step in taken}
    for step in every:
        if id(step) not in there:
            missed |= step.changes.keys()
        elif not missed.isdisjoint(step.changes):
            return False
    return True
