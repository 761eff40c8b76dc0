"""Signals from billing's history: MRR and seats against those of 90 days before."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    Float,
    Select,
    and_,
    cast,
    distinct,
    func,
    literal,
    or_,
    select,
    union_all,
)

from cs_sync.health.relations import is_scored
from cs_sync.health.scope import SignalScope
from cs_sync.metrics.sql.chosen_accounts import is_chosen
from cs_sync.metrics.sql.relations import is_known
from cs_sync_schemas.tables import ACCOUNT, MRR_SPAN

SPAN = MRR_SPAN
MRR_DAYS = 90


def select_mrr_change(scope: SignalScope) -> Select[Any]:
    """Select MRR of 90 days ago and of now, with its parts.

    Accounts without MRR then have no row, nor have those that are billed in several currencies.
    """
    then = _select_mrr(scope, scope.since(MRR_DAYS), "mrr_then")
    now = _select_mrr(scope, scope.until, "mrr_now")
    both = union_all(
        select(then.c.account_id, then.c.currency), select(now.c.account_id, now.c.currency)
    ).subquery("mrr_currencies")
    single = (
        select(both.c.account_id)
        .group_by(both.c.account_id)
        .having(func.count(distinct(both.c.currency)) == 1)
        .cte("mrr_in_one_currency")
    )
    return (
        select(
            then.c.account_id,
            then.c.currency,
            then.c.amount.label("before"),
            func.coalesce(now.c.amount, 0).label("now"),
            then.c.parts.label("parts_before"),
            now.c.parts.label("parts_now"),
        )
        .select_from(
            then.join(single, single.c.account_id == then.c.account_id).outerjoin(
                now, now.c.account_id == then.c.account_id
            )
        )
        .where(then.c.amount > 0)
    )


def mrr_change_90(scope: SignalScope) -> Select[Any]:
    """Select MRR now ÷ MRR 90 days ago."""
    change = select_mrr_change(scope).cte("mrr_change")
    return select(
        change.c.account_id,
        (cast(change.c.now, Float) / cast(change.c.before, Float)).label("value"),
        literal(None, SPAN.c.known_from.type).label("observed_at"),
        literal(1).label("n"),
    )


def seat_change_90(scope: SignalScope) -> Select[Any]:
    """Select MRR's parts of 90 days ago (`value`) and now (`parts_now`)."""
    change = select_mrr_change(scope).cte("mrr_change")
    return select(
        change.c.account_id,
        change.c.parts_before.label("value"),
        change.c.parts_now,
        literal(None, SPAN.c.known_from.type).label("observed_at"),
        literal(1).label("n"),
    )


def read_seat_change(row: Any, _scope: SignalScope) -> float | None:
    """Return seats now ÷ seats then; None for plans without seats."""
    before, now = count_seats(row.value), count_seats(row.parts_now)
    return None if before <= 1 and now <= 1 else now / max(before, 1.0)


def count_seats(parts: Iterable[Mapping[str, Any]] | None) -> float:
    """Count the seats in parts of MRR.

    The largest quantity of each subscription.
    """
    seats: dict[tuple[str, str], float] = {}
    for part in parts or ():
        key = (part["source"], part["subscription"])
        seats[key] = max(seats.get(key, 0.0), float(part["quantity"]))
    return sum(seats.values())


def _select_mrr(scope: SignalScope, at: datetime, name: str) -> CTE:
    """Select the spans in force just before an instant."""
    in_force = and_(SPAN.c.valid_from < at, or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= at))
    return (
        select(SPAN.c.account_id, SPAN.c.currency, SPAN.c.amount, SPAN.c.parts)
        .where(is_chosen(SPAN.c.account_id, scope.accounts))
        .join(ACCOUNT, ACCOUNT.c.id == SPAN.c.account_id)
        .where(SPAN.c.policy == scope.policy, is_known(scope, SPAN), in_force, is_scored(scope))
        .cte(name)
    )
