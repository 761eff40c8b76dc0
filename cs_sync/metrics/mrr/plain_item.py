"""MRR of an account with one plain item, as most have: its versions follow one another.

It runs for every account of a first computation, so states are tuples, too.
"""

from collections.abc import Sequence

from cs_sync.metrics.mrr.facts import PlainVersion
from cs_sync.metrics.mrr.movements import Cause, classify_item_change
from cs_sync.metrics.mrr.plain_charges import (
    SURELY_TWO_DAYS,
    are_one_change,
    build_part,
    calculate_price,
    classify_step,
    find_charged_time,
    multiply_numerals,
    round_quotient,
)
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.rows import MovementRow, MrrRows, SpanRow

_State = tuple[int, int, PlainVersion | None, int]
"""From when on, the last of the changes netted into it, what is charged, and its amount."""


def calculate_item_rows(versions: Sequence[PlainVersion], policy: MrrPolicy) -> MrrRows | None:
    """Calculate the spans and movements of one item.

    None if it is not plain after all.

    Args:
        versions: All versions of the account, of one item, in order of time.
        policy: A policy of which `plain.is_plain_policy` is true.
    """
    if versions[-1].is_removed:
        return None
    states = _list_states(versions, policy)
    return None if states is None else _build_rows(versions[0].currency, states)


def _list_states(versions: Sequence[PlainVersion], policy: MrrPolicy) -> list[_State] | None:
    """List the states; None if a price is not plain.

    Changes that are one are netted.
    """
    states: list[_State] = []
    end: int | None = None
    for place, version in enumerate(versions, 1):
        price = calculate_price(version, policy)
        if price is None:
            return None
        following = versions[place] if place < len(versions) else None
        since, until = find_charged_time(version, following)
        if until is not None and until <= since:
            continue
        if end is not None and end < since:
            states.append((end, end, None, 0))
        amount = price[0] if price[1] == 1 else round_quotient(*price)
        states.append((since, since, version, amount))
        end = until
    if end is not None:
        states.append((end, end, None, 0))
    return _net_changes(states, policy)


def _net_changes(states: list[_State], policy: MrrPolicy) -> list[_State]:
    """Net changes that are one at the first of them."""
    previous = -SURELY_TWO_DAYS
    for at, _, _, _ in states:
        if at - previous < SURELY_TWO_DAYS:
            break
        previous = at
    else:
        return states
    netted: list[_State] = []
    for state in states:
        if netted and are_one_change(netted[-1][0], state[0], policy):
            netted[-1] = (netted[-1][0], *state[1:])
        else:
            netted.append(state)
    return netted


def _build_rows(currency: str, states: Sequence[_State]) -> MrrRows:
    """Build spans and movements of states in order.

    `opened` is the first version of the span that goes on, `charged` that of the state before.
    """
    spans: list[SpanRow] = []
    movements: list[MovementRow] = []
    since, running = 0, 0
    opened: PlainVersion | None = None
    charged: PlainVersion | None = None
    for at, settled_at, version, amount in states:
        if amount != running:
            kind = classify_step(running, amount, paid=bool(movements))
            cause, reason = _find_cause(charged, version, amount, settled_at)
            movements.append((currency, at, kind, abs(amount - running), cause, reason))
        elif not amount or _is_same_part(opened, version):
            charged = version
            continue
        if opened is not None and running:
            parts = (build_part(opened, running),)
            spans.append((currency, since, at, running, parts, False))
        since, running, opened, charged = at, amount, version, version
    if opened is not None and running:
        spans.append((currency, since, None, running, (build_part(opened, running),), False))
    return MrrRows(spans, movements)


def _is_same_part(old: PlainVersion | None, new: PlainVersion | None) -> bool:
    return (
        old is not None
        and new is not None
        and (old.product, old.price, old.quantity) == (new.product, new.price, new.quantity)
    )


def _find_cause(
    old: PlainVersion | None, new: PlainVersion | None, amount: int, settled_at: int
) -> tuple[Cause, str | None]:
    """Find the cause of a change, and the reason of a loss."""
    if old is None:
        return "start", None
    if new is None:
        ended = old.ends_at is not None and old.ends_at <= settled_at
        return ("end", old.cancel_reason) if ended else ("item", None)
    cause, _ = classify_item_change(old, new)
    if amount:
        return cause, None
    return cause, "free" if multiply_numerals(new.unit_amount, new.quantity) else "free_plan"
