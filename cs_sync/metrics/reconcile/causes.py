"""Why a subscription's MRR and its invoices differ: the fewest facts that make them tie."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Literal

from cs_sync.metrics.mrr.facts import BillingFacts, SubscriptionFact
from cs_sync.metrics.mrr.movements import Movement, account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.reconcile.charges import DEMANDED, Charge, SubscriptionKey

Cause = Literal["coupon", "proration", "pause", "metered", "unpaid", "trial", "one_off", "unknown"]
_MOST = 3
"""How many facts may come together to explain one difference."""
_OWING = frozenset({"past_due", "unpaid", "incomplete", "incomplete_expired"})
_MOVED: dict[str, Cause] = {"discount": "coupon", "pause": "pause", "payment": "unpaid"}
"""Cause of a movement → why an invoice does not show it yet; of all others: proration."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one cause adds to MRR − invoiced, in minor units per month."""

    cause: Cause
    amount: Fraction


@dataclass(frozen=True)
class Unmatched:
    """A subscription just before `at`: its MRR, and the charges of its lines.

    Charges without a subscription are the account's one-off lines.
    """

    key: SubscriptionKey
    currency: str
    mrr: int
    charges: Sequence[Charge]
    at: datetime

    @cached_property
    def covering(self) -> list[Charge]:
        """Its licensed lines for this instant, of invoices of every status."""
        return [c for c in self.charges if c.billed.kind == "licensed" and c.billed.covers(self.at)]

    @cached_property
    def demanded(self) -> list[Charge]:
        """Those of invoices that ask for money."""
        return [c for c in self.covering if c.billed.status in DEMANDED]

    @property
    def difference(self) -> Fraction:
        """MRR less what is invoiced."""
        return self.mrr - sum((c.net for c in self.demanded), Fraction(0))

    @property
    def slack(self) -> Fraction:
        """What rounding alone can do."""
        return sum((c.rounding for c in self.covering), Fraction(1))


def explain(unmatched: Unmatched, facts: BillingFacts, policy: MrrPolicy) -> list[Part]:
    """Parts that sum to the difference, but for rounding; none where it ties."""
    difference, slack = unmatched.difference, unmatched.slack
    if abs(difference) <= slack:
        return []
    known = list(_candidates(unmatched, facts, policy))
    for size in range(1, _MOST + 1):
        for some in combinations(known, size):
            off = difference - sum((part.amount for part in some), Fraction(0))
            if abs(off) <= slack:
                return [replace(some[0], amount=some[0].amount + off), *some[1:]]
    return [Part(_likely(unmatched, _subscription(unmatched, facts), policy), difference)]


def _candidates(unmatched: Unmatched, facts: BillingFacts, policy: MrrPolicy) -> Iterator[Part]:
    """Everything that is known to part MRR from invoices, with the amount that it would explain."""
    own = _own(unmatched.key, facts)
    moved = [m for m in account_mrr(own, policy).movements if m.currency == unmatched.currency]
    subscription = _subscription(unmatched, facts)
    off = sum((c.discount for c in unmatched.demanded), Fraction(0))
    waived = sum((c.waived for c in unmatched.covering), Fraction(0))
    billed_later = [c for c in unmatched.covering if c.billed.status not in DEMANDED]
    late = {
        (i.source, i.source_id) for i in facts.invoices if i.paid_at and i.paid_at > unmatched.at
    }
    owed = [c for c in unmatched.demanded if _owed(c, late)]
    held = _held(subscription, moved, billed_later, unmatched.at)
    found = [
        Part("coupon", off),
        Part("trial", waived),
        Part("pause" if held else "unpaid", sum((c.net for c in billed_later), Fraction(0))),
        Part("unpaid", -sum((c.net for c in owed), Fraction(0))),
        *_uncharged(unmatched, subscription),
        *_moved(unmatched, moved),
        *_elsewhere(unmatched),
    ]
    yield from (part for part in found if part.amount)


def _owed(charge: Charge, late: Collection[tuple[str, str]]) -> bool:
    """Whether its invoice was not paid by then; `late` are those that were paid since."""
    line = charge.billed.line
    return charge.billed.status == "open" or (line.source, line.invoice_source_id) in late


