"""Movements of one account's MRR, change by change: kind, amount and cause."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal, NamedTuple

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, PlainVersion
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.spans import (
    ItemCharge,
    MrrState,
    MrrTimeline,
    Span,
    build_spans,
    build_timeline,
)

Kind = Literal["new", "reactivation", "expansion", "contraction", "churn"]
Cause = Literal["start", "end", "plan", "item", "quantity", "price", "discount", "pause", "payment"]

ItemKey = tuple[str, str, str]


class Movement(NamedTuple):
    """One change: a positive magnitude in minor units per month."""

    currency: str
    at: datetime
    kind: Kind
    amount: int
    cause: Cause
    reason: str | None = None
    """Why, in the source's words, where it says: the reason of a cancellation."""


class AccountMrr(NamedTuple):
    """Spans and movements of one account under one policy."""

    spans: tuple[Span, ...]
    movements: tuple[Movement, ...]


def calculate_account_mrr(facts: BillingFacts, policy: MrrPolicy) -> AccountMrr:
    """Calculate the spans and movements of an account exactly, whatever its facts."""
    line = build_timeline(facts, policy)
    return AccountMrr(build_spans(line), tuple(_list_movements(line)))


def _list_movements(line: MrrTimeline) -> Iterator[Movement]:
    """Yield the account's movements by currency and time.

    They sum up to its MRR.
    """
    for currency, states in sorted(line.states.items()):
        before, left_at, paid = MrrState(states[0].at, (), states[0].at), None, False
        for state in states:
            if state.amount != before.amount:
                kind = _classify_step(line, before, state, left_at) if paid else "new"
                amount = abs(state.amount - before.amount)
                yield Movement(currency, state.at, kind, amount, *find_cause(line, before, state))
            if line.customer(before) and not line.customer(state):
                left_at = state.at
            before, paid = state, paid or state.amount > 0


def _classify_step(
    line: MrrTimeline, before: MrrState, after: MrrState, left_at: datetime | None
) -> Kind:
    """Classify a later step of an amount.

    Starts and ends are decided first. `left_at` is the end of the account's last time as a
    customer, if any.
    """
    if not line.customer(before):
        within = line.policy.reactivation_within_days
        late = within is not None and left_at and after.at - left_at > timedelta(days=within)
        return "new" if late else "reactivation"
    if not line.customer(after):
        return "churn"
    return "expansion" if after.amount > before.amount else "contraction"


def find_cause(line: MrrTimeline, before: MrrState, after: MrrState) -> tuple[Cause, str | None]:
    """Find the cause with the largest weight.

    Among items that moved with the total.
    """
    steps: list[tuple[Fraction, Cause, str | None]] = []
    for old, new in _pair_items(before, after):
        delta = _calculate_delta(old, new)
        if delta:
            steps.append((delta, *_classify_cause(line, old, new, before, after)))
    up = after.amount > before.amount
    causes = {cause for _, cause, _ in steps}
    if {"start", "end"} <= causes and before.amount and after.amount:
        return "plan", None
    along = [s for s in steps if (s[0].numerator > 0) == up]
    if not along:
        return "price", None
    _, cause, reason = max(along, key=lambda s: abs(s[0])) if len(along) > 1 else along[0]
    return cause, reason or _find_free_reason(after)


def _pair_items(
    before: MrrState, after: MrrState
) -> Iterator[tuple[ItemCharge | None, ItemCharge | None]]:
    """Yield each item before and after; a replaced one with its successor."""
    then = {_get_key(c.item): c for c in before.charges}
    now = {_get_key(c.item): c for c in after.charges}
    successors = _match_successors(
        [c for key, c in then.items() if key not in now],
        [c for key, c in now.items() if key not in then],
    )
    replacing = set(successors.values())
    for key in sorted(then.keys() | now.keys()):
        if key not in replacing:
            yield then.get(key), now.get(successors.get(key, key))


def _match_successors(
    ended: Sequence[ItemCharge], started: Sequence[ItemCharge]
) -> dict[ItemKey, ItemKey]:
    """Match items removed from a subscription to their successors, same product first."""
    successors: dict[ItemKey, ItemKey] = {}
    for alike in (True, False):
        for old in sorted(ended, key=lambda c: _get_key(c.item)):
            for new in sorted(started, key=lambda c: _get_key(c.item)):
                if (
                    old.item.subscription == new.item.subscription
                    and (old.item.product == new.item.product or not alike)
                    and _get_key(old.item) not in successors
                    and _get_key(new.item) not in successors.values()
                ):
                    successors[_get_key(old.item)] = _get_key(new.item)
    return successors


def _calculate_delta(old: ItemCharge | None, new: ItemCharge | None) -> Fraction:
    if old is None or new is None:
        return new.net if new else -old.net if old else Fraction(0)
    return new.net - old.net


def _classify_cause(
    line: MrrTimeline,
    old: ItemCharge | None,
    new: ItemCharge | None,
    before: MrrState,
    after: MrrState,
) -> tuple[Cause, str | None]:
    if old is None and new is not None:
        return _classify_new_item(line, new.item, before, after)
    if new is None and old is not None:
        return _classify_removed_item(line, old.item, after)
    assert old is not None and new is not None  # noqa: S101, PT018 - one of the two exists
    return classify_item_change(old.item, new.item)


def classify_item_change(
    old: ItemFact | PlainVersion, new: ItemFact | PlainVersion
) -> tuple[Cause, None]:
    """Classify the change of an item, or its replacement by another."""
    if (
        old.product != new.product
        or old.interval != new.interval
        or old.interval_count != new.interval_count
        or (old.price != new.price and old.product is None)
    ):
        return "plan", None
    if (
        old.unit_amount != new.unit_amount
        or old.price != new.price
        or old.inclusive_tax_percent != new.inclusive_tax_percent
    ):
        return "price", None
    return ("quantity" if old.quantity != new.quantity else "discount"), None


def _classify_new_item(
    line: MrrTimeline, item: ItemFact, before: MrrState, after: MrrState
) -> tuple[Cause, str | None]:
    """Classify a new item: added, or started or returned with its subscription."""
    if any(c.item.subscription == item.subscription for c in before.charges):
        return "item", None
    over = (
        stop.cause
        for stop in line.services[item.subscription].stops
        if stop.until is not None and after.at <= stop.until <= after.settled_at
    )
    return next((cause for cause in over if cause != "end"), "start"), None


def _classify_removed_item(
    line: MrrTimeline, item: ItemFact, after: MrrState
) -> tuple[Cause, str | None]:
    stop = line.services[item.subscription].find_stop(after.settled_at)
    return ("item", None) if stop is None else (stop.cause, stop.reason)


def _find_free_reason(after: MrrState) -> str | None:
    """Return the reason of a loss that leaves a free subscription."""
    if not after.charges or after.amount:
        return None
    return "free_plan" if any(c.gross == 0 for c in after.charges) else "free"


def _get_key(item: ItemFact) -> ItemKey:
    return (item.source, item.subscription_source_id, item.source_id)
