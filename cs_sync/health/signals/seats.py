"""The signal of seat utilisation: the share of paid seats in use."""

from typing import Any

from sqlalchemy import CTE, Float, Select, and_, case, cast, distinct, func, not_, select

from cs_sync.health.relations import is_of_subscriptions, select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.billing import is_running
from cs_sync.health.signals.usage import select_use_coverage, select_used_days
from cs_sync.metrics.sql.relations import is_present
from cs_sync_schemas.tables import SUBSCRIPTION, SUBSCRIPTION_ITEM

ITEM = SUBSCRIPTION_ITEM


def select_subscription_seats(scope: SignalScope) -> CTE:
    """Select the seats of each subscription.

    The largest quantity of a licensed item at that time.
    """
    ended = ITEM.c.valid_to <= scope.until
    return (
        select(
            ITEM.c.source,
            ITEM.c.subscription_source_id,
            func.max(cast(ITEM.c.quantity, Float)).label("seats"),
        )
        .where(is_present(ITEM, scope.known_at), ITEM.c.usage_type == "licensed")
        .where(ITEM.c.valid_from < scope.until, not_(func.coalesce(ended, False)))
        .where(is_of_subscriptions(scope, ITEM))
        .group_by(ITEM.c.source, ITEM.c.subscription_source_id)
        .cte("seats_of_subscriptions")
    )


def seat_use_28(scope: SignalScope) -> Select[Any]:
    """Select people active in 28 days ÷ seats, where named."""
    seats, people = _select_account_seats(scope), _select_active_people(scope)
    covered = select_use_coverage(scope)
    share = cast(people.c.people, Float) / seats.c.seats
    both = covered.join(seats, seats.c.account_id == covered.c.account_id)
    return (
        select(covered.c.account_id, share.label("value"), covered.c.observed_at,
               people.c.people.label("n"))
        .select_from(both.join(people, people.c.account_id == covered.c.account_id))
        .where(seats.c.seats > 0)
    )  # fmt: skip


def _select_account_seats(scope: SignalScope) -> CTE:
    """Select the seats of each account: the sum over its running subscriptions."""
    running = select_owned(scope, SUBSCRIPTION, SUBSCRIPTION.c.source, SUBSCRIPTION.c.source_id,
                    where=is_running(scope))  # fmt: skip
    each = select_subscription_seats(scope)
    same = and_(
        each.c.source == running.c.source, each.c.subscription_source_id == running.c.source_id
    )
    return (
        select(running.c.account_id, func.sum(each.c.seats).label("seats"))
        .select_from(running.join(each, same))
        .group_by(running.c.account_id)
        .cte("seats_of_accounts")
    )


def _select_active_people(scope: SignalScope) -> CTE:
    """Select the number of active people per account.

    Of the last 28 days; only accounts with any named person ever.
    """
    days = select_used_days(scope)
    recent = case((days.c.day >= scope.first_day(28), days.c.person))
    return (
        select(days.c.account_id, func.count(distinct(recent)).label("people"))
        .where(days.c.by_person)
        .group_by(days.c.account_id)
        .cte("people_of_accounts")
    )
