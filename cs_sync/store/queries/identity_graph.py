"""The identity graph in the database: the facts it is resolved from, and its result."""

import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, and_, or_, select, update

from cs_sync.identity import (
    AccountFact,
    AliasFact,
    ContactFact,
    IdentityFacts,
    KnownAccount,
    KnownContact,
    KnownIdentity,
    KnownLink,
    MembershipFact,
    RecordRef,
    Resolution,
    ResolvedAccount,
    ResolvedContact,
    ResolvedLink,
)
from cs_sync.identity.precedence import LAST_PRECEDENCE
from cs_sync.store.queries.account_answers import ANSWER, read_answers, save_questions
from cs_sync.store.queries.account_past import OWNER_NAME, PastReader
from cs_sync.store.queries.attributes import save_attributes
from cs_sync.store.queries.contact_accounts import save_contact_accounts
from cs_sync.store.queries.contact_stays import read_contact_stays
from cs_sync.store.records.history import archive_rows
from cs_sync.store.upserts import CHUNK_SIZE, split_chunks, split_rows, upsert_rows
from cs_sync_schemas.tables import (
    ACCOUNT,
    ACCOUNT_CHANGE,
    ACCOUNT_LINK,
    ALIAS,
    CONTACT,
    CONTACT_LINK,
    MEMBERSHIP,
    OWNER,
    SOURCE_ACCOUNT,
    SOURCE_CONTACT,
)

P = TypeVar("P", AccountFact, ContactFact)
NO_PRECEDENCE: Mapping[str, int] = {}


def read_identity_facts(
    connection: Connection, precedence: Mapping[str, int] = NO_PRECEDENCE
) -> IdentityFacts:
    """Read all facts about identity from sources and people; tombstones are marked.

    Args:
        connection: A read connection.
        precedence: Source → its precedence; sources without one come last.
    """
    members = _select_records(
        connection, MEMBERSHIP, "contact_source_id", "account_source_id", "is_primary"
    )
    aliases = _select_records(connection, ALIAS, "record", "survivor_source_id")

    def read_parties(table: Table, kind: type[P], *fields: str) -> list[P]:
        """Read the facts of accounts' or contacts' records."""
        rows = _select_records(connection, table, *fields)
        return [
            kind(
                ref=ref,
                deleted=deleted,
                precedence=precedence.get(ref.source, LAST_PRECEDENCE),
                **values,
            )
            for ref, deleted, values in rows
        ]

    return IdentityFacts(
        accounts=read_parties(SOURCE_ACCOUNT, AccountFact, *_ACCOUNT_FIELDS),
        contacts=read_parties(SOURCE_CONTACT, ContactFact, *_CONTACT_FIELDS),
        memberships=[
            MembershipFact(source=ref.source, **values)
            for ref, deleted, values in members
            if not deleted
        ],
        aliases=[AliasFact(ref=ref, **values) for ref, deleted, values in aliases if not deleted],
        answers=read_answers(connection),
        stays=read_contact_stays(connection),
    )


_ACCOUNT_FIELDS = (
    "name",
    "domain",
    "extra_domains",
    "external_key",
    "email",
    "owner_source_id",
    "attributes",
    "created_at",
    "is_test",
)
_CONTACT_FIELDS = (
    "account_source_id",
    "email",
    "extra_emails",
    "external_key",
    "name",
    "role",
    "created_at",
    "updated_at",
)


def has_identity_changed(connection: Connection, since: datetime) -> bool:
    """Return whether sources or people changed identity facts at or after `since`."""
    tables = (SOURCE_ACCOUNT, ACCOUNT_CHANGE, SOURCE_CONTACT, MEMBERSHIP, ALIAS)
    changes = [(table, table.c.changed_at >= since) for table in tables]
    changes.append((ANSWER, or_(ANSWER.c.decided_at >= since, ANSWER.c.undone_at >= since)))
    return any(
        connection.scalar(select(table.c.source).where(new).limit(1)) for table, new in changes
    )


