"""SQL building blocks: the account of a record, and the accounts covered by a source."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Table,
    and_,
    func,
    select,
    true,
    union_all,
)

from cs_sync.health.scope import SignalScope
from cs_sync.metrics.ownership import CONTACT_LINK, LINK, get_respondent, join_owner
from cs_sync.metrics.sql.relations import ACCOUNT, is_counted, is_present
from cs_sync_schemas import Contact, get_table

CONTACT = get_table(Contact)


def is_scored(scope: SignalScope) -> ColumnElement[bool]:
    """Return the condition for scored accounts: counted, and in scope."""
    counted = is_counted()
    return and_(counted, ACCOUNT.c.id.in_(scope.accounts)) if scope.accounts else counted


def select_owned(
    scope: SignalScope, record: Table, *columns: Any, where: ColumnElement[bool]
) -> CTE:
    """Select records with their `account_id`: their own account's, else their contact's then.

    Also selects `person` (the resolved contact, else the source's, else one per record) and
    `person_name`.

    Args:
        scope: The moment and the accounts.
        record: The table of the records.
        *columns: Further columns of the table.
        where: A condition on the records.
    """
    owner, person = join_owner(record), list[ColumnElement[Any]]()
    tables = owner.rows
    if owner.contact_id is not None:
        tables = tables.outerjoin(CONTACT, CONTACT.c.id == owner.contact_id)
        person = [
            get_respondent(record, owner.person).label("person"),
            CONTACT.c.name.label("person_name"),
        ]
    return (
        select(owner.account_id.label("account_id"), *person, *columns)
        .select_from(tables.join(ACCOUNT, ACCOUNT.c.id == owner.account_id))
        .where(is_present(record, scope.known_at), is_scored(scope), where)
        .cte(f"owned_{record.name}")
    )


def select_covered_accounts(
    scope: SignalScope,
    *facts: tuple[Table, ColumnElement[Any]],
    where: ColumnElement[bool] | None = None,
) -> CTE:
    """Select the accounts covered by the sources of such facts.

    `observed_at` is the newest fact of the source for any account: for an account without
    facts it tells no activity from no data. Accounts of no such source are left out.

    Args:
        scope: The moment and the accounts.
        *facts: Tables, each with the column that dates a fact.
        where: A condition on the facts that count.

    Returns:
        Columns `account_id`, `observed_at`.
    """
    newest = _select_newest(scope, facts, true() if where is None else where)
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
        .where(is_scored(scope))
        .group_by(links.c.account_id)
        .cte("known")
    )


def _select_newest(
    scope: SignalScope,
    facts: Sequence[tuple[Table, ColumnElement[Any]]],
    where: ColumnElement[bool],
) -> CTE:
    """Select the instant or day of the newest fact per source."""
    return union_all(
        *(
            select(table.c.source, func.max(moment).label("observed_at"))
            .where(is_present(table, scope.known_at), _is_before_end(scope, moment), where)
            .group_by(table.c.source)
            for table, moment in facts
        )
    ).cte("newest")


def _is_before_end(scope: SignalScope, moment: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition for facts before the end of the scope.

    Days are compared by day, instants with its end.
    """
    return moment <= scope.day if isinstance(moment.type, Date) else moment < scope.until
