"""Days on which somebody used the product, and who: what figures of use begin with."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
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
from cs_sync.metrics.shared_use import (
    NUMBERS,
    OWNERS,
    TIMED_DAY,
    USED_DAY,
    USED_SPAN,
    find_edge,
    is_told_apart,
)
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.dialects import bind_day, ignore_index
from cs_sync_schemas.tables import FEATURE_DAY, USAGE_DAY

USE, FEATURE = USAGE_DAY, FEATURE_DAY
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
    use = select_use_days(scope, *columns, within=(since or date.min, until))
    rows, someone = _join_someone(use)
    return (
        select(*use.c, someone.label("someone"))
        .select_from(rows)
        .where(someone.is_not(None))
        .cte("people_days")
    )


def select_people_use(
    scope: Scope, *columns: ColumnElement[Any], edges: Iterable[date | None]
) -> CTE:
    """Select use by `someone`: shared sums, or else days.

    What counts days and records of it asks `count_days` and `get_weight`.

    Args:
        scope: The scope.
        *columns: As of `select_people_days`.
        edges: The days at which what the statement tells apart begins or ends; None: use of all
            days before counts, too.
    """
    asked = set(edges)
    first = None if None in asked else min(filter(None, asked))
    if not is_told_apart(scope, asked):
        return select_people_days(scope, *columns, since=first)
    span = first or date.min, max(filter(None, asked))
    someone = USED_SPAN.c.someone.is_not(None)
    return select(USED_SPAN).where(someone, is_within(USED_SPAN.c.day, span)).cte("people_use")


def select_use(scope: Scope, *, edges: Iterable[date], within: Span | None = None) -> CTE:
    """Select all use: shared sums, or else days.

    Args:
        scope: The scope.
        edges: The days at which what the statement tells apart begins or ends.
        within: The span of the days; None: of all.
    """
    if not is_told_apart(scope, {*edges, *(within or ())}):
        return select_use_days(scope, within=within)
    bounds = [is_within(USED_SPAN.c.day, within)] if within else []
    return select(USED_SPAN).where(*bounds).cte("use_within" if within else "use_ever")


def select_timed_days(scope: Scope, since: date) -> CTE:
    """Select days of use by `someone` whose time is known.

    With sessions and seconds.
    """
    if scope.shared_edges:
        span = since, max(period.end for period in scope.periods)
        someone = TIMED_DAY.c.someone.is_not(None)
        return select(TIMED_DAY).where(someone, is_within(TIMED_DAY.c.day, span)).cte("timed_days")
    days = select_people_days(scope, USE.c.sessions, USE.c.seconds, since=since)
    return select(*days.c).where(days.c.seconds.is_not(None)).cte("timed_days")


def count_days(use: FromClause) -> ColumnElement[int]:
    """Count the days in use of one person at one place."""
    return func.sum(use.c.days) if "days" in use.c else func.count(use.c.day.distinct())


def get_weight(use: FromClause, name: str = "records") -> ColumnElement[int]:
    """Return how many records a row of use stands for.

    Args:
        use: The use.
        name: `records`: all of them; `counted`: those with sessions.
    """
    if name in use.c:
        return use.c[name]
    return literal(1) if name == "records" else case((use.c.sessions.is_not(None), 1), else_=0)


def select_days_to_share(scope: Scope) -> Select[Any]:
    """Select all days of use before the end of a scope.

    With the columns of `USED_DAY`.
    """
    columns = (USE.c[name] for name in NUMBERS)
    within = date.min, max(period.end for period in scope.periods)
    days = select_days_by_owner(scope, USE, *columns, where=is_used(), within=within, most=True)
    return select(*(days.c[column.name] for column in USED_DAY.c))


def select_spans_to_share(edges: Sequence[date]) -> Select[Any]:
    """Select the rows of `USED_SPAN` from the shared days."""
    rows, someone = _join_someone(USED_DAY)
    first = find_edge(USED_DAY.c.day, (date.min, *edges)).label("day")
    keys = [first, *(USED_DAY.c[name] for name in OWNERS), someone.label("someone")]
    own = [USED_DAY.c.day.label("at"), USED_DAY.c.events, USED_DAY.c.sessions]
    days = select(*keys, *own).select_from(rows).subquery("days_in_spans")
    groups = [days.c[key.name] for key in keys]
    return select(
        *groups,
        func.count(days.c.at.distinct()),
        func.count(),
        func.sum(days.c.events),
        func.sum(days.c.sessions),
        func.count(days.c.sessions),
    ).group_by(*groups)


def select_timed_days_to_share() -> Select[Any]:
    """Select the rows of `TIMED_DAY` from the shared days."""
    rows, someone = _join_someone(USED_DAY)
    own = {**USED_DAY.c, "someone": someone}
    columns = (own[column.name] for column in TIMED_DAY.c)
    return select(*columns).select_from(rows).where(USED_DAY.c.seconds.is_not(None))


def _join_someone(use: FromClause) -> tuple[FromClause, ColumnElement[Any]]:
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


def select_use_days(scope: Scope, *columns: ColumnElement[Any], within: Span | None = None) -> CTE:
    """Select days with activity, with `whole`: the account, linked or unlinked.

    With `active_features` set these are the rows of those features; their sessions come from the
    rows of usage of the same people and days.
    """
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
    most: bool = False,
) -> CTE:
    """Select a table's days with person and account.

    The days are bounded before owners are looked up: a statement needs few of all days. `most`: see
    `select_attributed`.
    """
    ever = "" if within else "_ever"
    if within:
        where = and_(where, is_within(table.c.day, within))
    own = [table.c[name] for name in ("source", "account_source_id", "day")]
    use = select_attributed(
        scope, table, *own, *columns, where=where, name=f"{table.name}{ever}", most=most
    )
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
