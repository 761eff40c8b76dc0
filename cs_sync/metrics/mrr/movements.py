"""Movements of one account's MRR at event grain: what kind, how much and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.spans import Charge, Span, State, Timeline, spans_of, timeline

Kind = Literal["new", "reactivation", "expansion", "contraction", "churn"]
Cause = Literal["start", "end", "plan", "item", "quantity", "price", "discount", "pause", "payment"]

ItemKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Movement:
    """One change: a positive magnitude in minor units per month."""

    currency: str
    at: datetime
    kind: Kind
    amount: int
    cause: Cause
    reason: str | None = None
    """Why, in the source's words, where it says: the reason of a cancellation."""


@dataclass(frozen=True, slots=True)
class AccountMrr:
    """Spans and movements of one account under one policy."""

    spans: tuple[Span, ...]
    movements: tuple[Movement, ...]


def account_mrr(facts: BillingFacts, policy: MrrPolicy) -> AccountMrr:
    """Spans and movements in one go."""
    line = timeline(facts, policy)
    return AccountMrr(spans_of(line), tuple(_movements(line)))


def account_movements(facts: BillingFacts, policy: MrrPolicy) -> tuple[Movement, ...]:
    """The account's movements by currency and time; summed up they give its MRR."""
    return tuple(_movements(timeline(facts, policy)))


def _movements(line: Timeline) -> Iterator[Movement]:
    for currency, states in sorted(line.states.items()):
        before, left_at, paid = State(states[0].at, (), states[0].at), None, False
        for state in states:
            if state.amount != before.amount:
                kind = _kind(line, before, state, left_at) if paid else "new"
                amount = abs(state.amount - before.amount)
                yield Movement(currency, state.at, kind, amount, *_why(line, before, state))
            if line.customer(before) and not line.customer(state):
                left_at = state.at
            before, paid = state, paid or state.amount > 0


def _kind(line: Timeline, before: State, after: State, left_at: datetime | None) -> Kind:
    """The kind of a step of an amount that is not the first; who comes and goes is told first.

    `left_at`: when the account ceased to be a customer, if it did.
    """
    if not line.customer(before):
        within = line.policy.reactivation_within_days
        late = within is not None and left_at and after.at - left_at > timedelta(days=within)
        return "new" if late else "reactivation"
    if not line.customer(after):
        return "churn"
    return "expansion" if after.amount > before.amount else "contraction"


def _why(line: Timeline, before: State, after: State) -> tuple[Cause, str | None]:
    """The cause that weighs most among the items that moved in the direction of the whole."""
    steps: list[tuple[Fraction, Cause, str | None]] = []
    for old, new in _pairs(before, after):
        delta = _delta(old, new)
        if delta:
            steps.append((delta, *_cause(line, old, new, before, after)))
    up = after.amount > before.amount
    causes = {cause for _, cause, _ in steps}
    if {"start", "end"} <= causes and before.amount and after.amount:
        return "plan", None
    along = [s for s in steps if (s[0].numerator > 0) == up]
    if not along:
        return "price", None
    _, cause, reason = max(along, key=lambda s: abs(s[0])) if len(along) > 1 else along[0]
    return cause, reason or _stayed_for_free(after)


def _pairs(before: State, after: State) -> Iterator[tuple[Charge | None, Charge | None]]:
    """Each item as it was and as it is, one that was replaced with its successor."""
    then = {_key(c.item): c for c in before.charges}
    now = {_key(c.item): c for c in after.charges}
    successors = _successors(
        [c for key, c in then.items() if key not in now],
        [c for key, c in now.items() if key not in then],
    )
    replacing = set(successors.values())
    for key in sorted(then.keys() | now.keys()):
        if key not in replacing:
            yield then.get(key), now.get(successors.get(key, key))


def _successors(gone: Sequence[Charge], come: Sequence[Charge]) -> dict[ItemKey, ItemKey]:
    """Item that left a subscription → the one that took its place, of the same product first."""
    found: dict[ItemKey, ItemKey] = {}
    for alike in (True, False):
        for old in sorted(gone, key=lambda c: _key(c.item)):
            for new in sorted(come, key=lambda c: _key(c.item)):
                if (
                    old.item.subscription == new.item.subscription
                    and (old.item.product == new.item.product or not alike)
                    and _key(old.item) not in found
                    and _key(new.item) not in found.values()
                ):
                    found[_key(old.item)] = _key(new.item)
    return found


def _delta(old: Charge | None, new: Charge | None) -> Fraction:
    if old is None or new is None:
        return new.net if new else -old.net if old else Fraction(0)
    return new.net - old.net


def _cause(
    line: Timeline, old: Charge | None, new: Charge | None, before: State, after: State
) -> tuple[Cause, str | None]:
    if old is None and new is not None:
        return _appeared(line, new.item, before, after)
    if new is None and old is not None:
        return _vanished(line, old.item, after)
    assert old is not None and new is not None  # noqa: S101, PT018 - one of the two exists
    one, other = old.item, new.item
    if (one.product, one.interval, one.interval_count) != (
        other.product, other.interval, other.interval_count,
    ) or (one.price != other.price and one.product is None):  # fmt: skip
        return "plan", None
    if (one.price, one.unit_amount, one.inclusive_tax_percent) != (
        other.price, other.unit_amount, other.inclusive_tax_percent,
    ):  # fmt: skip
        return "price", None
    return ("quantity" if one.quantity != other.quantity else "discount"), None


def _appeared(
    line: Timeline, item: ItemFact, before: State, after: State
) -> tuple[Cause, str | None]:
    """An item joined a running subscription, or its subscription started or came back."""
    if any(c.item.subscription == item.subscription for c in before.charges):
        return "item", None
    over = (
        stop.cause
        for stop in line.services[item.subscription].stops
        if stop.until is not None and after.at <= stop.until <= after.settled_at
    )
    return next((cause for cause in over if cause != "end"), "start"), None


def _vanished(line: Timeline, item: ItemFact, after: State) -> tuple[Cause, str | None]:
    stop = line.services[item.subscription].stopped(after.settled_at)
    return ("item", None) if stop is None else (stop.cause, stop.reason)


def _stayed_for_free(after: State) -> str | None:
    """The reason of a loss that leaves a subscription for nothing behind: it is not a guess."""
    if not after.charges or after.amount:
        return None
    return "free_plan" if any(c.gross == 0 for c in after.charges) else "free"


def _key(item: ItemFact) -> ItemKey:
    return (item.source, item.subscription_source_id, item.source_id)
