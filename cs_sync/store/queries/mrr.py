"""MRR spans and movements, stored with their knowledge interval."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, select

from cs_sync.metrics.mrr.movements import AccountMrr
from cs_sync.store.fast.bulk_upserts import upsert_columns
from cs_sync.store.fast.prepared import (
    STATEMENT_CACHE_SIZE,
    PreparedStatement,
    match_ids,
    prepare_statement,
)
from cs_sync.store.records.history import end_knowledge
from cs_sync.store.upserts import split_chunks
from cs_sync_schemas.tables import MRR_MOVEMENT, MRR_SPAN

Row = tuple[Any, ...]
"""The values of a row in the order of its kind's names."""
KEYS = 3
"""The first names of a kind that tell its rows apart."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table, and the columns that are an account's own."""

    table: Table
    names: tuple[str, ...]


_SPANS = _Kind(
    MRR_SPAN,
    ("account_id", "currency", "valid_from", "valid_to", "amount", "parts", "reconstructed"),
)
_MOVEMENTS = _Kind(
    MRR_MOVEMENT,
    ("account_id", "currency", "at", "kind", "amount", "cause", "reason"),
)


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
    spans = [row for own in mrr.items() for row in _build_spans(*own)]
    moves = [row for own in mrr.items() for row in _build_movements(*own)]
    return sum(
        _save_rows(connection, kind, rows, mrr, policy, now)
        for kind, rows in ((_SPANS, spans), (_MOVEMENTS, moves))
    )


def _build_spans(account: str, mrr: AccountMrr) -> Iterable[Row]:
    for span in mrr.spans:
        yield (
            account,
            span.currency,
            span.valid_from,
            span.valid_to,
            span.amount,
            [part.json() for part in span.parts],
            span.reconstructed,
        )


def _build_movements(account: str, mrr: AccountMrr) -> Iterable[Row]:
    for move in mrr.movements:
        yield (
            account, move.currency, move.at, move.kind, move.amount, move.cause, move.reason,
        )  # fmt: skip


def _save_rows(
    connection: Connection,
    kind: _Kind,
    fresh: Sequence[Row],
    accounts: Iterable[str],
    policy: str,
    now: datetime,
) -> int:
    stored = _read_current(connection, kind, accounts, policy)
    current = {row[:KEYS]: row for row, _ in stored}
    wanted = {row[:KEYS]: row for row in fresh} if stored else {}
    obsolete = [
        {**dict(zip(kind.names[:KEYS], row, strict=False)), "policy": policy, "known_from": since}
        for row, since in stored
        if wanted.get(row[:KEYS]) != row
    ]
    added = [row for row in fresh if current.get(row[:KEYS]) != row] if stored else fresh
    end_knowledge(connection, kind.table, obsolete, now)
    if added:
        columns = dict(zip(kind.names, zip(*added, strict=True), strict=True))
        shared = {"policy": policy, "known_from": now, "known_to": None}
        upsert_columns(connection, kind.table, columns, shared)
    return len(obsolete) + len(added)


def _read_current(
    connection: Connection, kind: _Kind, accounts: Iterable[str], policy: str
) -> list[tuple[Row, datetime]]:
    """Read the current rows of accounts, and since when known.

    `known_to` is checked here: asked for it, a database without statistics would take the index
    of ended rows, and read every account's rows for some.
    """
    query = _prepare_rows(connection.dialect, kind)
    return [
        (tuple(values), known_from)
        for chunk in split_chunks(accounts)
        for *values, known_from, known_to in query.rows(connection, ids=chunk, policy=policy)
        if known_to is None
    ]


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_rows(dialect: Dialect, kind: _Kind) -> PreparedStatement:
    own = match_ids(kind.table.c.account_id, dialect)
    columns = [kind.table.c[name] for name in (*kind.names, "known_from", "known_to")]
    return prepare_statement(
        select(*columns).where(own, kind.table.c.policy == bindparam("policy")), dialect
    )
