"""MRR spans and movements, kept with the time at which they were known."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from cs_sync.metrics.mrr.movements import AccountMrr
from cs_sync.store.records import chunks, upsert
from cs_sync_schemas import MrrMovement, MrrSpan, table_of

SPAN, MOVEMENT = table_of(MrrSpan), table_of(MrrMovement)
KNOWLEDGE = frozenset({"known_from", "known_to"})


def save_mrr(
    connection: Connection, mrr: Mapping[str, AccountMrr], policy: str, now: datetime
) -> int:
    """Store what was computed for these accounts under a policy; the number of changed rows.

    What is no longer true is not overwritten: it stays, as known until now.
    """
    spans = [row for account, found in mrr.items() for row in _spans(account, found, policy)]
    moves = [row for account, found in mrr.items() for row in _movements(account, found, policy)]
    return _save(connection, SPAN, spans, mrr, policy, now) + _save(
        connection, MOVEMENT, moves, mrr, policy, now
    )


def _spans(account: str, mrr: AccountMrr, policy: str) -> Iterable[dict[str, Any]]:
    for span in mrr.spans:
        yield {
            "account_id": account,
            "policy": policy,
            "currency": span.currency,
            "valid_from": span.valid_from,
            "valid_to": span.valid_to,
            "amount": span.amount,
            "parts": [part.json() for part in span.parts],
            "reconstructed": span.reconstructed,
        }


def _movements(account: str, mrr: AccountMrr, policy: str) -> Iterable[dict[str, Any]]:
    for movement in mrr.movements:
        yield {
            "account_id": account,
            "policy": policy,
            "currency": movement.currency,
            "at": movement.at,
            "kind": movement.kind,
            "amount": movement.amount,
            "cause": movement.cause,
            "reason": movement.reason,
        }


def _save(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    accounts: Iterable[str],
    policy: str,
    now: datetime,
) -> int:
    keys = [c.name for c in table.primary_key if c.name not in KNOWLEDGE]
    stored = _stored(connection, table, accounts, policy)
    fresh = {tuple(row[key] for key in keys): row for row in rows}
    known = {tuple(row[key] for key in keys): row for row in stored}
    obsolete = [row for key, row in known.items() if fresh.get(key) != _content(row)]
    added = [row for key, row in fresh.items() if key not in known or _content(known[key]) != row]
    _close(connection, table, keys, obsolete, now)
    upsert(connection, table, [{**row, "known_from": now, "known_to": None} for row in added])
    return len(obsolete) + len(added)


def _close(
    connection: Connection,
    table: Table,
    keys: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Say of rows that they are known to be over; all of them by one statement."""
    if not rows:
        return
    names = (*keys, "known_from")
    same = [table.c[name] == bindparam(f"own_{name}") for name in names]
    closing = update(table).where(*same).values(known_to=now)
    connection.execute(closing, [{f"own_{name}": row[name] for name in names} for row in rows])


def _stored(
    connection: Connection, table: Table, accounts: Iterable[str], policy: str
) -> list[dict[str, Any]]:
    """What is known now of these accounts.

    That it is not over is looked at here: asked for it, a database without statistics would take
    the index of what is over, and read every account's rows for some.
    """
    found: list[dict[str, Any]] = []
    for some in chunks(accounts):
        mine = table.c.account_id.in_(some), table.c.policy == policy
        rows = connection.execute(select(table).where(*mine))
        found += [row._asdict() for row in rows if row.known_to is None]
    return found


def _content(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in KNOWLEDGE}
