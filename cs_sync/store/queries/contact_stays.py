"""Contacts at several accounts of their source, by what tables show of them."""

from collections.abc import Iterator

from sqlalchemy import Connection, FromClause, and_, case, func, select

from cs_sync.identity import RecordRef, StayFact
from cs_sync_schemas.tables import CONTACT_ACCOUNT, CONTACT_LINK, SOURCE_CONTACT, TICKET, USAGE_DAY

CONTACT, LINK = SOURCE_CONTACT, CONTACT_LINK
PLACE, USAGE = CONTACT_ACCOUNT, USAGE_DAY


def read_contact_stays(connection: Connection) -> list[StayFact]:
    """Return contacts' stays at other than their current accounts."""
    tickets = select(
        TICKET.c.source,
        TICKET.c.contact_source_id,
        TICKET.c.account_source_id,
        TICKET.c.opened_at.label("first"),
        TICKET.c.opened_at.label("last"),
    ).where(TICKET.c.deleted_at.is_(None))
    use = select(
        USAGE.c.source,
        USAGE.c.contact_source_id,
        USAGE.c.account_source_id,
        USAGE.c.day.label("first"),
        USAGE.c.day.label("last"),
    ).where(USAGE.c.deleted_at.is_(None))
    same_source = and_(LINK.c.contact_id == PLACE.c.contact_id, LINK.c.source == PLACE.c.source)
    places = (
        select(
            PLACE.c.source,
            LINK.c.source_id.label("contact_source_id"),
            PLACE.c.account_source_id,
            PLACE.c.valid_from.label("first"),
            PLACE.c.valid_to.label("last"),
        )
        .join_from(PLACE, LINK, same_source)
        .where(PLACE.c.stated.is_(True))
    )
    shown = (("ticket", tickets), ("usage_day", use), ("contact_account", places))
    return [
        stay
        for table, rows in shown
        for stay in _read_stays(connection, table, rows.subquery(table))
    ]


def _read_stays(connection: Connection, table: str, rows: FromClause) -> Iterator[StayFact]:
    """Yield first and last day per account of contacts that moved."""
    elsewhere = (
        select(rows.c.source, rows.c.contact_source_id)
        .join(
            CONTACT,
            and_(
                CONTACT.c.source == rows.c.source,
                CONTACT.c.source_id == rows.c.contact_source_id,
                CONTACT.c.account_source_id != rows.c.account_source_id,
                CONTACT.c.deleted_at.is_(None),
            ),
        )
        .distinct()
        .subquery("elsewhere")
    )
    same_contact = and_(
        elsewhere.c.source == rows.c.source,
        elsewhere.c.contact_source_id == rows.c.contact_source_id,
    )
    key = (rows.c.source, rows.c.contact_source_id, rows.c.account_source_id)
    is_open = func.max(case((rows.c.last.is_(None), 1), else_=0))
    statement = (
        select(*key, func.min(rows.c.first), func.max(rows.c.last), is_open)
        .join_from(elsewhere, rows, same_contact)
        .where(rows.c.account_source_id.is_not(None))
        .group_by(*key)
    )
    for source, contact, account, first, last, still in connection.execute(statement):
        yield StayFact(RecordRef(source, contact), account, table, first, None if still else last)
