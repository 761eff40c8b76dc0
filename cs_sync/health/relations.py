"""Building blocks of the statements: whose record it is, and which accounts a source knows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    FromClause,
    Table,
    and_,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from cs_sync.health.scope import SignalScope
from cs_sync.metrics.ownership import CONTACT_LINK, LINK, with_owner
from cs_sync_schemas import Account, Contact, table_of

ACCOUNT = table_of(Account)
CONTACT = table_of(Contact)


def present(scope: SignalScope, record: FromClause) -> ColumnElement[bool]:
    """Records that are there: no tombstone, now or at the scope's `known_at`."""
    if scope.known_at is None:
        return record.c.deleted_at.is_(None)
    gone_later = or_(record.c.deleted_at.is_(None), record.c.deleted_at > scope.known_at)
    return and_(record.c.first_seen_at <= scope.known_at, gone_later)


def wanted(scope: SignalScope) -> ColumnElement[bool]:
    """Accounts that are scored: asked for, no tests, not merged into another."""
    counted = and_(ACCOUNT.c.is_test.is_(False), ACCOUNT.c.merged_into.is_(None))
    return and_(counted, ACCOUNT.c.id.in_(scope.accounts)) if scope.accounts else counted


def owned(scope: SignalScope, record: Table, *columns: Any, where: ColumnElement[bool]) -> CTE:
    """Records with their `account_id`: their own account's, else their contact's of then.

    Also `person` (the resolved contact, else the source's, else one per record) and `person_name`.
    """
    found, person = with_owner(record), list[ColumnElement[Any]]()
    tables = found.rows
    if found.contact_id is not None:
        alone = record.c.source + literal("#") + record.c.source_id
        own = record.c.source + literal(":") + record.c.contact_source_id
        tables = tables.outerjoin(CONTACT, CONTACT.c.id == found.contact_id)
        person = [
            func.coalesce(CONTACT.c.id, own, alone).label("person"),
            CONTACT.c.name.label("person_name"),
        ]
    return (
        select(found.account_id.label("account_id"), *person, *columns)
        .select_from(tables.join(ACCOUNT, ACCOUNT.c.id == found.account_id))
        .where(present(scope, record), wanted(scope), where)
        .cte(f"owned_{record.name}")
    )


def known_to(
    scope: SignalScope,
    *facts: tuple[Table, ColumnElement[Any]],
    where: ColumnElement[bool] | None = None,
) -> CTE:
    """Accounts that a source of such facts knows: `account_id`, `observed_at`.

    `facts` are tables with the column that dates a fact; `where` says which of them count.
    `observed_at` is the newest fact that the source had of anybody: for an account without facts
    it tells nothing-happened from nothing-was-read. An account that no such source knows is not in
    it.
    """
    newest = _newest(scope, facts, true() if where is None else where)
    by_account = select(LINK.c.account_id, newest.c.observed_at).join(
        newest, newest.c.source == LINK.c.source
    )
    by_contact = (
        select(CONTACT.c.account_id, newest.c.observed_at)
        .select_from(CONTACT)
        .join(CONTACT_LINK, CONTACT_LINK.c.contact_id == CONTACT.c.id)
        .join(newest, newest.c.source == CONTACT_LINK.c.source)
    )
    links = union_all(by_account, by_contact).subquery("links")
    return (
        select(links.c.account_id, func.max(links.c.observed_at).label("observed_at"))
        .join(ACCOUNT, ACCOUNT.c.id == links.c.account_id)
        .where(wanted(scope))
        .group_by(links.c.account_id)
        .cte("known")
    )


def _newest(
    scope: SignalScope,
    facts: Sequence[tuple[Table, ColumnElement[Any]]],
    where: ColumnElement[bool],
) -> CTE:
    """Source → the instant or day of its newest fact."""
    return union_all(
        *(
            select(table.c.source, func.max(moment).label("observed_at"))
            .where(present(scope, table), _before(scope, moment), where)
            .group_by(table.c.source)
            for table, moment in facts
        )
    ).cte("newest")


def _before(scope: SignalScope, moment: ColumnElement[Any]) -> ColumnElement[bool]:
    """Dated no later than the scope: by day for days, before its end for instants."""
    return moment <= scope.day if isinstance(moment.type, Date) else moment < scope.until
