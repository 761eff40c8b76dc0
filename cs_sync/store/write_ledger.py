"""The write ledger: intent before the call, receipt after it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas.tables import WRITE_LEDGER

LEDGER = WRITE_LEDGER


def read_ledger(
    connection: Connection,
    destination: str,
    keys: Collection[str] | None = None,
    *,
    statuses: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Return the writes and attempts at a destination, oldest first.

    Args:
        connection: A database connection.
        destination: The destination's name.
        keys: Only these keys; all if None.
        statuses: Only those with one of these statuses; all if empty.
    """
    statement = (
        select(LEDGER)
        .where(LEDGER.c.destination == destination)
        .order_by(LEDGER.c.intent_at, LEDGER.c.object, LEDGER.c.key)
    )
    if keys is not None:
        statement = statement.where(LEDGER.c.key.in_(list(keys)))
    if statuses:
        statement = statement.where(LEDGER.c.status.in_(list(statuses)))
    return [dict(row) for row in connection.execute(statement).mappings()]


def record_intents(
    connection: Connection,
    destination: str,
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
    run: str,
) -> None:
    """Record writes before they are sent.

    Args:
        connection: A write transaction.
        destination: The name of the destination.
        rows: Rows of object, key, account_id, remote_id, intent.
        now: The time of the attempt.
        run: The id of the run.
    """
    stored = read_ledger(connection, destination, [row["key"] for row in rows])
    entries = {(row["object"], row["key"]): row for row in stored}
    merged = []
    for row in rows:
        before = entries.get((row["object"], row["key"]), {})
        merged.append(
            {
                "destination": destination,
                "object": row["object"],
                "key": row["key"],
                "account_id": row["account_id"],
                "remote_id": row["remote_id"] or before.get("remote_id"),
                "status": "pending",
                "fields": before.get("fields", {}),
                "intent": {**_get_open_intent(before), **(row["intent"] or {})},
                "intent_at": now,
                "receipt_at": before.get("receipt_at"),
                "code": None,
                "reason": None,
                "attempts": before.get("attempts", 0) + 1,
                "run_id": run,
            }
        )
    upsert_rows(connection, LEDGER, merged)


def _get_open_intent(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the intent of earlier attempts while their outcome is unknown."""
    is_open = row.get("status") in ("pending", "unknown")
    return (row["intent"] or {}) if is_open else {}


def record_receipts(
    connection: Connection, destination: str, rows: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Record the results of writes.

    Args:
        connection: A write transaction.
        destination: The name of the destination.
        rows: Rows of object, key, status, and where known remote_id, code, reason, fields (what
            the destination has for certain) and intent (an attempt without acknowledgement).
        now: The time of the results.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        columns = [name for name in ("status", "code", "reason", "fields", "intent") if name in row]
        columns += ["remote_id"] if row.get("remote_id") else []
        values = {name: row[name] for name in columns}
        values |= {"of_object": row["object"], "of_key": row["key"], "receipt_at": now}
        alike.setdefault(tuple(columns), []).append(values)
    statement = update(LEDGER).where(
        LEDGER.c.destination == destination,
        LEDGER.c.object == bindparam("of_object"),
        LEDGER.c.key == bindparam("of_key"),
    )
    for entries in alike.values():
        connection.execute(statement, entries)


def read_written_keys(connection: Connection) -> set[str]:
    """Return the keys of the follow-ups written to any destination."""
    written = select(LEDGER.c.key).where(
        LEDGER.c.object == "follow_up", LEDGER.c.remote_id.is_not(None)
    )
    return set(connection.scalars(written))


def has_written_follow_ups(connection: Connection, destination: str) -> bool:
    """Return whether this database has written a follow-up to a destination."""
    statement = select(LEDGER.c.key).where(
        LEDGER.c.destination == destination, LEDGER.c.object == "follow_up"
    )
    return connection.execute(statement.limit(1)).first() is not None


def count_written_follow_ups(connection: Connection, accounts: Collection[str]) -> dict[str, int]:
    """Map destination → number of follow-ups written there for some accounts."""
    statement = (
        select(LEDGER.c.destination, func.count())
        .where(
            LEDGER.c.object == "follow_up",
            LEDGER.c.account_id.in_(accounts),
            LEDGER.c.remote_id.is_not(None),
        )
        .group_by(LEDGER.c.destination)
    )
    rows = connection.execute(statement)
    return {destination: int(count) for destination, count in rows}
