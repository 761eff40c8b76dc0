"""Record ownership: the one definition for metrics and health."""

from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    String,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
)

from cs_sync_schemas.tables import (
    ACCOUNT_LINK,
    CONTACT_ACCOUNT,
    CONTACT_LINK,
    FEATURE_DAY,
    SURVEY_RESPONSE,
    TICKET,
    USAGE_DAY,
)

LINK = ACCOUNT_LINK
PLACE = CONTACT_ACCOUNT
PLACE_LINK = LINK.alias("place_link")
_TIME_COLUMNS = {
    TICKET.name: "opened_at",
    SURVEY_RESPONSE.name: "answered_at",
    USAGE_DAY.name: "day",
    FEATURE_DAY.name: "day",
}
"""Records of people → the column that says when it happened."""


class OwnedRecords(Struct, frozen=True):
    """Records joined to their owners: the account's id, and of records of people the contact's.

    `person` is the resolved contact, else the source's; null where the record names nobody.
    """

    rows: FromClause
    account_id: ColumnElement[Any]
    contact_id: ColumnElement[Any] | None
    person: ColumnElement[Any]


def join_owner(record: Table, *, named: bool = True) -> OwnedRecords:
    """Join records to their named account, else their person's then.

    A person's later move changes nothing; a merged account takes its records along.

    Args:
        record: The table of the records.
        named: Whether the person matters; else one is looked up where no account is named alone.
    """
    rows: FromClause = record.outerjoin(LINK, names_account(record))
    if "contact_source_id" not in record.c:
        return OwnedRecords(rows, LINK.c.account_id, None, literal(None, String))
    contact = record.c.contact_source_id
    person = and_(
        CONTACT_LINK.c.source == record.c.source,
        CONTACT_LINK.c.source_id
        == (contact if named else case((LINK.c.account_id.is_(None), contact))),
    )
    rows = rows.outerjoin(CONTACT_LINK, person).outerjoin(PLACE, _is_place_then(record))
    account_id = func.coalesce(LINK.c.account_id, PLACE_LINK.c.account_id)
    return OwnedRecords(
        rows.outerjoin(PLACE_LINK, names_account(PLACE, PLACE_LINK)),
        account_id,
        CONTACT_LINK.c.contact_id,
        _name_person(record, CONTACT_LINK.c.contact_id) if named else literal(None, String),
    )


def join_owner_of_names(names: FromClause) -> OwnedRecords:
    """Join the names that records share to their owners.

    There is a row per place of a person: a record belongs to the row's account if its day lies from
    `PLACE.c.day_from` on and before `day_to`; both are null where the record's own account decides.

    Args:
        names: `source`, `account_source_id`, `contact_source_id`.
    """
    person = and_(
        CONTACT_LINK.c.source == names.c.source,
        CONTACT_LINK.c.source_id == names.c.contact_source_id,
    )
    unnamed = and_(PLACE.c.contact_id == CONTACT_LINK.c.contact_id, LINK.c.account_id.is_(None))
    rows = names.outerjoin(LINK, names_account(names)).outerjoin(CONTACT_LINK, person)
    rows = rows.outerjoin(PLACE, unnamed).outerjoin(PLACE_LINK, names_account(PLACE, PLACE_LINK))
    return OwnedRecords(
        rows,
        func.coalesce(LINK.c.account_id, PLACE_LINK.c.account_id),
        CONTACT_LINK.c.contact_id,
        _name_person(names, CONTACT_LINK.c.contact_id),
    )


def _name_person(record: FromClause, contact_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """Name a record's person: the contact, else as the source does.

    Null where it names nobody.
    """
    own = cast(record.c.source, String) + literal(":") + record.c.contact_source_id
    return func.coalesce(contact_id, own)


def names_account(record: FromClause, link: FromClause = LINK) -> ColumnElement[bool]:
    """Build the condition for the link of a record's account."""
    return and_(link.c.source == record.c.source, link.c.source_id == record.c.account_source_id)


def get_respondent(record: FromClause, person: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the person, else the record itself.

    An unnamed answer counts by itself.
    """
    return func.coalesce(person, record.c.source + literal("#") + record.c.source_id)


def _is_place_then(record: Table) -> ColumnElement[bool]:
    """Build the condition for the person's account at that time.

    For undated records the last. Where the record's own account is known, none is looked up.
    """
    moment = record.c[_TIME_COLUMNS[record.name]]
    by_day = isinstance(moment.type, Date)
    start, end = (
        (PLACE.c.day_from, PLACE.c.day_to) if by_day else (PLACE.c.valid_from, PLACE.c.valid_to)
    )
    then = and_(start <= moment, or_(end.is_(None), end > moment))
    timeless = and_(moment.is_(None), end.is_(None))
    person = case((LINK.c.account_id.is_(None), CONTACT_LINK.c.contact_id))
    return and_(PLACE.c.contact_id == person, or_(then, timeless))
