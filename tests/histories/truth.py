"""What a subscription really came to per month, step by step, and who can know when it changed.

Nothing here is taken from the code under test. What is right: an item counts at its price from the
instant at which it is agreed; nothing counts on its first trial, while collection is paused and
after the end; a discount counts for the time that was charged with it (`simulated.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """An item's monthly price, and on a long interval when it was charged last."""

    monthly: Fraction
    charged_at: datetime | None = None


@dataclass
class Lifetime:
    """How long a discount ran, and what shows that it did.

    It takes something off an item on a long interval if it ran when that item was charged.
    """

    cut: Cut
    start: datetime
    end: datetime = NEVER
    left: datetime = NEVER
    named: list[datetime] = field(default_factory=list)


Leavings = Mapping[str, datetime]
"""Discount → when it is taken to have left."""


def kept(cuts: Iterable[Cut]) -> Fraction:
    """The share of a price that percentages leave of it."""
    shares = (1 - Fraction(cut.percent or 0, 100) for cut in cuts)
    return prod(shares, start=Fraction(1))


def value(parts: Parts, running: Mapping[str, Sequence[Cut]]) -> Fraction:
    """What a subscription of these parts comes to per month; `running`: what is off each item."""
    if not parts.get(("serves", "")) or parts.get(("paused", "")):
        return Fraction(0)
    general = [part for (kind, _), part in parts.items() if kind == "cut" and part]
    nets: dict[str, Fraction] = {}
    fixed: dict[Cut, list[str]] = {}
    for (kind, id_), part in parts.items():
        if kind == "item" and part:
            cuts = [*running[id_], *(cut for cut in general if cut.item in (None, id_))]
            nets[id_] = part.monthly * kept(cuts)
            for cut in cuts:
                fixed.setdefault(cut, []).append(id_)
    for cut, ids in fixed.items():
        _take_off(nets, ids, (cut.amount or 0) * parts["rhythm", ""])
    return sum(nets.values(), Fraction(0))


def _take_off(nets: dict[str, Fraction], ids: Sequence[str], amount: Fraction) -> None:
    """Take an amount off the items that were charged with it, at most all that they come to."""
    total = sum((nets[id_] for id_ in ids), Fraction(0))
    left = max(Fraction(0), 1 - amount / total) if total else Fraction(0)
    for id_ in ids:
        nets[id_] *= left


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
    prorated: bool = False
    instead: Sequence["Step"] = ()


@dataclass(frozen=True)
class Observer:
    """Somebody who looked at Stripe at these instants and keeps what was seen."""

    looks: Sequence[datetime]

    def is_told(self, at: datetime) -> bool:
        """Whether an event told of it: the look before was recent enough to follow the feed."""
        for before, look in zip(self.looks, self.looks[1:], strict=False):
            if before < at <= look:
                return look - before < FEED
        return False

    def dates(self, step: Step) -> bool:
        """Whether the instant can be known."""
        return self.is_told(step.at) or any(
            first <= look < last for look in self.looks for first, last in step.dated
        )

    def bounds(self, step: Step) -> tuple[datetime, datetime]:
        """Within which it can be said to have happened."""
        earlier = [look for look in self.looks if look < step.at]
        later = [look for look in self.looks if look >= step.at]
        return max([step.after, *earlier[-1:]]), min([step.before, *later[:1]])

    def knows(self, lifetime: Lifetime) -> bool:
        """Whether anything that it saw names the discount."""
        seen = any(lifetime.start <= look < lifetime.left for look in self.looks)
        return seen or bool(lifetime.named) or self.is_told(lifetime.start)

    def leavings(
        self, lifetime: Lifetime, billed: Sequence[datetime], charged: set[datetime]
    ) -> set[datetime]:
        """When a discount can be said to have left, as far as that decides on a charge.

        After it was seen or billed last, and before it was found missing. Of what no one named it
        can also be said that it never was: it left as it began.
        """
        known = self.knows(lifetime)
        if known and (lifetime.left == lifetime.end or self.is_told(lifetime.left)):
            return {lifetime.left}
        observed = [look for look in self.looks if lifetime.start <= look < lifetime.left]
        last = max([lifetime.start, *observed, *lifetime.named])
        gone = [at for at in (*self.looks, *billed) if at >= lifetime.left]
        first = min([lifetime.end, *gone])
        actual = {lifetime.left, first} | {at for at in charged if last < at < first}
        return actual if known else actual | {lifetime.start}