def _moved(unmatched: Unmatched, moved: Sequence[Movement]) -> Iterator[Part]:
    """MRR moved within the service period: the invoices may still show an earlier state of it."""
    starts = [c.billed.line.period_start for c in unmatched.demanded]
    since = min((at for at in starts if at is not None), default=None)
    steps = [m for m in moved if since is not None and since < m.at < unmatched.at]
    for index in range(len(steps)):
        later = steps[index:]
        weightiest = max(later, key=lambda m: m.amount)
        amount = Fraction(sum(_signed(m) for m in later))
        yield Part(_MOVED.get(weightiest.cause, "proration"), amount)


def _signed(movement: Movement) -> int:
    return -movement.amount if movement.kind in ("contraction", "churn") else movement.amount


def _uncharged(unmatched: Unmatched, subscription: SubscriptionFact | None) -> Iterator[Part]:
    """It counts, and no line bills it, because it is on trial, paused or in arrears."""
    if subscription is None or unmatched.covering:
        return
    whole = Fraction(unmatched.mrr)
    if _on_trial(subscription, unmatched.at):
        yield Part("trial", whole)
    elif subscription.collection_paused is not None or subscription.status == "paused":
        yield Part("pause", whole)
    elif subscription.status in _OWING:
        yield Part("unpaid", whole)


def _elsewhere(unmatched: Unmatched) -> Iterator[Part]:
    """What it counts for is billed by lines for usage, or by lines that do not recur."""
    for charge in unmatched.charges:
        if charge.billed.status in DEMANDED and charge.billed.kind == "one_off":
            yield Part("one_off", charge.net)
    usage = [c for c in unmatched.charges if c.billed.kind == "metered"]
    yield Part("metered", sum((c.net for c in usage if c.billed.covers(unmatched.at)), Fraction(0)))


def _held(
    subscription: SubscriptionFact | None,
    moved: Sequence[Movement],
    lines: Sequence[Charge],
    at: datetime,
) -> bool:
    """Whether lines that ask for nothing do so because collection is or was paused."""
    starts = [c.billed.line.period_start for c in lines if c.billed.line.period_start]
    since = min(starts, default=at)
    paused = subscription is not None and (
        subscription.collection_paused is not None or subscription.status == "paused"
    )
    return paused or any(m.cause == "pause" and since <= m.at for m in moved)


def _likely(
    unmatched: Unmatched, subscription: SubscriptionFact | None, policy: MrrPolicy
) -> Cause:
    """The cause where no amounts fit, but a fact alone is reason enough."""
    difference = unmatched.difference
    off = sum((c.discount for c in unmatched.demanded), Fraction(0))
    if subscription is not None and _on_trial(subscription, unmatched.at):
        return "trial"
    if 0 < difference <= off + unmatched.slack:
        return "coupon"
    prorated = [c for c in unmatched.demanded if c.billed.line.is_proration]
    if prorated and (policy.proration == "invoiced" or abs(difference) <= _of_a_day(prorated)):
        return "proration"
    return "unknown"


def _of_a_day(prorated: Sequence[Charge]) -> Fraction:
    """What a day more or less would make of prorations: not every biller counts by the second."""
    total = Fraction(0)
    for charge in prorated:
        start, end = charge.billed.line.period_start, charge.billed.line.period_end
        if start is not None and end is not None and end > start:
            seconds = max((end - start) // timedelta(seconds=1), 1)
            total += abs(charge.net) * 86_400 / seconds
    return total


def _on_trial(subscription: SubscriptionFact, at: datetime) -> bool:
    ends = subscription.trial_end
    return ends is not None and (subscription.trial_start or subscription.started_at) < at <= ends


def _subscription(unmatched: Unmatched, facts: BillingFacts) -> SubscriptionFact | None:
    return next((s for s in facts.subscriptions if s.key == unmatched.key), None)


def _own(key: SubscriptionKey, facts: BillingFacts) -> BillingFacts:
    """The facts of one subscription, and the discounts of its account."""
    source, source_id = key

    def mine(named: str | None, where: str) -> bool:
        return (where, named) == (source, source_id)

    return replace(
        facts,
        subscriptions=tuple(s for s in facts.subscriptions if s.key == key),
        items=tuple(i for i in facts.items if i.subscription == key),
        invoices=tuple(i for i in facts.invoices if mine(i.subscription_source_id, i.source)),
        lines=tuple(i for i in facts.lines if mine(i.subscription_source_id, i.source)),
    )
