"""The write ledger: intent before the call, receipt after it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from cs_sync.store.records import upsert
from cs_sync_schemas import WriteLedger, table_of

LEDGER = table_of(WriteLedger)


def read_ledger(
    connection: Connection, destination: str, keys: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """What was ever written, or tried, at a destination: everything, or under some keys."""
    statement = select(LEDGER).where(LEDGER.c.destination == destination)
    if keys is not None:
        statement = statement.where(LEDGER.c.key.in_(list(keys)))
    return [dict(row) for row in connection.execute(statement).mappings()]


def note_intents(
    connection: Connection,
    destination: str,
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
    run: str,
) -> None:
    """Remember what is about to be sent (object, key, account_id, remote_id, intent)."""
    stored = read_ledger(connection, destination, [row["key"] for row in rows])
    known = {(row["object"], row["key"]): row for row in stored}
    merged = []
    for row in rows:
        before = known.get((row["object"], row["key"]), {})
        merged.append(
            {
                "destination": destination,
                "object": row["object"],
                "key": row["key"],
                "account_id": row["account_id"],
                "remote_id": row["remote_id"] or before.get("remote_id"),
                "status": "pending",
                "fields": before.get("fields", {}),
                "intent": {**_left_open(before), **(row["intent"] or {})},
                "intent_at": now,
                "receipt_at": before.get("receipt_at"),
                "code": None,
                "reason": None,
                "attempts": before.get("attempts", 0) + 1,
                "run_id": run,
            }
        )
    upsert(connection, LEDGER, merged)


def _left_open(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What earlier attempts tried, as long as the outcome of none of them is known."""
    is_open = row.get("status") in ("pending", "unknown")
    return (row["intent"] or {}) if is_open else {}


def note_receipts(
    connection: Connection, destination: str, rows: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Remember what came of it: rows of object, key, status, and what is known of the others of
    remote_id, code, reason, fields, intent.

    `fields` is what the destination surely has now, `intent` an attempt that was not acknowledged.
    """
    for row in rows:
        told = ("status", "code", "reason", "fields", "intent")
        values = {name: row[name] for name in told if name in row}
        values["receipt_at"] = now
        if row.get("remote_id"):
            values["remote_id"] = row["remote_id"]
        connection.execute(
            update(LEDGER)
            .where(
                LEDGER.c.destination == destination,
                LEDGER.c.object == row["object"],
                LEDGER.c.key == row["key"],
            )
            .values(values)
        )
