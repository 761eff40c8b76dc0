"""What a subscription really came to per month, step by step, and who can know when it changed.

Nothing here is taken from the code under test. What is right: an item counts at its price from the
instant at which it is agreed; nothing counts on its first trial, while collection is paused and
after the end; a discount counts for the time that was charged with it (`simulated.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
FEED = timedelta(days=26)
"""After a longer gap events are gone or about to go, and everything is read again without them."""


@dataclass
class Step:
    """From `at` on it was `value`.

    `dated`: from when until when Stripe's objects, invoices included, show this very instant.
    Elsewhere only an event does, for a month. Who sees neither can only say that it changed after
    `after` (what was invoiced last before it) and no later than `before` (what was, next).
    """

    at: datetime
    value: Fraction
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

    def note(self, step: Step) -> Step:
        """Add a step."""
        self.steps.append(step)
        return step

    def at(self, moment: datetime) -> Fraction:
        """What was true."""
        return max(((s.at, n, s.value) for n, s in enumerate(self.steps) if s.at <= moment),
                   default=(moment, 0, Fraction(0)))[2]  # fmt: skip

    def sayable(self, moment: datetime, observer: Observer) -> dict[Fraction, str]:
        """What may be said of an instant, with the reason where it is not the truth."""
        found = {self.at(moment): ""}
        for step, value in self._undated(moment, observer):
            found.setdefault(value, f"no trace of when: {step.cause}")
        return found

    def _undated(self, moment: datetime, observer: Observer) -> Iterator[tuple[Step, Fraction]]:
        previous = Fraction(0)
        for number, step in enumerate(self.steps):
            if not observer.dates(step):
                after, before = observer.bounds(step)
                known = [s.at for s in self.steps[number + 1 :] if observer.dates(s)]
                if step.at <= moment < min([before, *known]):
                    yield step, previous
                if after <= moment < step.at:
                    yield step, step.value
            previous = step.value
