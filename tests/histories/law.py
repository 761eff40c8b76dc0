"""The law: a fresh database and one synced step by step say the same, and it is the truth.

Where Stripe no longer shows when something changed, what was before it or what came after it may
be said, part by part, unless something that it shows forbids it (`truth.Curve`). Nothing else may
differ.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import product
from random import Random

from tests.histories.agreed import Subscription
from tests.histories.drawing import END, START, describe, draw_history
from tests.histories.observing import RHYTHMS, Spans, draw_looks, month_ends, watch
from tests.histories.simulated import Act, Stripe
from tests.histories.truth import Observer

SWITCH = timedelta(days=1)
"""A subscription that follows another within it continues that one, by the default policy."""
AT_ONCE = 40
"""Histories of one world, which are synced together."""


@dataclass
class Tally:
    """How much was compared, and what differed."""

    histories: int = 0
    figures: int = 0
    untold: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """The tally for a terminal."""
        return [
            f"{'histories':<44}{self.histories:>9,}",
            f"{'figures compared with the truth':<44}{self.figures:>9,}",
            *(f"  {why:<42}{n:>9,}" for why, n in sorted(self.untold.items())),
            f"{'different':<44}{len(self.wrong):>9,}",
        ]


@dataclass(frozen=True)
class Saying:
    """What one observer says of every account at every month's end."""

    name: str
    observer: Observer
    stripe: Stripe
    spans: Spans

    def calculate_mrr(self, account: str, at: datetime) -> int:
        """Minor units per month."""
        return sum(
            span.amount
            for span in self.spans.get(account, ())
            if span.valid_from <= at and (span.valid_to is None or at < span.valid_to)
        )

    def sayable(self, account: str, at: datetime) -> dict[int, str]:
        """What may be said: the truth without a reason, anything else with one."""
        own = [s for s in self.stripe.subscriptions.values() if s.customer == account]
        at = _before_switch(own, at)
        actual: dict[int, str] = {}
        for some in product(*(s.curve.sayable(at, self.observer).items() for s in own)):
            why = "; ".join(sorted({reason for _, reason in some if reason}))
            amount = round(sum((value for value, _ in some), Fraction(0)))
            if amount not in actual or not why:
                actual[amount] = why
        return actual


def try_law(seed: str, kinds: Collection[str], tally: Tally, histories: int = AT_ONCE) -> None:
    """One world of so many histories, watched by a fresh database and by one synced all along."""
    rng = Random(seed)
    names = [f"acct{n:03}" for n in range(histories)]
    acts = {name: draw_history(Random(f"{seed} {name}"), name, kinds) for name in names}
    everything = sorted((a for some in acts.values() for a in some), key=lambda act: act.at)
    until = END if rng.random() < 0.5 else _some_day(rng)
    after = until + timedelta(minutes=1)  # what is seen now, every observer knows
    tally.histories += histories
    for looks, name in ((None, "fresh"), (rng.choice(sorted(RHYTHMS)), "step by step")):
        at = [until] if looks is None else draw_looks(rng, looks, until)
        stripe, spans = watch(everything, at)
        saying = Saying(f"{name} {looks or ''}", Observer(at), stripe, spans)
        for account in names:
            _compare(saying, account, [*month_ends(until), after], acts[account], tally, seed)


def _before_switch(own: Sequence[Subscription], at: datetime) -> datetime:
    """The instant before a subscription ended where another followed within a day: no churn."""
    for sub in own:
        follows = [s.start for s in own if sub.ended_at and sub.ended_at <= s.start]
        start = min(follows, default=None)
        if start and sub.ended_at and sub.ended_at <= at < start <= sub.ended_at + SWITCH:
            return sub.ended_at - timedelta.resolution
    return at


def _some_day(rng: Random) -> datetime:
    return START + timedelta(days=rng.randrange(500, (END - START).days), hours=rng.randrange(24))


def _compare(
    saying: Saying, account: str, ends: Sequence[datetime], acts: list[Act], tally: Tally, seed: str
) -> None:
    wrong = []
    own = [s for s in saying.stripe.subscriptions.values() if s.customer == account]
    soon = [s.resumes_at for s in own if s.resumes_at is not None]
    for at in ends:
        if any(at < resumed and at.date() == resumed.date() for resumed in soon):
            continue  # what changes and changes back on one day is no change, by the policy
        text, sayable = saying.calculate_mrr(account, at), saying.sayable(account, at)
        tally.figures += 1
        if text not in sayable:
            wrong.append(f"{at:%Y-%m-%d %H:%M}: {text} instead of {_told(sayable)}")
        elif sayable[text]:
            tally.untold[sayable[text]] += 1
    if wrong:
        report = [f"seed {seed!r} {account} {saying.name}", describe(acts), *wrong]
        report.append(f"looks {[f'{look:%Y-%m-%d %H:%M}' for look in saying.observer.looks[-40:]]}")
        tally.wrong += ["\n".join(report)] * len(wrong)
        tally.kinds[account] += len(wrong)


def _told(sayable: dict[int, str]) -> str:
    return " or ".join(f"{n} ({why})" if why else str(n) for n, why in sayable.items())
