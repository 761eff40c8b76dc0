"""The integer path: MRR of accounts with nothing to rebuild, discount, pause or try.

It gives what `movements.calculate_account_mrr` gives, and refuses what it does not know.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import lcm
from operator import attrgetter

from msgspec import Struct

from cs_sync.metrics.mrr.facts import ItemFact, PlainVersion, SubscriptionKey
from cs_sync.metrics.mrr.movements import (
    Cause,
    classify_item_change,
    find_cause,
)
from cs_sync.metrics.mrr.normalise import split_total
from cs_sync.metrics.mrr.plain_charges import (
    are_one_change,
    build_part,
    calculate_price,
    classify_step,
    find_charged_time,
    round_quotient,
)
from cs_sync.metrics.mrr.plain_item import calculate_item_rows
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.rows import MovementRow, MrrRows, PartRow, SpanRow
from cs_sync.metrics.mrr.service import ServicePeriod, ServiceStop
from cs_sync.metrics.mrr.spans import ItemCharge, MrrState, MrrTimeline
from cs_sync_schemas.times import read_microseconds

PLAIN_STATUSES = ("active", "past_due", "canceled")
_GET_BEGINNING = attrgetter("valid_from")


class _Charge(Struct, eq=False):
    """A version while its subscription counts: `above` ÷ `below` minor units per month."""

    version: PlainVersion
    since: int
    until: int | None
    above: int
    below: int


class _State(Struct, eq=False):
    at: int
    settled_at: int
    charges: list[_Charge]
    amount: int = 0


def is_plain_policy(policy: MrrPolicy) -> bool:
    """Return whether the integer path knows the policy's switches."""
    return (
        policy.proration == "run_rate"
        and policy.cancellation == "period_end"
        and policy.past_due_churn_days is None
        and policy.free_plan == "no_customer"
        and policy.renewal_grace_days == 0
        and policy.reactivation_within_days is None
    )


def calculate_plain_rows(versions: Sequence[PlainVersion], policy: MrrPolicy) -> MrrRows | None:
    """Calculate the spans and movements of a plain account.

    None if it is not plain after all.

    Args:
        versions: All versions of the account, of its items and of subscriptions without items.
        policy: A policy of which `is_plain_policy` is true.
    """
    items = set()
    for version in versions:
        if not version.is_plain:
            return None
        items.add((version.source, version.subscription_source_id, version.source_id))
    if len(items) == 1 and versions[0].source_id is not None:
        in_order = sorted(versions, key=_GET_BEGINNING) if len(versions) > 1 else versions
        return calculate_item_rows(in_order, policy)
    every = {_get_subscription(version): version for version in versions}
    if _may_switch(every, policy):
        return None
    by_currency: dict[str, list[_Charge]] = {}
    for own in _group_versions(versions):
        charges = _build_charges(own, policy)
        if charges is None:
            return None
        for charge in charges:
            by_currency.setdefault(charge.version.currency, []).append(charge)
    spans: list[SpanRow] = []
    movements: list[MovementRow] = []
    for currency, charges in sorted(by_currency.items()):
        states = _build_states(charges, policy)
        spans += _build_spans(currency, states)
        movements += _list_movements(currency, states, policy)
    return MrrRows(spans, movements)


def _may_switch(every: Mapping[SubscriptionKey, PlainVersion], policy: MrrPolicy) -> bool:
    """Return whether subscriptions may switch.

    One ends near another's start.
    """
    span = policy.switch_span // timedelta(microseconds=1)
    ends = [(key, ended.ends_at) for key, ended in every.items() if ended.ends_at is not None]
    return any(
        key != other and abs(begun.started_at - end) <= span
        for key, end in ends
        for other, begun in every.items()
    )


def _get_subscription(version: PlainVersion) -> SubscriptionKey:
    return (version.source, version.subscription_source_id)


def _group_versions(versions: Iterable[PlainVersion]) -> list[list[PlainVersion]]:
    """Group versions by item, each in order of time."""
    groups: dict[tuple[str, str], list[PlainVersion]] = {}
    for version in versions:
        if version.source_id is not None:
            groups.setdefault((version.source, version.source_id), []).append(version)
    for group in groups.values():
        if len(group) > 1:
            group.sort(key=_GET_BEGINNING)
    return list(groups.values())


def _build_charges(versions: Sequence[PlainVersion], policy: MrrPolicy) -> list[_Charge] | None:
    """Build the charges of one item.

    None if it needs the exact path.
    """
    if versions[-1].is_removed:
        return None
    charges: list[_Charge] = []
    for version, following in zip(versions, (*versions[1:], None), strict=True):
        price = calculate_price(version, policy)
        if price is None:
            return None
        since, until = find_charged_time(version, following)
        if until is None or since < until:
            charges.append(_Charge(version, since, until, *price))
    return charges


