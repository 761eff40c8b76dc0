"""SQL building blocks: the account of a record, and the accounts covered by a source."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    FromClause,
    Select,
    Table,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union,
    union_all,
)

from cs_sync.health.scope import SignalScope
from cs_sync.metrics.ownership import LINK, PLACE, get_respondent, join_owner
from cs_sync.metrics.sql.chosen_accounts import is_chosen
from cs_sync.metrics.sql.relations import is_counted, is_present
from cs_sync_schemas.tables import ACCOUNT, CONTACT, CONTACT_LINK, SUBSCRIPTION


def is_scored(scope: SignalScope) -> ColumnElement[bool]:
    """Return the condition for scored accounts: counted, and in scope."""
    return and_(is_counted(), is_chosen(ACCOUNT.c.id, scope.accounts))


def is_of_accounts(scope: SignalScope, record: FromClause) -> ColumnElement[bool]:
    """Limit records to those that may belong to the scope's accounts.

    Whose they are is decided elsewhere; this only spares a look at all the others.
    """
    if not scope.accounts:
        return true()
    names = _select_names(scope)
    own = record.c.account_source_id.in_(names)
    if "contact_source_id" not in record.c:
        return own
    people = select(PLACE.c.contact_id).where(PLACE.c.account_source_id.in_(names))
    persons = select(CONTACT_LINK.c.source_id).where(CONTACT_LINK.c.contact_id.in_(people))
    return or_(own, record.c.contact_source_id.in_(persons))


def is_of_subscriptions(scope: SignalScope, part: FromClause) -> ColumnElement[bool]:
    """Limit parts to those that may belong to the scope's subscriptions."""
    if not scope.accounts:
        return true()
    subscriptions = select(SUBSCRIPTION.c.source_id).where(is_of_accounts(scope, SUBSCRIPTION))
    return part.c.subscription_source_id.in_(subscriptions)


def _select_names(scope: SignalScope) -> Select[tuple[str]]:
    """Select the ids of the accounts' records, whatever the source."""
    return select(LINK.c.source_id).where(is_chosen(LINK.c.account_id, scope.accounts))


def select_owned(
    scope: SignalScope, record: Table, *columns: Any, where: ColumnElement[bool]
) -> CTE:
    """Select records with their `account_id`: their own account's, else their contact's then.

    The id is the account's own column: SQLite indexes no computed one for a join. Also selects
    `person` (the resolved contact, else the source's, else one per record) and `person_name`.

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
        select(ACCOUNT.c.id.label("account_id"), *person, *columns)
        .select_from(tables.join(ACCOUNT, ACCOUNT.c.id == owner.account_id))
        .where(is_present(record, scope.known_at), is_scored(scope), where)
        .where(is_of_accounts(scope, record))
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
    newest = select_newest_facts(scope, facts, true() if where is None else where)
    links = union_all(
        *(
            rows.add_columns(newest.c.observed_at).join(newest, newest.c.source == source)
            for rows, source in _select_links(scope)
        )
    ).subquery("links")
    return (
        select(links.c.account_id, func.max(links.c.observed_at).label("observed_at"))
        .join(ACCOUNT, ACCOUNT.c.id == links.c.account_id)
        .where(is_scored(scope))
        .group_by(links.c.account_id)
        .cte("known")
    )


def select_known_accounts(scope: SignalScope) -> Select[Any]:
    """Select the accounts that each source knows: `account_id`, `source`.

    It covers them from its first fact on.
    """
    links = union(*(rows.add_columns(source) for rows, source in _select_links(scope)))
    known = links.subquery("links")
    return (
        select(known.c.account_id, known.c.source)
        .join(ACCOUNT, ACCOUNT.c.id == known.c.account_id)
        .where(is_scored(scope))
    )


def _select_links(scope: SignalScope) -> list[tuple[Select[Any], ColumnElement[str]]]:
    """Select the accounts of records and of people, each with its source."""
    by_account = select(LINK.c.account_id).select_from(LINK)
    by_contact = (
        select(CONTACT.c.account_id)
        .select_from(CONTACT)
        .join(CONTACT_LINK, CONTACT_LINK.c.contact_id == CONTACT.c.id)
    )
    return [
        (by_account.where(is_chosen(LINK.c.account_id, scope.accounts)), LINK.c.source),
        (by_contact.where(is_chosen(CONTACT.c.account_id, scope.accounts)), CONTACT_LINK.c.source),
    ]


def select_newest_facts(
    scope: SignalScope,
    facts: Sequence[tuple[Table, ColumnElement[Any]]],
    where: ColumnElement[bool],
) -> CTE:
    """Select the moment of the newest fact per source: `source`, `observed_at`.

    It is the first by the moment's index.
    """
    sources = union(select(LINK.c.source), select(CONTACT_LINK.c.source)).subquery("sources")

    def select_of(table: Table, moment: ColumnElement[Any]) -> Select[Any]:
        # Compared as an expression, or else the index on the source were taken, and all sorted.
        of_source = (table.c.source + literal("")) == sources.c.source
        newest = (
            select(moment)
            .where(is_present(table, scope.known_at), _is_before_end(scope, moment), where)
            .where(of_source)
            .order_by(moment.desc())
            .limit(1)
            .scalar_subquery()
            .correlate(sources)
        )
        any_fact = exists().where(table.c.source == sources.c.source)
        return select(sources.c.source, newest.label("observed_at")).where(any_fact)

    facts_found = union_all(*(select_of(table, moment) for table, moment in facts)).subquery(
        "found"
    )
    return select(facts_found).where(facts_found.c.observed_at.is_not(None)).cte("newest")


def _is_before_end(scope: SignalScope, moment: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition for facts before the end of the scope.

    Days are compared by day, instants with its end.
    """
    return moment <= scope.day if isinstance(moment.type, Date) else moment < scope.until
