"""What is stored of one person, and putting them on the list of those who are forgotten."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Table, and_, select

from cs_sync.identity.domains import email_of
from cs_sync.store.everywhere import holding, rows_of
from cs_sync.store.personal import is_one_person
from cs_sync.store.suppression import Kind, Suppressed, save_suppressed, stand_in
from cs_sync_schemas import (
    Account,
    AccountLink,
    Contact,
    ContactLink,
    SourceAccount,
    SourceContact,
    SurveyResponse,
    Ticket,
    history_of,
    table_of,
)

CONTACT, LINK, ACCOUNT_LINK = table_of(Contact), table_of(ContactLink), table_of(AccountLink)


@dataclass(slots=True)
class Person:
    """What is stored of one person before it is erased."""

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


def find_person(
    connection: Connection, address: str = "", refs: Iterable[tuple[str, str]] = ()
) -> Person:
    """Everything that is tied to an address or to contact records, by what identity decided."""
    person = Person({address} if address else set(), set(refs))
    table = table_of(SourceContact)
    for row in holding(connection, table, person.addresses):
        if address in _addresses(row):
            person.refs.add((row["source"], row["source_id"]))
    links = _links(connection, LINK)
    person.contacts = {contact for contact, ref in links if ref in person.refs}
    person.refs |= {ref for contact, ref in links if contact in person.contacts}
    person.contacts |= _once(connection, person, {contact for contact, _ in links})
    for source, ids in by_source(person.refs).items():
        where = and_(table.c.source == source, table.c.source_id.in_(ids))
        for row in rows_of(connection, table, where):
            person.addresses |= _addresses(row)
            person.names |= {row["name"]} - {None}
        _collect_texts(connection, person, source, ids)
    for one in (CONTACT, history_of(CONTACT)):
        if one is None:
            continue
        owned = select(one.c.account_id, one.c.name).where(one.c.id.in_(person.contacts))
        for account, name in connection.execute(owned):
            person.accounts |= {account} - {None}
            person.names |= {name} - {None}
    _collect_private(connection, person)
    return person


def _collect_private(connection: Connection, person: Person) -> None:
    table = table_of(SourceAccount)
    same = and_(
        ACCOUNT_LINK.c.source == table.c.source, ACCOUNT_LINK.c.source_id == table.c.source_id
    )
    owner = select(ACCOUNT_LINK.c.account_id, table.c.name).join_from(table, ACCOUNT_LINK, same)
    for row in holding(connection, table, person.addresses):
        named = {email_of(row["email"]), email_of(row["source_id"])}
        if named & person.addresses and is_one_person(row):
            mine = and_(table.c.source == row["source"], table.c.source_id == row["source_id"])
            for account, name in connection.execute(owner.where(mine)):
                person.private.add(account)
                person.names |= {name} - {None}
    person.accounts |= person.private


def _links(connection: Connection, table: Table) -> list[tuple[str, tuple[str, str]]]:
    """Contact and (source, source_id) of each of its records."""
    columns = (table.c.contact_id, table.c.source, table.c.source_id)
    return [(row[0], (row[1], row[2])) for row in connection.execute(select(*columns))]


def _once(connection: Connection, person: Person, living: Collection[str]) -> set[str]:
    """Contacts that the person's records once were, and that nobody is any more."""
    history = history_of(LINK)
    before = [] if history is None else _links(connection, history)
    return {contact for contact, ref in before if ref in person.refs and contact not in living}


def suppress(connection: Connection, suppressed: Suppressed, person: Person, now: datetime) -> None:
    """Put the person on the list of those who are never stored again."""
    domains = _company_domains(connection)
    kinds: dict[str, Kind] = {}
    for address in sorted(person.addresses):
        kinds[suppressed.add("address", address, stand_in(address, domains))] = "address"
    for source, source_id in sorted(person.refs):
        kinds[suppressed.add("contact", f"{source}|{source_id}", new_token())] = "contact"
    save_suppressed(connection, suppressed, kinds, now)


def _collect_texts(
    connection: Connection, person: Person, source: str, ids: Collection[str]
) -> None:
    for model, column in ((SurveyResponse, "comment"), (Ticket, "subject")):
        table = table_of(model)
        for one in (table, history_of(table)):
            if one is None:
                continue
            wrote = and_(one.c.source == source, one.c.contact_source_id.in_(ids))
            for row in rows_of(connection, one, wrote):
                person.origins.add((source, row["source_id"]))
                person.texts |= {row[column]} - {None}


def _addresses(row: Mapping[str, Any]) -> set[str]:
    given = (row["email"], *(row["extra_emails"] or ()), row["source_id"])
    return {email for text in given if (email := email_of(text))}


def _company_domains(connection: Connection) -> set[str]:
    accounts, resolved = table_of(SourceAccount), table_of(Account)
    found = set(connection.scalars(select(resolved.c.domain)))
    for domain, extra in connection.execute(select(accounts.c.domain, accounts.c.extra_domains)):
        found |= {domain, *(extra or ())}
    return {domain for domain in found if domain}


def by_source(refs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids of each source, in order."""
    grouped: dict[str, list[str]] = {}
    for source, source_id in sorted(refs):
        grouped.setdefault(source, []).append(source_id)
    return grouped


def new_token() -> str:
    """An id that says nothing of a person."""
    return f"erased-{token_hex(6)}"