def read_known_identities(connection: Connection) -> KnownIdentity:
    """Read the result of the previous identity resolution."""

    def links(table: Table, target: str) -> list[KnownLink]:
        rows = map(_share_texts, (row._asdict() for row in connection.execute(select(table))))
        return [
            KnownLink(_build_ref(r), r[target], r["rule"], r["reason"], r["decided_by"])
            for r in rows
        ]

    accounts = connection.execute(
        select(ACCOUNT.c.id, ACCOUNT.c.first_seen_at, ACCOUNT.c.external_key, ACCOUNT.c.merged_into)
    )
    contacts = connection.execute(select(CONTACT.c.id, CONTACT.c.first_seen_at))
    return KnownIdentity(
        accounts=[KnownAccount(*row) for row in accounts],
        account_links=links(ACCOUNT_LINK, "account_id"),
        contacts=[KnownContact(*row) for row in contacts],
        contact_links=links(CONTACT_LINK, "contact_id"),
    )


def save_graph(
    connection: Connection,
    resolution: Resolution,
    now: datetime,
    since: datetime | None = None,
    left_out: Collection[str] = (),
) -> None:
    """Store the changes of an identity resolution and archive the replaced rows.

    Accounts that gained or lost a record count as changed.

    Args:
        connection: A write transaction.
        resolution: The accounts and contacts.
        now: The time of the resolution.
        since: Until when told changes of accounts had been taken in; None takes in all.
        left_out: Attributes whose past does not count.
    """
    moved = _save_links(connection, ACCOUNT_LINK, "account_id", resolution.account_links, now)
    _save_links(connection, CONTACT_LINK, "contact_id", resolution.contact_links, now)
    _mark_moved(connection, moved, now)
    _mark_merged(connection, resolution.merged_accounts, now)
    _save_changed_rows(connection, ACCOUNT, map(_build_account_row, resolution.accounts), now)
    _save_changed_rows(connection, CONTACT, map(_build_contact_row, resolution.contacts), now)
    save_contact_accounts(connection, resolution, now)
    save_questions(connection, resolution.conflicts, now)
    owners = _read_owner_names(connection)
    past = PastReader(connection, owners, since, moved, frozenset(left_out))
    for start in range(0, len(resolution.accounts), CHUNK_SIZE):
        accounts = resolution.accounts[start : start + CHUNK_SIZE]
        stated = (
            (a.id, {OWNER_NAME: owners.get(a.owner, a.owner.source_id), **a.attributes})
            if a.owner
            else (a.id, a.attributes)
            for a in accounts
        )
        save_attributes(connection, stated, now, past.read_past(accounts))


def _build_account_row(account: ResolvedAccount) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "external_key": account.external_key,
        "domain": account.domain,
        "owner_source": account.owner.source if account.owner else None,
        "owner_source_id": account.owner.source_id if account.owner else None,
        "attributes": dict(account.attributes),
        "created_at": account.created_at,
        "is_test": account.is_test,
        "merged_into": None,
    }


def _build_contact_row(contact: ResolvedContact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "account_id": contact.account_id,
        "email": contact.email,
        "external_key": contact.external_key,
        "name": contact.name,
        "role": contact.role,
    }


def _read_owner_names(connection: Connection) -> dict[RecordRef, str]:
    """Map owner → name, an attribute for segments."""
    columns = (OWNER.c.source, OWNER.c.source_id, OWNER.c.name, OWNER.c.email)
    return {
        _build_ref(row): row["name"] or row["email"] or row["source_id"]
        for row in connection.execute(select(*columns)).mappings()
    }


def _mark_moved(connection: Connection, accounts: Collection[str], now: datetime) -> None:
    """Mark accounts with other records as changed, those written just now aside."""
    if not accounts:
        return
    before = set(connection.scalars(select(ACCOUNT.c.id).where(ACCOUNT.c.changed_at != now)))
    for chunk in split_chunks(name for name in accounts if name in before):
        these = ACCOUNT.c.id.in_(chunk)
        archive_rows(connection, ACCOUNT, these, now)
        connection.execute(update(ACCOUNT).where(these).values(changed_at=now))


