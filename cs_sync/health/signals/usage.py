"""Signals from usage: days of use, last use, and trend."""

from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    distinct,
    func,
    literal,
    select,
    true,
)

from cs_sync.health.relations import (
    is_of_accounts,
    is_scored,
    select_covered_accounts,
    select_newest_facts,
    select_owned,
)
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.features import FEATURE, is_from_reporting_source
from cs_sync.metrics.days_of_use import is_feature_used, is_used
from cs_sync.metrics.ownership import PLACE, join_owner_of_names
from cs_sync.metrics.sql.dialects import bind_day, ignore_index
from cs_sync.metrics.sql.relations import is_present
from cs_sync_schemas.tables import ACCOUNT, USAGE_DAY

USAGE = USAGE_DAY
_PART, _NOBODY = "\x1f", "\x1e"
"""What stands between the parts of one text, and for a missing one."""


def select_used_days(
    scope: SignalScope, since: date | None = None, where: ColumnElement[bool] | None = None
) -> CTE:
    """Select active days of use up to the scope's day, with account.

    Args:
        scope: The moment and the accounts.
        since: The first day; the very first by default.
        where: A further condition on the records of `get_use_table`.
    """
    table = get_use_table(scope)
    used = _is_used_within(scope, since, where)
    is_named = table.c.contact_source_id.is_not(None).label("by_person")
    return select_owned(scope, table, table.c.day, table.c.events, is_named, where=used)


def _is_used_within(
    scope: SignalScope, since: date | None, where: ColumnElement[bool] | None
) -> ColumnElement[bool]:
    """Build the condition for records of active days: see `select_used_days`."""
    table = get_use_table(scope)
    active = is_feature_used(scope.active_features) if scope.active_features else is_used()
    if since is None:
        within = ignore_index(table.c.day) <= scope.day
    else:
        within = table.c.day.between(since, scope.day)
    return and_(active, within) if where is None else and_(active, within, where)


def list_use_columns(scope: SignalScope) -> dict[str, ColumnElement[Any]]:
    """List what signals of use need of each record of `get_use_table`.

    `whose` is source, account and contact, as one text (`split_whose`), and `events` are −1 where
    nobody was active. With `active_features` set, `naming` is whether the record shows that its
    source reports them.
    """
    table, features = get_use_table(scope), scope.active_features
    active = is_feature_used(features) if features else is_used()
    account, contact = (
        func.coalesce(table.c[name], literal(_NOBODY))
        for name in ("account_source_id", "contact_source_id")
    )
    parted = literal(_PART)
    columns: dict[str, ColumnElement[Any]] = {
        "whose": table.c.source + parted + account + parted + contact,
        "day": table.c.day,
        "events": case((active, table.c.events), else_=-1),
    }
    naming = {"naming": case((FEATURE.c.feature.in_(features), 1), else_=0)} if features else {}
    return columns | naming


def split_whose(whose: str) -> tuple[str | None, ...]:
    """Split `whose` into source, account and contact."""
    return tuple(None if part == _NOBODY else part for part in whose.split(_PART))


def get_use_table(scope: SignalScope) -> Table:
    """Return the table with the records of use that make somebody active."""
    return FEATURE if scope.active_features else USAGE


def select_use_coverage(scope: SignalScope) -> CTE:
    """Select the accounts covered by a source of use: `account_id`, `observed_at`.

    With `active_features` set, only sources that have reported one of them count: a source of
    totals does not tell who was active.
    """
    table = get_use_table(scope)
    return select_covered_accounts(scope, (table, table.c.day), where=_is_use_covering(scope))


def select_newest_use(scope: SignalScope) -> Select[Any]:
    """Select the newest day of each source of use: `source`, `observed_at`."""
    table = get_use_table(scope)
    return select(select_newest_facts(scope, [(table, table.c.day)], _is_use_covering(scope)))