@dataclass
class Curve:
    """The steps of one subscription, oldest first."""

    steps: list[Step] = field(default_factory=list)
    parts: Parts = field(default_factory=dict)
    lifetimes: list[Lifetime] = field(default_factory=list)
    billed: list[datetime] = field(default_factory=list)

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
        steps = [step for step in self.steps if step.at <= moment]
        return self._value(
            _newest(steps), {lifetime.cut.id: lifetime.left for lifetime in self.lifetimes}, {}
        )

    def sayable(self, moment: datetime, observer: Observer) -> dict[Fraction, str]:
        """What may be said of an instant, with the reason where it is not the truth.

        A step of which nothing shows when it was may have been taken or not, as long as the steps
        of each part keep their order. A discount of which nothing shows when it left may have run
        or not at a charge, as long as it left once and no proration shows otherwise.
        """
        actual = {self.at(moment): ""}
        unsure = [s for s in self.steps if s.changes and self._unsure(s, moment, observer)]
        mistaken = self._mistaken(moment, observer)
        for taken in product((True, False), repeat=len(unsure)):
            turned = {id(s): yes for s, yes in zip(unsure, taken, strict=True)}
            steps = [s for s in self.steps if turned.get(id(s), s.at <= moment)]
            if _in_order(self.steps, steps):
                other = {s.cause for s in unsure if turned[id(s)] != (s.at <= moment)}
                newest = _newest(steps)
                for total in self._totals(newest, observer):
                    why = ", ".join(sorted(other)) or "coupon of a long interval"
                    actual.setdefault(total, "no trace of when: " + why)
                for total in self._totals({**newest, **mistaken}, observer) if mistaken else ():
                    actual.setdefault(total, "no trace of which item replaced it")
        return actual

    def _mistaken(self, moment: datetime, observer: Observer) -> "Newest":
        """What can be said to be gone already, as another new item may have replaced it."""
        actual: dict[tuple[str, str], Step] = {}
        for step in self.steps:
            others = [other.at for other in step.instead if not (step.prorated or other.prorated)]
            since = min(others, default=NEVER)
            if not since <= moment < step.at or observer.is_told(step.at):
                continue
            if not any(since <= look < step.at for look in observer.looks):
                actual |= {
                    key: Step(since, {key: None}, step.cause)
                    for key, part in step.changes.items() if part is None
                }  # fmt: skip
        return actual

    def _totals(self, newest: "Newest", observer: Observer) -> Iterator[Fraction]:
        """Each value that the charges and leavings come to that nothing forbids."""
        charges = {
            key[1]: (step, self._instants(step, observer))
            for key, step in newest.items()
            if key[0] == "item" and step.changes[key] and step.changes[key].charged_at
        }
        instants = {at for _, some in charges.values() for at in some}
        actual = {lifetime.cut.id: lifetime.left for lifetime in self.lifetimes}
        every = [sorted(observer.leavings(i, self.billed, instants)) for i in self.lifetimes]
        for left in product(*every):
            leavings = dict(zip(actual, left, strict=True))
            for at in product(*(some for _, some in charges.values())):
                times = dict(zip(charges, at, strict=True))
                if not self._forbidden(charges, leavings, times, observer):
                    yield self._value(newest, leavings, times)

    def _instants(self, step: Step, observer: Observer) -> list[datetime]:
        """When an item can be said to have been charged for a step."""
        if step.at in self.billed or observer.dates(step):
            return [step.at]
        return sorted({step.at, *observer.bounds(step)})

    def _forbidden(
        self, charges: Mapping[str, tuple[Step, Any]], leavings: Leavings,
        times: Mapping[str, datetime], observer: Observer,
    ) -> bool:  # fmt: skip
        """Whether the amount of a proration shows that a percentage ran then, or did not."""
        for lifetime in self.lifetimes:
            left = leavings[lifetime.cut.id]
            if lifetime.cut.percent is None or (
                left == lifetime.start and not observer.knows(lifetime)
            ):
                continue
            for item, (step, _) in charges.items():
                if step.prorated and lifetime.cut.item in (None, item):
                    ran = lifetime.start <= step.at < lifetime.left
                    if ran != (lifetime.start <= times[item] < left):
                        return True
        return False

    def _value(
        self, newest: "Newest", leavings: Leavings, times: Mapping[str, datetime]
    ) -> Fraction:
        parts = {key: step.changes[key] for key, step in newest.items()}
        running: dict[str, list[Cut]] = {}
        for (kind, id_), part in parts.items():
            if kind == "item" and part:
                at = part.charged_at and times.get(id_, part.charged_at)
                running[id_] = [
                    lifetime.cut for lifetime in self.lifetimes
                    if at and lifetime.cut.item in (None, id_)
                    and lifetime.start <= at < leavings[lifetime.cut.id]
                ]  # fmt: skip
        return value(parts, running)

    def _unsure(self, step: Step, moment: datetime, observer: Observer) -> bool:
        if observer.dates(step):
            return False
        after, before = observer.bounds(step)
        return after <= moment < step.at or step.at <= moment < before


Newest = Mapping[tuple[str, str], Step]
"""Each part → the last step that changed it."""


def _newest(steps: Iterable[Step]) -> Newest:
    return {key: step for step in steps for key in step.changes}


def _in_order(every: Sequence[Step], taken: Sequence[Step]) -> bool:
    """Whether no step was taken before another one of the same part."""
    missed: set[tuple[str, str]] = set()
    places = {id(step) for step in taken}
    for step in every:
        if id(step) not in places:
            missed |= step.changes.keys()
        elif not missed.isdisjoint(step.changes):
            return False
    return True
