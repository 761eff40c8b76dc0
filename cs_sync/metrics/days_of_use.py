"""Days on which somebody used the product, and who: what figures of use begin with."""

from datetime import date
from typing import Any

from sqlalchemy import CTE, ColumnElement, Table, and_, func, literal, or_, select, true

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.portable import day
from cs_sync_schemas import FeatureDay, UsageDay, table_of

USE, FEATURE = table_of(UsageDay), table_of(FeatureDay)
Span = tuple[date, date]
"""The first day, and the first that no longer belongs to it."""


def people_days(scope: Scope, *columns: ColumnElement[Any], since: date | None) -> CTE:
    """Rows of usage since a day with `someone`: the person, or the account where none is named.

    An account's own row steps back on days whose people are known by name. `columns` are those of
    `USE` to have, too.
    """
    until = max(period.end for period in scope.periods)
    use = used_days(scope, *columns, within=(since or date.min, until))
    known = select(use.c.whole, use.c.day).where(
        use.c.person.is_not(None), use.c.whole.is_not(None)
    )
    named = known.distinct().cte("days_by_name")
    there = and_(use.c.person.is_(None), named.c.whole == use.c.whole, named.c.day == use.c.day)
    alone = and_(named.c.whole.is_(None), use.c.whole.is_not(None))
    someone = func.coalesce(use.c.person, use.c.whole).label("someone")
    return (
        select(*use.c, someone)
        .select_from(use.outerjoin(named, there))
        .where(or_(use.c.person.is_not(None), alone))
        .cte("people_days")
    )


def used_days(scope: Scope, *columns: ColumnElement[Any], within: Span | None = None) -> CTE:
    """Rows of usage on which somebody was active, with `whole`: the account behind them.

    Where features are named by which one is active, these are the rows of those features; what
    only the rows of usage tell, their sessions, is that of the days of such people.
    """
    if not scope.active_features:
        some_use = or_(USE.c.events > 0, USE.c.sessions > 0)
        return with_whole(scope, USE, *columns, where=some_use, within=within)
    some = FEATURE.c.events + FEATURE.c.users > 0
    ours = and_(FEATURE.c.feature.in_(scope.active_features), some)
    if not any(column.name == "sessions" for column in columns):
        own = (FEATURE.c[column.name] for column in columns)
        return with_whole(scope, FEATURE, *own, where=ours, within=within)
    return _on_days_of(
        with_whole(scope, FEATURE, where=ours, within=within),
        with_whole(scope, USE, *columns, where=true(), within=within),
    )


def with_whole(
    scope: Scope,
    table: Table,
    *columns: ColumnElement[Any],
    where: ColumnElement[bool],
    within: Span | None = None,
) -> CTE:
    """Days of a table by whom and of which account: linked, or else as its source names it.

    The days are bounded here, before owners are looked up: a statement asks for few of all days.
    """
    ever = "" if within else "_ever"
    if within:
        where = and_(where, table.c.day >= day(within[0]), table.c.day < day(within[1]))
    own = [table.c[name] for name in ("source", "account_source_id", "day")]
    use = attributed(scope, table, *own, *columns, where=where, name=f"{table.name}{ever}")
    unlinked = use.c.source + literal(":") + use.c.account_source_id
    whole = func.coalesce(use.c.account_id, unlinked).label("whole")
    return select(*use.c, whole).cte(f"days_of_{table.name}{ever}")


def _on_days_of(active: CTE, use: CTE) -> CTE:
    """The rows of usage of who was active on a day: the person, or the account where unnamed."""
    who = func.coalesce(active.c.person, active.c.whole).label("who")
    days = select(active.c.whole, active.c.day, who).distinct().cte("days_of_active")
    person, account = days.alias("person_active"), days.alias("account_active")
    by_person = and_(
        person.c.whole == use.c.whole,
        person.c.day == use.c.day,
        person.c.who == func.coalesce(use.c.person, use.c.whole),
    )
    by_account = and_(
        account.c.whole == use.c.whole, account.c.day == use.c.day, account.c.who == use.c.whole
    )
    return (
        select(*use.c)
        .select_from(use.outerjoin(person, by_person).outerjoin(account, by_account))
        .where(or_(person.c.who.is_not(None), account.c.who.is_not(None)))
        .cte("used_days")
    )