def _is_use_covering(scope: SignalScope) -> ColumnElement[bool]:
    if not scope.active_features:
        return true()
    return is_from_reporting_source(scope, scope.active_features)


def select_use_by_owner(
    scope: SignalScope, since: date | None = None, where: ColumnElement[bool] | None = None
) -> Select[Any]:
    """Select active days of use, put together by account and person.

    They are those up to the scope's day, and the rows come in the order of accounts and people.
    Records of the same names are put together before anybody asks whose they are: `uses` has a day
    and its events for each (`2026-11-29 17,…`), of which those from `day_from` on and before
    `day_to` count; null: all.

    Args:
        scope: The moment and the accounts.
        since: As of `select_used_days`.
        where: As of `select_used_days`.
    """
    table = get_use_table(scope)
    each = cast(table.c.day, String) + literal(" ") + cast(table.c.events, String)
    first = bind_day(since or date.min)
    names = [table.c[name] for name in ("source", "account_source_id", "contact_source_id")]
    uses = (
        select(*names, func.aggregate_strings(each, ",").label("uses"))
        .where(is_present(table, scope.known_at), is_of_accounts(scope, table))
        .where(_is_used_within(scope, None, where), ignore_index(table.c.day) >= first)
        .group_by(*names)
        .cte("uses")
    )
    owner = join_owner_of_names(uses)
    rows = owner.rows.join(ACCOUNT, ACCOUNT.c.id == owner.account_id)
    return (
        select(
            ACCOUNT.c.id.label("account_id"),
            owner.person.label("person"),
            PLACE.c.day_from,
            PLACE.c.day_to,
            uses.c.uses,
        )
        .select_from(rows)
        .where(is_scored(scope))
        .order_by(ACCOUNT.c.id, owner.person)
    )


def active_days_28(scope: SignalScope) -> Select[Any]:
    """Select the account's days of use in the last 28."""
    days = select_used_days(scope, scope.first_day(28))
    counts = (
        select(days.c.account_id, func.count(distinct(days.c.day)).label("days"))
        .group_by(days.c.account_id)
        .cte("counts")
    )
    covered = select_use_coverage(scope)
    active_days = func.coalesce(counts.c.days, 0)
    return select(
        covered.c.account_id,
        active_days.label("value"),
        covered.c.observed_at,
        active_days.label("n"),
    ).select_from(covered.outerjoin(counts, counts.c.account_id == covered.c.account_id))


def last_day_of_use(scope: SignalScope) -> Select[Any]:
    """Select the last day of use as `value`.

    Accounts never used have no row.
    """
    days = select_used_days(scope)
    return _join_coverage(
        scope,
        select(
            days.c.account_id,
            func.max(days.c.day).label("value"),
            func.count().label("n"),
        ).group_by(days.c.account_id),
    )


def usage_trend_28(scope: SignalScope) -> Select[Any]:
    """Select the events of 28 days ÷ those of the previous 28.

    The value is unknown until the account has used the product for 56 days.
    """
    days = select_used_days(scope)
    late, early = scope.first_day(28), scope.first_day(56)
    recent = func.sum(case((days.c.day >= late, days.c.events), else_=0))
    before = func.sum(case((and_(days.c.day >= early, days.c.day < late), days.c.events), else_=0))
    return _join_coverage(
        scope,
        select(
            days.c.account_id,
            case((before > 0, cast(recent, Float) / cast(before, Float))).label("value"),
            func.count().label("n"),
        )
        .group_by(days.c.account_id)
        .having(func.min(days.c.day) <= early),
    )


def _join_coverage(scope: SignalScope, use: Select[Any]) -> Select[Any]:
    """Select the use of covered accounts, aggregated before the join."""
    totals, covered = use.cte("use_of_accounts"), select_use_coverage(scope)
    return select(
        totals.c.account_id, totals.c.value, covered.c.observed_at, totals.c.n
    ).select_from(totals.join(covered, covered.c.account_id == totals.c.account_id))
