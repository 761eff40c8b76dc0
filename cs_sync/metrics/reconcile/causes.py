"""Causes of a difference between MRR and invoices: the fewest facts that explain it."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import BillingFacts, SubscriptionFact
from cs_sync.metrics.mrr.movements import Movement, calculate_account_mrr
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.reconcile.charges import DEMANDED_STATUSES, MonthlyCharge, SubscriptionKey

Cause = Literal["coupon", "proration", "pause", "metered", "unpaid", "trial", "one_off", "unknown"]
_MAX_CAUSES = 3
"""How many facts may come together to explain one difference."""
_UNPAID_STATUSES = frozenset({"past_due", "unpaid", "incomplete", "incomplete_expired"})
_MOVEMENT_CAUSES: dict[str, Cause] = {"discount": "coupon", "pause": "pause", "payment": "unpaid"}
"""Cause of a movement → why an invoice does not show it yet; of all others: proration."""


class DifferencePart(Struct, frozen=True):
    """The part of one cause in MRR − invoiced, in minor units per month."""

    cause: Cause
    amount: Fraction


class SubscriptionBalance(Struct, frozen=True, dict=True):
    """A subscription just before `at`: its MRR, and the charges of its lines.

    Charges without a subscription are the account's one-off lines.
    """

    key: SubscriptionKey
    currency: str
    mrr: int
    charges: Sequence[MonthlyCharge]
    at: datetime

    @cached_property
    def covering_charges(self) -> list[MonthlyCharge]:
        """Its licensed lines for this instant, of invoices of every status."""
        return [c for c in self.charges if c.billed.kind == "licensed" and c.billed.covers(self.at)]

    @cached_property
    def demanded_charges(self) -> list[MonthlyCharge]:
        """Its licensed lines for this instant, of open and paid invoices."""
        return [c for c in self.covering_charges if c.billed.status in DEMANDED_STATUSES]

    @property
    def difference(self) -> Fraction:
        """The MRR minus the invoiced amount, in minor units per month."""
        return self.mrr - sum((c.net for c in self.demanded_charges), Fraction(0))

    @property
    def slack(self) -> Fraction:
        """The possible rounding difference, in minor units per month."""
        return sum((c.rounding for c in self.covering_charges), Fraction(1))


def explain_difference(
    unmatched: SubscriptionBalance, facts: BillingFacts, policy: MrrPolicy
) -> list[DifferencePart]:
    """Return the parts of the difference, up to rounding.

    Args:
        unmatched: The subscription with its charges.
        facts: The billing facts of its account.
        policy: The MRR policy.
    """
    difference, slack = unmatched.difference, unmatched.slack
    if abs(difference) <= slack:
        return []
    candidates = list(_list_candidates(unmatched, facts, policy))
    for size in range(1, _MAX_CAUSES + 1):
        for chosen in combinations(candidates, size):
            off = difference - sum((part.amount for part in chosen), Fraction(0))
            if abs(off) <= slack:
                return [replace(chosen[0], amount=chosen[0].amount + off), *chosen[1:]]
    return [
        DifferencePart(
            _choose_likely_cause(unmatched, _find_subscription(unmatched, facts), policy),
            difference,
        )
    ]


def _list_candidates(
    unmatched: SubscriptionBalance, facts: BillingFacts, policy: MrrPolicy
) -> Iterator[DifferencePart]:
    """Yield every known cause, with the amount it would explain."""
    own = _filter_facts(unmatched.key, facts)
    moved = [
        m for m in calculate_account_mrr(own, policy).movements if m.currency == unmatched.currency
    ]
    subscription = _find_subscription(unmatched, facts)
    off = sum((c.discount for c in unmatched.demanded_charges), Fraction(0))
    waived = sum((c.waived for c in unmatched.covering_charges), Fraction(0))
    billed_later = [
        c for c in unmatched.covering_charges if c.billed.status not in DEMANDED_STATUSES
    ]
    late = {
        (i.source, i.source_id) for i in facts.invoices if i.paid_at and i.paid_at > unmatched.at
    }
    owed = [c for c in unmatched.demanded_charges if _is_unpaid(c, late)]
    paused = _is_paused(subscription, moved, billed_later, unmatched.at)
    parts = [
        DifferencePart("coupon", off),
        DifferencePart("trial", waived),
        DifferencePart(
            "pause" if paused else "unpaid", sum((c.net for c in billed_later), Fraction(0))
        ),
        DifferencePart("unpaid", -sum((c.net for c in owed), Fraction(0))),
        *_explain_unbilled(unmatched, subscription),
        *_explain_movements(unmatched, moved),
        *_explain_other_lines(unmatched),
    ]
    yield from (part for part in parts if part.amount)


def _is_unpaid(charge: MonthlyCharge, late: Collection[tuple[str, str]]) -> bool:
    """Return whether its invoice was unpaid then.

    `late` are the invoices paid since.
    """
    line = charge.billed.line
    return charge.billed.status == "open" or (line.source, line.invoice_source_id) in late


def _explain_movements(
    unmatched: SubscriptionBalance, moved: Sequence[Movement]
) -> Iterator[DifferencePart]:
    """Yield MRR movements within the service period.

    The invoices may still reflect an earlier state.
    """
    starts = [c.billed.line.period_start for c in unmatched.demanded_charges]
    since = min((at for at in starts if at is not None), default=None)
    steps = [m for m in moved if since is not None and since < m.at < unmatched.at]
    for index in range(len(steps)):
        later = steps[index:]
        weightiest = max(later, key=lambda m: m.amount)
        amount = Fraction(sum(_sign_amount(m) for m in later))
        yield DifferencePart(_MOVEMENT_CAUSES.get(weightiest.cause, "proration"), amount)


def _sign_amount(movement: Movement) -> int:
    return -movement.amount if movement.kind in ("contraction", "churn") else movement.amount


def _explain_unbilled(
    unmatched: SubscriptionBalance, subscription: SubscriptionFact | None
) -> Iterator[DifferencePart]:
    """Yield the cause of MRR without a line: trial, pause or arrears."""
    if subscription is None or unmatched.covering_charges:
        return
    whole = Fraction(unmatched.mrr)
    if _is_on_trial(subscription, unmatched.at):
        yield DifferencePart("trial", whole)
    elif subscription.collection_paused is not None or subscription.status == "paused":
        yield DifferencePart("pause", whole)
    elif subscription.status in _UNPAID_STATUSES:
        yield DifferencePart("unpaid", whole)


def _explain_other_lines(unmatched: SubscriptionBalance) -> Iterator[DifferencePart]:
    """Yield the amounts billed by usage lines or non-recurring lines."""
    for charge in unmatched.charges:
        if charge.billed.status in DEMANDED_STATUSES and charge.billed.kind == "one_off":
            yield DifferencePart("one_off", charge.net)
    usage = [c for c in unmatched.charges if c.billed.kind == "metered"]
    yield DifferencePart(
        "metered", sum((c.net for c in usage if c.billed.covers(unmatched.at)), Fraction(0))
    )


def _is_paused(
    subscription: SubscriptionFact | None,
    moved: Sequence[Movement],
    lines: Sequence[MonthlyCharge],
    at: datetime,
) -> bool:
    """Return whether lines of no demand are due to a pause.

    A current or a past one.
    """
    starts = [c.billed.line.period_start for c in lines if c.billed.line.period_start]
    since = min(starts, default=at)
    paused = subscription is not None and (
        subscription.collection_paused is not None or subscription.status == "paused"
    )
    return paused or any(m.cause == "pause" and since <= m.at for m in moved)


def _choose_likely_cause(
    unmatched: SubscriptionBalance, subscription: SubscriptionFact | None, policy: MrrPolicy
) -> Cause:
    """Choose the cause if no amounts fit.

    One fact alone is reason enough.
    """
    difference = unmatched.difference
    off = sum((c.discount for c in unmatched.demanded_charges), Fraction(0))
    if subscription is not None and _is_on_trial(subscription, unmatched.at):
        return "trial"
    if 0 < difference <= off + unmatched.slack:
        return "coupon"
    prorated = [c for c in unmatched.demanded_charges if c.billed.line.is_proration]
    if prorated and (
        policy.proration == "invoiced" or abs(difference) <= _estimate_one_day(prorated)
    ):
        return "proration"
    return "unknown"


def _estimate_one_day(prorated: Sequence[MonthlyCharge]) -> Fraction:
    """Return the effect of one day on prorations."""
    total = Fraction(0)
    for charge in prorated:
        start, end = charge.billed.line.period_start, charge.billed.line.period_end
        if start is not None and end is not None and end > start:
            seconds = max((end - start) // timedelta(seconds=1), 1)
            total += abs(charge.net) * 86_400 / seconds
    return total


def _is_on_trial(subscription: SubscriptionFact, at: datetime) -> bool:
    ends = subscription.trial_end
    return ends is not None and (subscription.trial_start or subscription.started_at) < at <= ends


def _find_subscription(
    unmatched: SubscriptionBalance, facts: BillingFacts
) -> SubscriptionFact | None:
    return next((s for s in facts.subscriptions if s.key == unmatched.key), None)


def _filter_facts(key: SubscriptionKey, facts: BillingFacts) -> BillingFacts:
    """Return the facts of one subscription, and the discounts of its account."""
    source, source_id = key

    def is_own(named: str | None, where: str) -> bool:
        return (where, named) == (source, source_id)

    return replace(
        facts,
        subscriptions=tuple(s for s in facts.subscriptions if s.key == key),
        items=tuple(i for i in facts.items if i.subscription == key),
        invoices=tuple(i for i in facts.invoices if is_own(i.subscription_source_id, i.source)),
        lines=tuple(i for i in facts.lines if is_own(i.subscription_source_id, i.source)),
    )
