"""MRR spans and movements, stored with their knowledge interval."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, select

from cs_sync.metrics.mrr.movements import AccountMrr
from cs_sync.store.fast.prepared import (
    STATEMENT_CACHE_SIZE,
    PreparedStatement,
    match_ids,
    prepare_statement,
)
from cs_sync.store.records.history import end_knowledge
from cs_sync.store.upserts import split_chunks, upsert_rows
from cs_sync_schemas import MrrMovement, MrrSpan, get_table

SPAN, MOVEMENT = get_table(MrrSpan), get_table(MrrMovement)
KNOWLEDGE_COLUMNS = frozenset({"known_from", "known_to"})


def save_mrr(
    connection: Connection, mrr: Mapping[str, AccountMrr], policy: str, now: datetime
) -> int:
    """Store the computed MRR of accounts; superseded rows stay, known until now.

    Args:
        connection: A write transaction.
        mrr: Account id → its spans and movements.
        policy: Hash of the MRR policy.
        now: The time of knowledge.

    Returns:
        The number of changed rows.
    """
    spans = [
        row for account, computed in mrr.items() for row in _build_spans(account, computed, policy)
    ]
    moves = [
        row
        for account, computed in mrr.items()
        for row in _build_movements(account, computed, policy)
    ]
    return _save_rows(connection, SPAN, spans, mrr, policy, now) + _save_rows(
        connection, MOVEMENT, moves, mrr, policy, now
    )


def _build_spans(account: str, mrr: AccountMrr, policy: str) -> Iterable[dict[str, Any]]:
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


def _build_movements(account: str, mrr: AccountMrr, policy: str) -> Iterable[dict[str, Any]]:
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


def _save_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    accounts: Iterable[str],
    policy: str,
    now: datetime,
) -> int:
    keys = [c.name for c in table.primary_key if c.name not in KNOWLEDGE_COLUMNS]
    stored = _read_current(connection, table, accounts, policy)
    fresh = {tuple(row[key] for key in keys): row for row in rows}
    current = {tuple(row[key] for key in keys): row for row in stored}
    obsolete = [row for key, row in current.items() if fresh.get(key) != _drop_knowledge(row)]
    added = [
        row
        for key, row in fresh.items()
        if key not in current or _drop_knowledge(current[key]) != row
    ]
    end_knowledge(connection, table, obsolete, now)
    upsert_rows(connection, table, [{**row, "known_from": now, "known_to": None} for row in added])
    return len(obsolete) + len(added)


def _read_current(
    connection: Connection, table: Table, accounts: Iterable[str], policy: str
) -> list[dict[str, Any]]:
    """Read the current rows of these accounts.

    `known_to` is checked here: asked for it, a database without statistics would take the index
    of ended rows, and read every account's rows for some.
    """
    query = _prepare_rows(connection.dialect, table)
    names = [column.name for column in table.c]
    rows = (
        dict(zip(names, values, strict=True))
        for chunk in split_chunks(accounts)
        for values in query.rows(connection, ids=chunk, policy=policy)
    )
    return [row for row in rows if row["known_to"] is None]


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_rows(dialect: Dialect, table: Table) -> PreparedStatement:
    own = match_ids(table.c.account_id, dialect)
    return prepare_statement(
        select(table).where(own, table.c.policy == bindparam("policy")), dialect
    )


def _drop_knowledge(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in KNOWLEDGE_COLUMNS}
