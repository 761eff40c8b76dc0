"""The integer path: MRR of accounts with nothing to rebuild, discount, pause or try.

It gives what `movements.calculate_exact_mrr` gives, and refuses what it does not know.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import lcm
from operator import attrgetter

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, SubscriptionFact, SubscriptionKey
from cs_sync.metrics.mrr.movements import (
    AccountMrr,
    Cause,
    Kind,
    Movement,
    classify_item_change,
    find_cause,
)
from cs_sync.metrics.mrr.normalise import count_intervals_per_year, split_total
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.service import ServicePeriod, ServiceStop
from cs_sync.metrics.mrr.spans import ItemCharge, MrrState, MrrTimeline, Span, SpanPart

_PLAIN_STATUSES = frozenset({"active", "past_due", "canceled"})
_SURELY_TWO_DAYS = timedelta(days=2)


@dataclass(slots=True, eq=False)
class _Charge:
    """A version while its subscription counts: `above` ÷ `below` minor units per month."""

    item: ItemFact
    subscription: SubscriptionFact
    since: datetime
    until: datetime | None
    above: int
    below: int


@dataclass(slots=True, eq=False)
class _State:
    at: datetime
    settled_at: datetime
    charges: list[_Charge]
    amount: int = 0


def calculate_plain_mrr(facts: BillingFacts, policy: MrrPolicy) -> AccountMrr | None:
    """Calculate a plain account's spans and movements.

    None for any other account.
    """
    if facts.discounts or facts.lines or facts.changes or facts.past_subscriptions:
        return None
    if not _is_plain_policy(policy) or not all(map(_is_plain, facts.subscriptions)):
        return None
    subscriptions = {one.key: one for one in facts.subscriptions}
    if len(subscriptions) > 1 and _may_switch(subscriptions.values(), policy):
        return None
    by_currency: dict[str, list[_Charge]] = {}
    for versions in _group_versions(facts.items):
        charges = _build_charges(versions, subscriptions, policy)
        if charges is None:
            return None
        for charge in charges:
            by_currency.setdefault(charge.subscription.currency, []).append(charge)
    spans: list[Span] = []
    movements: list[Movement] = []
    for currency, charges in sorted(by_currency.items()):
        states = _build_states(charges, policy)
        spans += _build_spans(currency, states)
        movements += _list_movements(currency, states, policy)
    return AccountMrr(tuple(spans), tuple(movements))


def _is_plain_policy(policy: MrrPolicy) -> bool:
    return (
        policy.proration == "run_rate"
        and policy.cancellation == "period_end"
        and policy.past_due_churn_days is None
        and policy.free_plan == "no_customer"
        and policy.renewal_grace_days == 0
        and policy.reactivation_within_days is None
    )


def _is_plain(subscription: SubscriptionFact) -> bool:
    """Return whether a subscription has only a stated start and end.

    With nothing in between.
    """
    return (
        subscription.status in _PLAIN_STATUSES
        and subscription.trial_end is None
        and subscription.collection_paused is None
        and (subscription.status != "canceled" or _get_end(subscription) is not None)
    )


def _get_end(subscription: SubscriptionFact) -> datetime | None:
    return subscription.ended_at or subscription.cancel_at


def _may_switch(subscriptions: Iterable[SubscriptionFact], policy: MrrPolicy) -> bool:
    """Return whether subscriptions may switch.

    One ends near another's start.
    """
    span = policy.switch_span
    every = list(subscriptions)
    ends = [(one, end) for one in every if (end := _get_end(one)) is not None]
    return any(
        one is not other and abs(other.started_at - end) <= span
        for one, end in ends
        for other in every
    )


def _group_versions(items: Iterable[ItemFact]) -> Iterable[list[ItemFact]]:
    """Group versions by item, each in order of time."""
    groups: dict[tuple[str, str], list[ItemFact]] = {}
    for item in items:
        groups.setdefault((item.source, item.source_id), []).append(item)
    for versions in groups.values():
        if len(versions) > 1:
            versions.sort(key=attrgetter("valid_from"))
    return groups.values()


def _build_charges(
    versions: Sequence[ItemFact],
    subscriptions: Mapping[SubscriptionKey, SubscriptionFact],
    policy: MrrPolicy,
) -> list[_Charge] | None:
    """Build the charges of one item.

    None if it needs the exact path.
    """
    charges: list[_Charge] = []
    last = versions[-1]
    if last.is_snapshot and last.valid_to is not None:
        owner = subscriptions.get((last.source, last.subscription_source_id))
        if owner is None or owner.ended_at != last.valid_to:
            return None
    for version, following in zip(versions, [*versions[1:], None], strict=True):
        price = _calculate_price(version, policy)
        if price is None:
            return None
        subscription = subscriptions.get((version.source, version.subscription_source_id))
        if subscription is None:
            continue
        since, until, end = version.valid_from, version.valid_to, _get_end(subscription)
        if following is not None and (until is None or until > following.valid_from):
            until = following.valid_from
        if since < subscription.started_at:
            since = subscription.started_at
        if end is not None and (until is None or until > end):
            until = end
        if until is None or since < until:
            charges.append(_Charge(version, subscription, since, until, *price))
    return charges


def _calculate_price(item: ItemFact, policy: MrrPolicy) -> tuple[int, int] | None:
    """Calculate the minor units per month as a quotient of integers.

    None if it is not plain.
    """
    if (
        item.usage_type != "licensed"
        or item.tiers
        or item.divide_by is not None
        or item.inclusive_tax_percent
        or item.unit_amount is None
    ):
        return None
    unit, quantity = int(item.unit_amount), int(item.quantity)
    if unit != item.unit_amount or quantity != item.quantity or unit < 0 or quantity < 0:
        return None
    if item.interval == "month" and item.interval_count == 1:
        return unit * quantity, 1
    per_year = count_intervals_per_year(item.interval, policy)
    return unit * quantity * per_year, 12 * item.interval_count


def _build_states(charges: list[_Charge], policy: MrrPolicy) -> list[_State]:
    """Build what is charged between changes.

    Changes that are one are netted.
    """
    if len(charges) > 1:
        charges.sort(key=_get_place)
    instants = {charge.since for charge in charges}
    instants |= {charge.until for charge in charges if charge.until is not None}
    changes: list[_State] = []
    for at in sorted(instants):
        now = [c for c in charges if c.since <= at and (c.until is None or at < c.until)]
        if now != (changes[-1].charges if changes else []):
            changes.append(_State(at, at, now))
    netted: list[_State] = []
    for change in changes:
        first = netted[-1] if netted else None
        if first is not None and _are_one_change(first.at, change.at, policy):
            first.charges, first.settled_at = change.charges, change.at
        else:
            netted.append(change)
    states: list[_State] = []
    for state in netted:
        if state.charges != (states[-1].charges if states else []):
            state.amount = _round_sum(state.charges)
            states.append(state)
    return states


def _get_place(charge: _Charge) -> tuple[str, str, str, datetime]:
    item = charge.item
    return (item.source, item.subscription_source_id, item.source_id, item.valid_from)


def _are_one_change(earlier: datetime, later: datetime, policy: MrrPolicy) -> bool:
    return later - earlier < _SURELY_TWO_DAYS and policy.are_one_change(earlier, later)


def _round_sum(charges: Sequence[_Charge]) -> int:
    """Sum exactly, then round half-even."""
    below = lcm(*(charge.below for charge in charges))
    whole, rest = divmod(sum(charge.above * (below // charge.below) for charge in charges), below)
    return whole + (2 * rest > below or (2 * rest == below and whole % 2 == 1))


def _build_spans(currency: str, states: Sequence[_State]) -> list[Span]:
    spans: list[Span] = []
    for state, following in zip(states, [*states[1:], None], strict=False):
        if state.amount <= 0:
            continue
        since, parts = state.at, _build_parts(state)
        last = spans[-1] if spans else None
        if last is not None and (last.valid_to, last.amount, last.parts) == (
            since, state.amount, parts,
        ):  # fmt: skip
            since = spans.pop().valid_from
        until = None if following is None else following.at
        spans.append(Span(currency, since, until, state.amount, parts))
    return spans


def _build_parts(state: _State) -> tuple[SpanPart, ...]:
    items = [charge.item for charge in state.charges]
    amounts = [state.amount]
    if len(items) > 1:
        amounts = split_total(state.amount, [Fraction(c.above, c.below) for c in state.charges])
    return tuple(
        SpanPart(i.source, i.subscription_source_id, i.source_id, i.product, i.price, i.quantity, a)
        for i, a in zip(items, amounts, strict=True)
    )


def _list_movements(currency: str, states: Sequence[_State], policy: MrrPolicy) -> list[Movement]:
    movements: list[Movement] = []
    before: _State | None = None
    paid = False
    for state in states:
        was = before.amount if before is not None else 0
        if state.amount != was:
            kind = _classify(was, state.amount) if paid else "new"
            cause, reason = _find_plain_cause(before, state, policy)
            movements.append(
                Movement(currency, state.at, kind, abs(state.amount - was), cause, reason)
            )
        before, paid = state, paid or state.amount > 0
    return movements


def _classify(before: int, after: int) -> Kind:
    if before == 0:
        return "reactivation"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"


def _find_plain_cause(
    before: _State | None, after: _State, policy: MrrPolicy
) -> tuple[Cause, str | None]:
    """Find the cause of a change.

    Of one charge at once, of others as the exact path does.
    """
    old = before.charges if before is not None else []
    new = after.charges
    if len(new) == 1 and not old:
        return "start", None
    if len(old) == 1 and not new:
        end = _get_end(old[0].subscription)
        ended = end is not None and end <= after.settled_at
        return ("end", old[0].subscription.cancel_reason) if ended else ("item", None)
    if len(old) == len(new) == 1 and after.amount and _is_same_item(old[0].item, new[0].item):
        return classify_item_change(old[0].item, new[0].item)
    charged = {charge.subscription.key: charge.subscription for charge in (*old, *new)}
    line = MrrTimeline({}, charged, {key: _get_service(s) for key, s in charged.items()}, policy)
    return find_cause(
        line, _build_state(before or _State(after.at, after.at, [])), _build_state(after)
    )


def _is_same_item(left: ItemFact, right: ItemFact) -> bool:
    return (left.source, left.subscription_source_id, left.source_id) == (
        right.source, right.subscription_source_id, right.source_id,
    )  # fmt: skip


def _get_service(subscription: SubscriptionFact) -> ServicePeriod:
    end = _get_end(subscription)
    stops = () if end is None else (ServiceStop(end, "end", subscription.cancel_reason),)
    return ServicePeriod(subscription.started_at, stops)


def _build_state(state: _State) -> MrrState:
    net = [Fraction(charge.above, charge.below) for charge in state.charges]
    charges = (
        ItemCharge(charge.item, amount, amount, inferred=False)
        for charge, amount in zip(state.charges, net, strict=True)
    )
    return MrrState(state.at, tuple(charges), state.settled_at)
