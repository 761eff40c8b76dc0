"""People of the accounts, with their use of the product and their records in a CRM."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    select,
)

from cs_sync.follow_ups.facts import PersonFact
from cs_sync.health import SignalScope
from cs_sync.health.signals.usage import get_use_table, select_use_by_owner
from cs_sync.health.signals.use_history import AccountUse, collect_use
from cs_sync.metrics.sql.chosen_accounts import ChosenAccounts, is_chosen
from cs_sync.store.queries.batches import USES_AT_ONCE, fetch_batches
from cs_sync_schemas.tables import (
    ACCOUNT_LINK,
    CONTACT,
    CONTACT_LINK,
    SOURCE_ACCOUNT,
    SOURCE_CONTACT,
)

ACCOUNT_RECORD = SOURCE_ACCOUNT
LINK, RECORD = CONTACT_LINK, SOURCE_CONTACT
LONGEST, RECENT, EARLIER = 180, 14, 70
"""Days of use that are read; the last ones; and those that the earlier ones begin with."""


def read_people(
    connection: Connection,
    scope: SignalScope,
    accounts: ChosenAccounts = (),
    uses: Iterable[AccountUse] | None = None,
) -> dict[str, tuple[PersonFact, ...]]:
    """Map account id → its people with a live record, by id.

    Args:
        connection: A read connection.
        scope: The day, and whose use counts: somebody's at any account.
        accounts: The accounts of the people.
        uses: All use of every account that these people used, if it is at hand.
    """
    chosen = and_(CONTACT.c.account_id.is_not(None), is_chosen(CONTACT.c.account_id, accounts))
    if uses is None:
        people_of = select(CONTACT.c.id).where(chosen) if accounts else None
        uses = _read_use(connection, scope, people_of)
    use = _count_use(uses, scope.day.toordinal())
    statement = (
        select(CONTACT.c.account_id, CONTACT.c.id, CONTACT.c.name, CONTACT.c.role)
        .where(chosen, exists().where(_is_living_record()))
        .order_by(CONTACT.c.account_id, CONTACT.c.id)
    )
    people: dict[str, list[PersonFact]] = defaultdict(list)
    for account, id_, name, role in connection.execute(statement).all():
        people[account].append(PersonFact(id_, name, role, *use.get(id_, (None, 0, 0))))
    return {account: tuple(of_account) for account, of_account in people.items()}


def read_last_contacts(connection: Connection) -> dict[str, datetime]:
    """Map account id → its last logged contact, as sources state it."""
    at = ACCOUNT_RECORD.c.last_contacted_at
    same = and_(
        ACCOUNT_RECORD.c.source == ACCOUNT_LINK.c.source,
        ACCOUNT_RECORD.c.source_id == ACCOUNT_LINK.c.source_id,
    )
    statement = (
        select(ACCOUNT_LINK.c.account_id, func.max(at))
        .join_from(ACCOUNT_LINK, ACCOUNT_RECORD, same)
        .where(at.is_not(None), ACCOUNT_RECORD.c.deleted_at.is_(None))
        .group_by(ACCOUNT_LINK.c.account_id)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def read_remote_contacts(connection: Connection, destination: str) -> dict[str, str]:
    """Map contact id → its record at the destination.

    The first of several.
    """
    statement = (
        select(LINK.c.contact_id, func.min(LINK.c.source_id))
        .join_from(LINK, RECORD, _is_same_record())
        .where(LINK.c.source == destination, RECORD.c.deleted_at.is_(None))
        .group_by(LINK.c.contact_id)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def read_contact_facts(connection: Connection) -> dict[str, dict[str, Any]]:
    """Map contact id → name, role and e-mail address."""
    statement = select(CONTACT.c.id, CONTACT.c.name, CONTACT.c.role, CONTACT.c.email)
    return {
        id_: {"name": name, "role": role, "email": email}
        for id_, name, role, email in connection.execute(statement)
    }


def read_homes(connection: Connection) -> dict[str, str]:
    """Map contact id → the account that it belongs to."""
    statement = select(CONTACT.c.id, CONTACT.c.account_id)
    rows = connection.execute(statement.where(CONTACT.c.account_id.is_not(None)))
    return {row[0]: row[1] for row in rows}


def _read_use(
    connection: Connection, scope: SignalScope, people: Select[tuple[str]] | None
) -> Iterable[AccountUse]:
    """Read the last days of use, of some people or all."""
    where = None
    if people is not None:
        records = select(LINK.c.source_id).where(LINK.c.contact_id.in_(people))
        where = get_use_table(scope).c.contact_source_id.in_(records)
    statement = select_use_by_owner(scope, scope.first_day(LONGEST), where)
    rows = chain.from_iterable(fetch_batches(connection, statement, USES_AT_ONCE))
    return (use for _, use in collect_use(rows))


def _count_use(uses: Iterable[AccountUse], today: int) -> dict[str, tuple[date | None, int, int]]:
    """Map contact id → its last day and counts of use.

    Recent and earlier days, at whatever accounts.
    """
    days: dict[str, Sequence[int]] = {}
    for use in uses:
        for person, own in use.people.items():
            days[person] = sorted({*days[person], *own}) if person in days else own
    return {person: _count_days(own, today) for person, own in days.items()}


def _count_days(days: Sequence[int], today: int) -> tuple[date | None, int, int]:
    """Return the last day, and the numbers of recent and earlier days."""
    until = bisect_right(days, today)
    if not until or days[until - 1] <= today - LONGEST:
        return None, 0, 0
    recent, earlier = (bisect_left(days, today - n + 1) for n in (RECENT, EARLIER))
    return date.fromordinal(days[until - 1]), until - recent, recent - earlier


def _is_same_record() -> ColumnElement[bool]:
    return and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)


def _is_living_record() -> ColumnElement[bool]:
    return and_(LINK.c.contact_id == CONTACT.c.id, _is_same_record(), RECORD.c.deleted_at.is_(None))
