"""Where people were over time: a move changes nothing of what was before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, select

from cs_sync.identity import Ref, Resolution, ResolvedContact
from cs_sync.store.attributes import BEGINNING
from cs_sync.store.history import remember
from cs_sync.store.records import chunks, upsert
from cs_sync_schemas import ContactAccount, table_of

PLACE = table_of(ContactAccount)
Row = dict[str, Any]


@dataclass(slots=True)
class _Changes:
    """Rows that are new or say something else now, and rows that were a mistake."""

    written: list[Row] = field(default_factory=list)
    mistaken: list[Row] = field(default_factory=list)


def save_places(connection: Connection, resolution: Resolution, now: datetime) -> None:
    """Note where everybody is: what is seen first has always been so, a change holds from then."""
    rows = [row._asdict() for row in connection.execute(select(PLACE))]
    known = {row["contact_id"] for row in rows}
    last = {row["contact_id"]: row for row in rows if row["valid_to"] is None}
    account_of = {link.ref: link.target for link in resolution.account_links}
    changes = _Changes([], [last[old] for old in resolution.merged_contacts if old in last])
    for contact in resolution.contacts:
        before = last.get(contact.id)
        if before and not before["stated"] and _ref(before) in resolution.nobodys:
            changes.mistaken.append(before)
            before = None
        if before is None:
            first = contact.id not in known or contact.id in last
            changes.written += _begun(contact, BEGINNING if first else now, now)
        else:
            changes.written += _followed(contact, before, account_of, now)
    _write(connection, changes, now)


def _followed(
    contact: ResolvedContact, before: Row, account_of: Mapping[Ref, str], now: datetime
) -> list[Row]:
    """What becomes of the place that a person had: the same, another record of it, or a move."""
    there = account_of.get(_ref(before), contact.account_id)
    if contact.place and there == contact.account_id:
        same = {**before, **_place(contact.place), "stated": contact.stated}
        return [] if same == before else [{**same, "changed_at": now}]
    said = contact.since
    moved = said if said and before["changed_at"] < said <= now else now
    if moved <= before["valid_from"]:
        return [{**row, "valid_from": before["valid_from"]} for row in _begun(contact, moved, now)]
    ended = {**before, "valid_to": moved, "day_to": moved.date(), "changed_at": now}
    return [ended, *_begun(contact, moved, now)]


def _begun(contact: ResolvedContact, since: datetime, now: datetime) -> list[Row]:
    if contact.place is None:
        return []
    row = {"contact_id": contact.id, **_place(contact.place), "stated": contact.stated}
    period = {"valid_from": since, "valid_to": None, "day_from": since.date(), "day_to": None}
    return [{**row, **period, "changed_at": now}]


def _place(ref: Ref) -> Row:
    return {"source": ref.source, "account_source_id": ref.source_id}


def _ref(row: Row) -> Ref:
    return Ref(row["source"], row["account_source_id"])


def _write(connection: Connection, changes: _Changes, now: datetime) -> None:
    """Replace rows, keeping what they said; rows that were a mistake are known to have been."""
    for some in chunks({row["contact_id"] for row in (*changes.written, *changes.mistaken)}):
        open_ones = and_(PLACE.c.contact_id.in_(some), PLACE.c.valid_to.is_(None))
        remember(connection, PLACE, open_ones, now)
    if changes.mistaken:
        itself = and_(PLACE.c.contact_id == bindparam("own_contact"),
                      PLACE.c.valid_from == bindparam("own_start"))  # fmt: skip
        keys = [{"own_contact": r["contact_id"], "own_start": r["valid_from"]}
                for r in changes.mistaken]  # fmt: skip
        connection.execute(delete(PLACE).where(itself), keys)
    upsert(connection, PLACE, changes.written)