def _mark_merged(connection: Connection, merged: Mapping[str, str], now: datetime) -> None:
    merged_rows = select(ACCOUNT.c.id, ACCOUNT.c.merged_into).where(
        ACCOUNT.c.merged_into.is_not(None)
    )
    stored = {row.id: row.merged_into for row in connection.execute(merged_rows)}
    for old, survivor in merged.items():
        if stored.get(old) != survivor:
            itself = ACCOUNT.c.id == old
            archive_rows(connection, ACCOUNT, itself, now)
            values = {"merged_into": survivor, "changed_at": now}
            connection.execute(update(ACCOUNT).where(itself).values(values))


def _save_changed_rows(
    connection: Connection, table: Table, rows: Iterator[dict[str, Any]], now: datetime
) -> None:
    """Store the changed ones of all rows, some at a time."""
    for some in split_rows(rows):
        same = select(table).where(table.c.id.in_([row["id"] for row in some]))
        stored: dict[str, Mapping[Any, Any]] = {
            row["id"]: row for row in connection.execute(same).mappings()
        }
        changed = [
            {**row, "first_seen_at": now, "changed_at": now}
            for row in some
            if any(stored.get(row["id"], {}).get(name, _ABSENT) != row[name] for name in row)
        ]
        for chunk in split_chunks(row["id"] for row in changed if row["id"] in stored):
            archive_rows(connection, table, table.c.id.in_(chunk), now)
        upsert_rows(connection, table, changed)


def _save_links(
    connection: Connection,
    table: Table,
    target: str,
    links: Sequence[ResolvedLink],
    now: datetime,
) -> set[str]:
    """Store changed links, some at a time.

    Returns:
        The ids with other records.
    """
    moved = set[str]()
    by_source: dict[str, list[ResolvedLink]] = defaultdict(list)
    for link in links:
        by_source[link.ref.source].append(link)
    for source, of_source in by_source.items():
        for some in split_rows(of_source):
            moved |= _save_links_of(connection, table, source, target, some, now)
    return moved


def _save_links_of(
    connection: Connection,
    table: Table,
    source: str,
    target: str,
    links: Sequence[ResolvedLink],
    now: datetime,
) -> set[str]:
    """Store the changed ones of a source's links.

    Returns:
        The ids with other records.
    """
    ids = [link.ref.source_id for link in links]
    same = select(table).where(table.c.source == source, table.c.source_id.in_(ids))
    stored = {row["source_id"]: row for row in connection.execute(same).mappings()}
    moved, replaced, rows = set[str](), list[str](), list[dict[str, Any]]()
    for link in links:
        before = stored.get(link.ref.source_id)
        if before and before[target] == link.target and before["rule"] == link.rule:
            continue
        moved.add(link.target)
        if before:
            moved.add(before[target])
            replaced.append(link.ref.source_id)
        rows.append(_build_link_row(link, target, now))
    if replaced:
        these = and_(table.c.source == source, table.c.source_id.in_(replaced))
        archive_rows(connection, table, these, now)
    upsert_rows(connection, table, rows)
    return moved


def _build_link_row(link: ResolvedLink, target: str, now: datetime) -> dict[str, Any]:
    return {
        "source": link.ref.source,
        "source_id": link.ref.source_id,
        target: link.target,
        "rule": link.rule,
        "reason": link.reason,
        "decided_by": link.decided_by,
        "since": now,
    }


_ABSENT = object()


def _select_records(
    connection: Connection, table: Table, *columns: str
) -> Iterator[tuple[RecordRef, bool, dict[str, Any]]]:
    """Yield key, deletion and columns of each record."""
    names = ("source", "source_id", "deleted_at", *columns)
    rows = connection.execute(select(*(table.c[name] for name in names)))
    for source, source_id, deleted_at, *values in rows:
        ref = RecordRef(sys.intern(source), source_id)
        yield ref, deleted_at is not None, _share_texts(dict(zip(columns, values, strict=True)))


_REPEATED = ("source", "account_source_id", "owner_source_id", "rule", "reason", "decided_by")
"""Columns with texts that many rows have."""


def _share_texts(row: dict[str, Any]) -> dict[str, Any]:
    """Replace repeated texts of a row by one object for all rows."""
    for name in _REPEATED:
        if isinstance(text := row.get(name), str):
            row[name] = sys.intern(text)
    return row


def _build_ref(row: Mapping[Any, Any]) -> RecordRef:
    return RecordRef(row["source"], row["source_id"])
