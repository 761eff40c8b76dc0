"""Accounts of contacts over time; a move does not change the past."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection, and_, bindparam, delete, select

from cs_sync.identity import RecordRef, Resolution, ResolvedContact
from cs_sync.identity.past_values import BEGINNING
from cs_sync.store.records.history import archive_rows
from cs_sync.store.upserts import split_chunks, split_rows, upsert_rows
from cs_sync_schemas.tables import CONTACT_ACCOUNT

PLACE = CONTACT_ACCOUNT
Row = dict[str, Any]


class _Changes(Struct):
    """New or changed rows, and mistaken rows."""

    written: list[Row] = field(default_factory=list)
    mistaken: list[Row] = field(default_factory=list)


def save_contact_accounts(connection: Connection, resolution: Resolution, now: datetime) -> None:
    """Store each contact's account, some contacts at a time.

    The first one is valid from the beginning, a change from its own time on.
    """
    account_of = {link.ref: link.target for link in resolution.account_links}
    for merged in split_chunks(resolution.merged_contacts):
        gone = [row for row in _read_places(connection, merged) if row["valid_to"] is None]
        _apply_changes(connection, _Changes(mistaken=gone), now)
    for some in split_rows(resolution.contacts):
        rows = _read_places(connection, [contact.id for contact in some])
        changes = _find_changes(some, rows, account_of, resolution.nobodys, now)
        _apply_changes(connection, changes, now)


def _read_places(connection: Connection, contacts: Sequence[str]) -> list[Row]:
    these = select(PLACE).where(PLACE.c.contact_id.in_(contacts))
    return [row._asdict() for row in connection.execute(these)]


def _find_changes(
    contacts: Sequence[ResolvedContact],
    rows: Sequence[Row],
    account_of: Mapping[RecordRef, str],
    nobodys: Container[RecordRef],
    now: datetime,
) -> _Changes:
    """Compare contacts with their stored rows."""
    placed = {row["contact_id"] for row in rows}
    last = {row["contact_id"]: row for row in rows if row["valid_to"] is None}
    changes = _Changes()
    for contact in contacts:
        before = last.get(contact.id)
        if before and _is_mistaken(before, contact, account_of, nobodys):
            changes.mistaken.append(before)
            before = None
        if before is None:
            first = contact.id not in placed or contact.id in last
            changes.written += _start_place(contact, BEGINNING if first else now, now)
        else:
            changes.written += _update_place(contact, before, account_of, now)
    return changes


def _is_mistaken(
    before: Row,
    contact: ResolvedContact,
    account_of: Mapping[RecordRef, str],
    nobodys: Container[RecordRef],
) -> bool:
    """Return whether the placing domain proved shared or nobody's."""
    ref = _build_ref(before)
    doubtful = ref in nobodys or account_of.get(ref) in contact.doubted
    return doubtful and not before["stated"]


def _update_place(
    contact: ResolvedContact, before: Row, account_of: Mapping[RecordRef, str], now: datetime
) -> list[Row]:
    """Build the rows for a placed contact.

    Unchanged, another record, or a move.
    """
    current_account = account_of.get(_build_ref(before), contact.account_id)
    if contact.place and current_account == contact.account_id:
        same = {**before, **_build_place_fields(contact.place), "stated": contact.stated}
        return [] if same == before else [{**same, "changed_at": now}]
    since = contact.since
    moved = since if since and before["changed_at"] < since <= now else now
    if moved <= before["valid_from"]:
        return [
            {**row, "valid_from": before["valid_from"]} for row in _start_place(contact, moved, now)
        ]
    ended = {**before, "valid_to": moved, "day_to": moved.date(), "changed_at": now}
    return [ended, *_start_place(contact, moved, now)]


def _start_place(contact: ResolvedContact, since: datetime, now: datetime) -> list[Row]:
    if contact.place is None:
        return []
    row = {"contact_id": contact.id, **_build_place_fields(contact.place), "stated": contact.stated}
    period = {"valid_from": since, "valid_to": None, "day_from": since.date(), "day_to": None}
    return [{**row, **period, "changed_at": now}]


def _build_place_fields(ref: RecordRef) -> Row:
    return {"source": ref.source, "account_source_id": ref.source_id}


def _build_ref(row: Row) -> RecordRef:
    return RecordRef(row["source"], row["account_source_id"])


def _apply_changes(connection: Connection, changes: _Changes, now: datetime) -> None:
    """Archive and replace rows; delete mistaken ones."""
    for chunk in split_chunks({row["contact_id"] for row in (*changes.written, *changes.mistaken)}):
        open_ones = and_(PLACE.c.contact_id.in_(chunk), PLACE.c.valid_to.is_(None))
        archive_rows(connection, PLACE, open_ones, now)
    if changes.mistaken:
        itself = and_(PLACE.c.contact_id == bindparam("own_contact"),
                      PLACE.c.valid_from == bindparam("own_start"))  # fmt: skip
        keys = [{"own_contact": r["contact_id"], "own_start": r["valid_from"]}
                for r in changes.mistaken]  # fmt: skip
        connection.execute(delete(PLACE).where(itself), keys)
    upsert_rows(connection, PLACE, changes.written)
