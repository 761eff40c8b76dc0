"""Days on which somebody used the product, and who: what figures of use begin with."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Date,
    FromClause,
    MetaData,
    Select,
    String,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.dialects import bind_day, ignore_index
from cs_sync_schemas.tables import FEATURE_DAY, USAGE_DAY

USE, FEATURE = USAGE_DAY, FEATURE_DAY
USED_DAY = Table(
    "used_day",
    MetaData(),
    *(Column(name, String) for name in ("account_id", "person", "whole", "someone")),
    Column("day", Date, index=True),
    *(Column(name, USE.c[name].type) for name in ("events", "sessions", "seconds")),
    prefixes=["TEMPORARY"],
)
"""Days of use shared by the statements of one connection: see `Scope.shared_days`. `someone` is
null in rows that `select_people_days` leaves out."""
Span = tuple[date, date]
"""The first day, and the first that no longer belongs to it."""


def is_within(day: ColumnElement[date], span: Span) -> ColumnElement[bool]:
    """Build the condition that a day lies in a span.

    Of a span from the very first day on most rows are wanted.
    """
    since, until = map(bind_day, span)
    return ignore_index(day) < until if span[0] == date.min else and_(day >= since, day < until)


def is_used() -> ColumnElement[bool]:
    """Build the condition for rows of usage with any use.

    Events, sessions or time.
    """
    return or_(USE.c.events > 0, USE.c.sessions > 0, USE.c.seconds > 0)


def is_feature_used(features: Sequence[str] = ()) -> ColumnElement[bool]:
    """Return the condition for used features, of these or all."""
    used = or_(FEATURE.c.events > 0, FEATURE.c.users > 0)
    return and_(FEATURE.c.feature.in_(features), used) if features else used


def select_people_days(scope: Scope, *columns: ColumnElement[Any], since: date | None) -> CTE:
    """Select days of use by `someone`: the person, else the account.

    An account's own row is left out on days with named people. `columns` are those of `USE` to
    select, too.
    """
    until = max(period.end for period in scope.periods)
    within = since or date.min, until
    if scope.shared_days:
        return _select_shared_days(within, USED_DAY.c.someone.is_not(None)).cte("people_days")
    use = select_use_days(scope, *columns, within=within)
    rows, someone = _join_someone(use)
    return (
        select(*use.c, someone.label("someone"))
        .select_from(rows)
        .where(someone.is_not(None))
        .cte("people_days")
    )


def select_days_to_share(scope: Scope) -> Select[Any]:
    """Select all days of use before the end of a scope.

    With the columns of `USED_DAY`.
    """
    columns = USE.c.events, USE.c.sessions, USE.c.seconds
    within = date.min, max(period.end for period in scope.periods)
    use = select_days_by_owner(scope, USE, *columns, where=is_used(), within=within)
    rows, someone = _join_someone(use)
    days = select(*use.c, someone.label("someone")).select_from(rows).subquery("days")
    return select(*(days.c[column.name] for column in USED_DAY.c)).order_by(days.c.day)


def _join_someone(use: CTE) -> tuple[FromClause, ColumnElement[Any]]:
    """Join days of use to named people's.

    Returns `someone` too, which is null beside those.
    """
    unnamed = select(use.c.whole).where(use.c.person.is_(None))
    identified = select(use.c.whole, use.c.day).where(
        use.c.person.is_not(None), use.c.whole.in_(unnamed)
    )
    named = identified.distinct().cte("days_by_name")
    same_day = and_(use.c.person.is_(None), named.c.whole == use.c.whole, named.c.day == use.c.day)
    alone = and_(use.c.person.is_(None), named.c.whole.is_(None))
    return use.outerjoin(named, same_day), case((alone, use.c.whole), else_=use.c.person)


def _select_shared_days(within: Span | None, *where: ColumnElement[bool]) -> Select[Any]:
    """Select shared days of use within a span that meet conditions."""
    bounds = [] if within is None else [is_within(USED_DAY.c.day, within)]
    return select(USED_DAY).where(*where, *bounds)


def select_use_days(scope: Scope, *columns: ColumnElement[Any], within: Span | None = None) -> CTE:
    """Select days with activity, with `whole`: the account, linked or unlinked.

    With `active_features` set these are the rows of those features; their sessions come from the
    rows of usage of the same people and days.
    """
    if scope.shared_days:
        return _select_shared_days(within).cte("used_days" if within else "used_days_ever")
    if not scope.active_features:
        return select_days_by_owner(scope, USE, *columns, where=is_used(), within=within)
    ours = is_feature_used(scope.active_features)
    if not any(column.name == "sessions" for column in columns):
        own = (FEATURE.c[column.name] for column in columns)
        return select_days_by_owner(scope, FEATURE, *own, where=ours, within=within)
    return _select_use_of_active(
        select_days_by_owner(scope, FEATURE, where=ours, within=within),
        select_days_by_owner(scope, USE, *columns, where=true(), within=within),
    )


def select_days_by_owner(
    scope: Scope,
    table: Table,
    *columns: ColumnElement[Any],
    where: ColumnElement[bool],
    within: Span | None = None,
) -> CTE:
    """Select a table's days with person and account.

    The days are bounded before owners are looked up: a statement needs few of all days.
    """
    ever = "" if within else "_ever"
    if within:
        where = and_(where, is_within(table.c.day, within))
    own = [table.c[name] for name in ("source", "account_source_id", "day")]
    use = select_attributed(scope, table, *own, *columns, where=where, name=f"{table.name}{ever}")
    unlinked = use.c.source + literal(":") + use.c.account_source_id
    whole = func.coalesce(use.c.account_id, unlinked).label("whole")
    return select(*use.c, whole).cte(f"days_of_{table.name}{ever}")


def _select_use_of_active(active: CTE, use: CTE) -> CTE:
    """Select the usage of people or unnamed accounts active that day."""
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
