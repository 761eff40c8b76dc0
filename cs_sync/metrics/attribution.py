"""Whose record is it: the account and the person behind tickets, answers and usage."""

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    String,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
)

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.relations import ACCOUNT, counted, present, segments
from cs_sync_schemas import AccountLink, Contact, ContactLink, table_of

_LINK = table_of(AccountLink)
_CONTACT = table_of(Contact)
_CONTACT_LINK = table_of(ContactLink)


def attributed(
    scope: Scope, record: FromClause, *columns: ColumnElement[object], where: ColumnElement[bool]
) -> CTE:
    """Records that are there, with `account_id`, `person`, the segments and these columns.

    The account is the record's own or else its contact's; records of test accounts and of
    merged ones are left out, those without any account stay. `person` is the resolved contact,
    or else the source's, or else None.
    """
    account_link = and_(
        _LINK.c.source == record.c.source, _LINK.c.source_id == record.c.account_source_id
    )
    contact_link = and_(
        _CONTACT_LINK.c.source == record.c.source,
        _CONTACT_LINK.c.source_id == record.c.contact_source_id,
    )
    account_id = func.coalesce(_LINK.c.account_id, _CONTACT.c.account_id)
    return (
        select(
            account_id.label("account_id"),
            person(record).label("person"),
            *segments(scope),
            *columns,
        )
        .select_from(
            record.outerjoin(_LINK, account_link)
            .outerjoin(_CONTACT_LINK, contact_link)
            .outerjoin(_CONTACT, _CONTACT.c.id == _CONTACT_LINK.c.contact_id)
            .outerjoin(ACCOUNT, ACCOUNT.c.id == account_id)
        )
        .where(present(scope, record), where, or_(ACCOUNT.c.id.is_(None), counted()))
        .cte(f"attributed_{record.name}")  # type: ignore[attr-defined]
    )


def person(record: FromClause) -> ColumnElement[str]:
    """One name per person across sources; None for a record that names nobody."""
    own = cast(record.c.source, String) + literal(":") + record.c.contact_source_id
    return func.coalesce(_CONTACT_LINK.c.contact_id, own)
