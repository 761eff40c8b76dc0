"""Whose record is it: the account and the person behind tickets, answers and usage."""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    String,
    Table,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
)

from cs_sync.metrics.membership import with_segments
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.relations import ACCOUNT, counted, present
from cs_sync_schemas import AccountLink, Contact, ContactLink, table_of

_LINK = table_of(AccountLink)
_CONTACT = table_of(Contact)
_CONTACT_LINK = table_of(ContactLink)


def attributed(
    scope: Scope, record: Table, *columns: ColumnElement[Any], where: ColumnElement[bool]
) -> CTE:
    """Records that are there, with `account_id`, `person`, the segments and these columns.

    The account is the record's own or else its contact's; records of test accounts and of
    merged ones are left out, those without any account stay. `person` is the resolved contact,
    or else the source's, or else None. Columns of `ACCOUNT` may be among `columns`. The segments
    are those of the end of the scope's last period: `Metric.statements` asks period by period.
    """
    account_link = and_(
        _LINK.c.source == record.c.source, _LINK.c.source_id == record.c.account_source_id
    )
    joined = record.outerjoin(_LINK, account_link)
    account_id: ColumnElement[Any] = _LINK.c.account_id
    who: ColumnElement[Any] = literal(None, String)
    if "contact_source_id" in record.c:
        contact_link = and_(
            _CONTACT_LINK.c.source == record.c.source,
            _CONTACT_LINK.c.source_id == record.c.contact_source_id,
        )
        joined = joined.outerjoin(_CONTACT_LINK, contact_link)
        joined = joined.outerjoin(_CONTACT, _CONTACT.c.id == _CONTACT_LINK.c.contact_id)
        account_id = func.coalesce(_LINK.c.account_id, _CONTACT.c.account_id)
        own = cast(record.c.source, String) + literal(":") + record.c.contact_source_id
        who = func.coalesce(_CONTACT_LINK.c.contact_id, own)
    owned: FromClause = joined.outerjoin(ACCOUNT, ACCOUNT.c.id == account_id)
    owned, segments = with_segments(scope, owned, ACCOUNT.c.id, scope.periods[-1].ends_at)
    return (
        select(account_id.label("account_id"), who.label("person"), *segments, *columns)
        .select_from(owned)
        .where(present(scope, record), where, or_(ACCOUNT.c.id.is_(None), counted()))
        .cte(f"attributed_{record.name}")
    )
