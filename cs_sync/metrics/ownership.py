"""Whose record is it: the one definition, for metrics and for health."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Date, FromClause, Table, and_, func, or_

from cs_sync_schemas import (
    AccountLink,
    ContactAccount,
    ContactLink,
    FeatureDay,
    SurveyResponse,
    Ticket,
    UsageDay,
    table_of,
)

LINK, CONTACT_LINK = table_of(AccountLink), table_of(ContactLink)
PLACE = table_of(ContactAccount)
PLACE_LINK = LINK.alias("place_link")
_HAPPENED = {
    table_of(Ticket).name: "opened_at",
    table_of(SurveyResponse).name: "answered_at",
    table_of(UsageDay).name: "day",
    table_of(FeatureDay).name: "day",
}
"""Records of people → the column that says when it happened."""


@dataclass(frozen=True, slots=True)
class Owned:
    """Records joined to their owners, with the account's id and the person's, if any."""

    rows: FromClause
    account_id: ColumnElement[Any]
    contact_id: ColumnElement[Any] | None


def with_owner(record: Table) -> Owned:
    """The records with the account that they name, or else their person's when it happened.

    A person who moves on later changes nothing of it; an account that is merged takes it along.
    """
    named = and_(LINK.c.source == record.c.source, LINK.c.source_id == record.c.account_source_id)
    rows: FromClause = record.outerjoin(LINK, named)
    if "contact_source_id" not in record.c:
        return Owned(rows, LINK.c.account_id, None)
    person = and_(
        CONTACT_LINK.c.source == record.c.source,
        CONTACT_LINK.c.source_id == record.c.contact_source_id,
    )
    placed = and_(
        PLACE_LINK.c.source == PLACE.c.source,
        PLACE_LINK.c.source_id == PLACE.c.account_source_id,
    )
    rows = rows.outerjoin(CONTACT_LINK, person).outerjoin(PLACE, _there(record))
    account_id = func.coalesce(LINK.c.account_id, PLACE_LINK.c.account_id)
    return Owned(rows.outerjoin(PLACE_LINK, placed), account_id, CONTACT_LINK.c.contact_id)


def _there(record: Table) -> ColumnElement[bool]:
    """Where the person was when it happened; records without a time are of the last place."""
    moment = record.c[_HAPPENED[record.name]]
    by_day = isinstance(moment.type, Date)
    start, end = (
        (PLACE.c.day_from, PLACE.c.day_to) if by_day else (PLACE.c.valid_from, PLACE.c.valid_to)
    )
    then = and_(start <= moment, or_(end.is_(None), end > moment))
    timeless = and_(moment.is_(None), end.is_(None))
    return and_(PLACE.c.contact_id == CONTACT_LINK.c.contact_id, or_(then, timeless))
