"""Signals from usage: on how many days, how long ago, more or less than before."""

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    Float,
    Select,
    and_,
    case,
    cast,
    distinct,
    func,
    or_,
    select,
)

from cs_sync.health.relations import known_to, owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals_features import FEATURE, saw
from cs_sync_schemas import UsageDay, table_of

USAGE = table_of(UsageDay)


def used_days(scope: SignalScope, since: date | None = None) -> CTE:
    """Days of use up to the scope's day, with account: a day without any activity is none."""
    table = FEATURE if scope.active_features else USAGE
    if scope.active_features:
        some = or_(FEATURE.c.events > 0, FEATURE.c.users > 0)
        active = and_(FEATURE.c.feature.in_(scope.active_features), some)
    else:
        active = or_(USAGE.c.events > 0, USAGE.c.sessions > 0, USAGE.c.seconds > 0)
    within = table.c.day <= scope.day
    if since is not None:
        within = and_(within, table.c.day >= since)
    known = table.c.contact_source_id.is_not(None).label("by_person")
    return owned(scope, table, table.c.day, table.c.events, known, where=and_(active, within))


def knows_use(scope: SignalScope) -> CTE:
    """Accounts that a source knows which tells who was active: `account_id`, `observed_at`.

    Where features are named for that, it is a source that has seen one of them; who only gives
    totals does not tell.
    """
    if not scope.active_features:
        return known_to(scope, (USAGE, USAGE.c.day))
    return known_to(scope, (FEATURE, FEATURE.c.day), where=saw(scope, scope.active_features))


def active_days_28(scope: SignalScope) -> Select[Any]:
    """On how many of the last 28 days somebody of the account used the product."""
    days = used_days(scope, scope.first_day(28))
    counts = (
        select(days.c.account_id, func.count(distinct(days.c.day)).label("days"))
        .group_by(days.c.account_id)
        .cte("counts")
    )
    known = knows_use(scope)
    found = func.coalesce(counts.c.days, 0)
    return select(
        known.c.account_id, found.label("value"), known.c.observed_at, found.label("n")
    ).select_from(known.outerjoin(counts, counts.c.account_id == known.c.account_id))


def last_day_of_use(scope: SignalScope) -> Select[Any]:
    """The last day of use as `value`; accounts never used have no row."""
    days = used_days(scope)
    known = knows_use(scope)
    return (
        select(
            known.c.account_id,
            func.max(days.c.day).label("value"),
            func.max(known.c.observed_at).label("observed_at"),
            func.count().label("n"),
        )
        .select_from(known.join(days, days.c.account_id == known.c.account_id))
        .group_by(known.c.account_id)
    )


def usage_trend_28(scope: SignalScope) -> Select[Any]:
    """Events of the last 28 days ÷ events of the 28 before; unknown until used for 56 days."""
    days = used_days(scope)
    known = knows_use(scope)
    late, early = scope.first_day(28), scope.first_day(56)
    recent = func.sum(case((days.c.day >= late, days.c.events), else_=0))
    before = func.sum(case((and_(days.c.day >= early, days.c.day < late), days.c.events), else_=0))
    return (
        select(
            known.c.account_id,
            case((before > 0, cast(recent, Float) / cast(before, Float))).label("value"),
            func.max(known.c.observed_at).label("observed_at"),
            func.count().label("n"),
        )
        .select_from(known.join(days, days.c.account_id == known.c.account_id))
        .group_by(known.c.account_id)
        .having(func.min(days.c.day) <= early)
    )
