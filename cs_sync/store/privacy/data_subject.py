"""Stored data of one person, and their entry in the suppression list."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection, Table, and_, select

from cs_sync.identity.domains import normalise_email
from cs_sync.store.privacy.redact_record import is_person_account
from cs_sync.store.privacy.suppression import (
    Kind,
    SuppressionList,
    create_stand_in_address,
    save_suppression_list,
)
from cs_sync.store.privacy.table_scan import find_address_rows, select_rows
from cs_sync_schemas import get_history_table
from cs_sync_schemas.tables import (
    ACCOUNT,
    ACCOUNT_LINK,
    CONTACT,
    CONTACT_LINK,
    SOURCE_ACCOUNT,
    SOURCE_CONTACT,
    SURVEY_RESPONSE,
    TICKET,
)

LINK = CONTACT_LINK


class DataSubject(Struct):
    """The stored data of one person, before erasure."""

    addresses: set[str] = field(default_factory=set)
    refs: set[tuple[str, str]] = field(default_factory=set)
    """(source, source_id) of every contact record."""
    contacts: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    """Accounts that are this person: customers with a private address."""
    names: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    """What they wrote: comments and subjects."""
    origins: set[tuple[str, str]] = field(default_factory=set)
    """(source, source_id) of what they wrote."""


def find_data_subject(
    connection: Connection, address: str = "", refs: Iterable[tuple[str, str]] = ()
) -> DataSubject:
    """Collect all data tied to an address or contact records."""
    person = DataSubject({address} if address else set(), set(refs))
    table = SOURCE_CONTACT
    for row in find_address_rows(connection, table, person.addresses):
        if address in _extract_addresses(row):
            person.refs.add((row["source"], row["source_id"]))
    links = _read_links(connection, LINK)
    person.contacts = {contact for contact, ref in links if ref in person.refs}
    person.refs |= {ref for contact, ref in links if contact in person.contacts}
    person.contacts |= _find_former_contacts(connection, person, {contact for contact, _ in links})
    for source, ids in group_by_source(person.refs).items():
        where = and_(table.c.source == source, table.c.source_id.in_(ids))
        for row in select_rows(connection, table, where):
            person.addresses |= _extract_addresses(row)
            person.names |= {row["name"]} - {None}
        _collect_texts(connection, person, source, ids)
    for contact_table in (CONTACT, get_history_table(CONTACT)):
        if contact_table is None:
            continue
        owned = select(contact_table.c.account_id, contact_table.c.name).where(
            contact_table.c.id.in_(person.contacts)
        )
        for account, name in connection.execute(owned):
            person.accounts |= {account} - {None}
            person.names |= {name} - {None}
    _collect_private_accounts(connection, person)
    return person


def _collect_private_accounts(connection: Connection, person: DataSubject) -> None:
    table = SOURCE_ACCOUNT
    same = and_(
        ACCOUNT_LINK.c.source == table.c.source, ACCOUNT_LINK.c.source_id == table.c.source_id
    )
    owner = select(ACCOUNT_LINK.c.account_id, table.c.name).join_from(table, ACCOUNT_LINK, same)
    for row in find_address_rows(connection, table, person.addresses):
        named = {normalise_email(row["email"]), normalise_email(row["source_id"])}
        if named & person.addresses and is_person_account(row):
            same_record = and_(
                table.c.source == row["source"], table.c.source_id == row["source_id"]
            )
            for account, name in connection.execute(owner.where(same_record)):
                person.private.add(account)
                person.names |= {name} - {None}
    person.accounts |= person.private


def _read_links(connection: Connection, table: Table) -> list[tuple[str, tuple[str, str]]]:
    """Return the contact and (source, source_id) of each record."""
    columns = (table.c.contact_id, table.c.source, table.c.source_id)
    return [(row[0], (row[1], row[2])) for row in connection.execute(select(*columns))]


def _find_former_contacts(
    connection: Connection, person: DataSubject, living: Collection[str]
) -> set[str]:
    """Return former contact ids of this person that are now unused."""
    history = get_history_table(LINK)
    before = [] if history is None else _read_links(connection, history)
    return {contact for contact, ref in before if ref in person.refs and contact not in living}


def suppress_data_subject(
    connection: Connection, suppressed: SuppressionList, person: DataSubject, now: datetime
) -> None:
    """Add the person to the suppression list."""
    domains = _read_company_domains(connection)
    kinds: dict[str, Kind] = {}
    for address in sorted(person.addresses):
        kinds[suppressed.add("address", address, create_stand_in_address(address, domains))] = (
            "address"
        )
    for source, source_id in sorted(person.refs):
        kinds[suppressed.add("contact", f"{source}|{source_id}", create_token())] = "contact"
    save_suppression_list(connection, suppressed, kinds, now)


def _collect_texts(
    connection: Connection, person: DataSubject, source: str, ids: Collection[str]
) -> None:
    for table, column in ((SURVEY_RESPONSE, "comment"), (TICKET, "subject")):
        for version in (table, get_history_table(table)):
            if version is None:
                continue
            wrote = and_(version.c.source == source, version.c.contact_source_id.in_(ids))
            for row in select_rows(connection, version, wrote):
                person.origins.add((source, row["source_id"]))
                person.texts |= {row[column]} - {None}


def _extract_addresses(row: Mapping[str, Any]) -> set[str]:
    addresses = (row["email"], *(row["extra_emails"] or ()), row["source_id"])
    return {email for text in addresses if (email := normalise_email(text))}


def _read_company_domains(connection: Connection) -> set[str]:
    accounts, resolved = SOURCE_ACCOUNT, ACCOUNT
    domains = set(connection.scalars(select(resolved.c.domain)))
    for domain, extra in connection.execute(select(accounts.c.domain, accounts.c.extra_domains)):
        domains |= {domain, *(extra or ())}
    return {domain for domain in domains if domain}


def group_by_source(refs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Group ids by source, in order."""
    grouped: dict[str, list[str]] = {}
    for source, source_id in sorted(refs):
        grouped.setdefault(source, []).append(source_id)
    return grouped


def create_token() -> str:
    """Return a random id without personal data."""
    return f"erased-{token_hex(6)}"
