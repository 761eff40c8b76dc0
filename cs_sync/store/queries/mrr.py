"""MRR spans and movements, stored with their knowledge interval."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Dialect, Table, bindparam, select, type_coerce

from cs_sync.metrics.mrr.rows import MrrRows, describe_part
from cs_sync.store.fast.bulk_upserts import upsert_numbered_columns
from cs_sync.store.fast.prepared import (
    STATEMENT_CACHE_SIZE,
    PreparedStatement,
    match_ids,
    prepare_statement,
)
from cs_sync.store.records.history import end_knowledge
from cs_sync.store.upserts import split_chunks
from cs_sync_schemas.tables import MRR_MOVEMENT, MRR_SPAN
from cs_sync_schemas.times import Instant, Microseconds, read_microseconds

Row = tuple[Any, ...]
"""The values of a row in the order of its kind's names."""
Column = Sequence[Any]
"""The values of a column, one per row."""
KEYS = 3
"""The first names of a kind that tell its rows apart."""


class _Kind(Struct, frozen=True):
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


def save_mrr(connection: Connection, mrr: Mapping[str, MrrRows], policy: str, now: datetime) -> int:
    """Store the computed MRR of accounts; superseded rows stay, known until now.

    Args:
        connection: A write transaction.
        mrr: Account id → its spans and movements.
        policy: Hash of the MRR policy.
        now: The time of knowledge.

    Returns:
        The number of changed rows.
    """
    return sum(
        _save_rows(connection, kind, columns, mrr, policy, now)
        for kind, columns in ((_SPANS, _list_spans(mrr)), (_MOVEMENTS, _list_movements(mrr)))
    )


def _list_spans(mrr: Mapping[str, MrrRows]) -> list[Column]:
    """List the columns of the accounts' spans; none without any span."""
    spans = [span for own in mrr.values() for span in own.spans]
    accounts = [account for account, own in mrr.items() for _ in own.spans]
    if not spans:
        return []
    currency, since, until, amount, parts, reconstructed = zip(*spans, strict=True)
    documents = [list(map(describe_part, own)) for own in parts]
    return [accounts, currency, since, until, amount, documents, reconstructed]


def _list_movements(mrr: Mapping[str, MrrRows]) -> list[Column]:
    """List the columns of the accounts' movements; none without any movement."""
    moves = [move for own in mrr.values() for move in own.movements]
    accounts = [account for account, own in mrr.items() for _ in own.movements]
    return [accounts, *zip(*moves, strict=True)] if moves else []


def _save_rows(
    connection: Connection,
    kind: _Kind,
    fresh: Sequence[Column],
    accounts: Iterable[str],
    policy: str,
    now: datetime,
) -> int:
    """Store the new rows of a kind, and count the changed ones."""
    stored = _read_current(connection, kind, accounts, policy)
    added, obsolete = fresh, 0
    if stored:
        rows = {row[:KEYS]: row for row in zip(*fresh, strict=True)}
        current = {row[:KEYS]: row for row, _ in stored}
        over = [(row, since) for row, since in stored if rows.get(row[:KEYS]) != row]
        ended = [_build_key(kind, row, policy, since) for row, since in over]
        end_knowledge(connection, kind.table, ended, now)
        new = [row for key, row in rows.items() if current.get(key) != row]
        added, obsolete = [*zip(*new, strict=True)], len(ended)
    if added:
        columns = dict(zip(kind.names, added, strict=True))
        shared = {"policy": policy, "known_from": now, "known_to": None}
        upsert_numbered_columns(connection, kind.table, columns, shared)
    return obsolete + (len(added[0]) if added else 0)


def _build_key(kind: _Kind, row: Row, policy: str, known_from: int) -> dict[str, Any]:
    """Build the primary key of a stored row, its instants as datetimes."""
    account, currency, at = row[:KEYS]
    return {
        "account_id": account,
        "currency": currency,
        kind.names[KEYS - 1]: read_microseconds(at),
        "policy": policy,
        "known_from": read_microseconds(known_from),
    }


def _read_current(
    connection: Connection, kind: _Kind, accounts: Iterable[str], policy: str
) -> list[tuple[Row, int]]:
    """Read the current rows of accounts, and since when known."""
    query = _prepare_rows(connection.dialect, kind)
    return [
        (tuple(values), known_from)
        for chunk in split_chunks(accounts)
        for *values, known_from in query.rows(connection, ids=chunk, policy=policy)
    ]


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_rows(dialect: Dialect, kind: _Kind) -> PreparedStatement:
    own = match_ids(kind.table.c.account_id, dialect)
    columns = [
        type_coerce(column, Microseconds()) if isinstance(column.type, Instant) else column
        for column in (kind.table.c[name] for name in (*kind.names, "known_from"))
    ]
    of_policy = kind.table.c.policy == bindparam("policy")
    current = kind.table.c.known_to.is_(None)
    return prepare_statement(select(*columns).where(own, of_policy, current), dialect)