def _build_states(charges: list[_Charge], policy: MrrPolicy) -> list[_State]:
    """Build what is charged between changes.

    Changes that are one are netted.
    """
    netted: list[_State] = []
    for change in _list_changes(charges):
        first = netted[-1] if netted else None
        if first is not None and are_one_change(first.at, change.at, policy):
            first.charges, first.settled_at = change.charges, change.at
        else:
            netted.append(change)
    states: list[_State] = []
    before: list[_Charge] = []
    for state in netted:
        if state.charges != before:
            before, state.amount = state.charges, _round_sum(state.charges)
            states.append(state)
    return states


def _list_changes(charges: list[_Charge]) -> list[_State]:
    """List the changes of charges side by side."""
    charges.sort(key=_get_place)
    instants = {charge.since for charge in charges}
    instants |= {charge.until for charge in charges if charge.until is not None}
    changes: list[_State] = []
    for at in sorted(instants):
        now = [c for c in charges if c.since <= at and (c.until is None or at < c.until)]
        if now != (changes[-1].charges if changes else []):
            changes.append(_State(at, at, now))
    return changes


def _get_place(charge: _Charge) -> tuple[str, str, str | None, int]:
    version = charge.version
    return (*_get_subscription(version), version.source_id, version.valid_from)


def _round_sum(charges: Sequence[_Charge]) -> int:
    """Sum exactly, then round half-even."""
    below = lcm(*(charge.below for charge in charges))
    return round_quotient(sum(charge.above * (below // charge.below) for charge in charges), below)


def _build_spans(currency: str, states: Sequence[_State]) -> list[SpanRow]:
    spans: list[SpanRow] = []
    for state, following in zip(states, [*states[1:], None], strict=False):
        if state.amount <= 0:
            continue
        since, parts = state.at, _build_parts(state)
        if spans and spans[-1][2:5] == (since, state.amount, parts):
            since = spans.pop()[1]
        until = None if following is None else following.at
        spans.append((currency, since, until, state.amount, parts, False))
    return spans


def _build_parts(state: _State) -> tuple[PartRow, ...]:
    if len(state.charges) == 1:
        return (build_part(state.charges[0].version, state.amount),)
    amounts = split_total(state.amount, [Fraction(c.above, c.below) for c in state.charges])
    return tuple(
        build_part(charge.version, amount)
        for charge, amount in zip(state.charges, amounts, strict=True)
    )


def _list_movements(
    currency: str, states: Sequence[_State], policy: MrrPolicy
) -> list[MovementRow]:
    movements: list[MovementRow] = []
    before: _State | None = None
    paid = False
    for state in states:
        was = before.amount if before is not None else 0
        if state.amount != was:
            kind = classify_step(was, state.amount, paid=paid)
            cause, reason = _find_plain_cause(before, state, policy)
            size = abs(state.amount - was)
            movements.append((currency, state.at, kind, size, cause, reason))
        before, paid = state, paid or state.amount > 0
    return movements


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
        left = old[0].version
        ended = left.ends_at is not None and left.ends_at <= after.settled_at
        return ("end", left.cancel_reason) if ended else ("item", None)
    if len(old) == len(new) == 1 and after.amount and _is_same_item(old[0], new[0]):
        return classify_item_change(old[0].version, new[0].version)
    services = {
        _get_subscription(charge.version): _get_service(charge.version) for charge in (*old, *new)
    }
    line = MrrTimeline({}, {}, services, policy)
    return find_cause(
        line, _build_state(before or _State(after.at, after.at, [])), _build_state(after)
    )


def _is_same_item(left: _Charge, right: _Charge) -> bool:
    return (left.version.source, left.version.source_id) == (
        right.version.source, right.version.source_id,
    )  # fmt: skip


def _get_service(version: PlainVersion) -> ServicePeriod:
    end = version.ends_at
    stops = (
        () if end is None else (ServiceStop(read_microseconds(end), "end", version.cancel_reason),)
    )
    return ServicePeriod(read_microseconds(version.started_at), stops)


def _build_state(state: _State) -> MrrState:
    net = [Fraction(charge.above, charge.below) for charge in state.charges]
    charges = (
        ItemCharge(_build_fact(charge.version), amount, amount, inferred=False)
        for charge, amount in zip(state.charges, net, strict=True)
    )
    return MrrState(
        read_microseconds(state.at), tuple(charges), read_microseconds(state.settled_at)
    )


def _build_fact(version: PlainVersion) -> ItemFact:
    return ItemFact(
        version.source,
        version.source_id or "",
        version.subscription_source_id,
        read_microseconds(version.valid_from),
        None if version.valid_to is None else read_microseconds(version.valid_to),
        version.product,
        version.price,
        Decimal(version.unit_amount),
        Decimal(version.quantity),
        version.interval,
        version.interval_count,
    )
