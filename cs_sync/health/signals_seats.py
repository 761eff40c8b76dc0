"""The signal of licence use: how many of the seats that are paid for have somebody in them."""

from typing import Any

from sqlalchemy import CTE, Float, Select, and_, case, cast, distinct, func, not_, select

from cs_sync.health.relations import owned, present
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals_billing import SUBSCRIPTION, runs
from cs_sync.health.signals_usage import knows_use, used_days
from cs_sync_schemas import SubscriptionItem, table_of

ITEM = table_of(SubscriptionItem)


def seats_of_subscriptions(scope: SignalScope) -> CTE:
    """The largest number of units of each subscription that a licensed item has at the time."""
    ended = ITEM.c.valid_to <= scope.until
    return (
        select(
            ITEM.c.source,
            ITEM.c.subscription_source_id,
            func.max(cast(ITEM.c.quantity, Float)).label("seats"),
        )
        .where(present(scope, ITEM), ITEM.c.usage_type == "licensed")
        .where(ITEM.c.valid_from < scope.until, not_(func.coalesce(ended, False)))
        .group_by(ITEM.c.source, ITEM.c.subscription_source_id)
        .cte("seats_of_subscriptions")
    )


def seat_use_28(scope: SignalScope) -> Select[Any]:
    """People active in the last 28 days ÷ seats, of accounts whose people are known."""
    seats, people = _seats(scope), _people(scope)
    known = knows_use(scope)
    share = cast(people.c.people, Float) / seats.c.seats
    both = known.join(seats, seats.c.account_id == known.c.account_id)
    return (
        select(known.c.account_id, share.label("value"), known.c.observed_at,
               people.c.people.label("n"))
        .select_from(both.join(people, people.c.account_id == known.c.account_id))
        .where(seats.c.seats > 0)
    )  # fmt: skip


def _seats(scope: SignalScope) -> CTE:
    """The seats of each account: its running subscriptions add up."""
    running = owned(scope, SUBSCRIPTION, SUBSCRIPTION.c.source, SUBSCRIPTION.c.source_id,
                    where=runs(scope))  # fmt: skip
    each = seats_of_subscriptions(scope)
    same = and_(
        each.c.source == running.c.source, each.c.subscription_source_id == running.c.source_id
    )
    return (
        select(running.c.account_id, func.sum(each.c.seats).label("seats"))
        .select_from(running.join(each, same))
        .group_by(running.c.account_id)
        .cte("seats_of_accounts")
    )


def _people(scope: SignalScope) -> CTE:
    """The people of the last 28 days of each account of which anybody was ever seen by name."""
    days = used_days(scope)
    recent = case((days.c.day >= scope.first_day(28), days.c.person))
    return (
        select(days.c.account_id, func.count(distinct(recent)).label("people"))
        .where(days.c.by_person)
        .group_by(days.c.account_id)
        .cte("people_of_accounts")
    )
