"""Rejected records, kept until they can be stored."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, Dialect, bindparam, delete, exists, func, select

from cs_sync.contracts.source import Rejection
from cs_sync.store.fast.prepared import STATEMENT_CACHE_SIZE, PreparedStatement, prepare_statement
from cs_sync.store.inserts import build_insert
from cs_sync.store.upserts import split_chunks
from cs_sync_schemas.tables import REJECTED_RECORD

if TYPE_CHECKING:  # a command that reads no source starts without the models
    from cs_sync_schemas import Record

REJECTED = REJECTED_RECORD


def build_reject_id(source: str, record: "type[Record]", rejection: Rejection) -> str:
    """Build a rejected record's id, equal for each of its rejections."""
    name = rejection.source_id or orjson.dumps(rejection.raw, default=str).decode()
    text = f"{source}|{record.__tablename__}|{name}"
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def save_rejects(
    connection: Connection,
    source: str,
    stream: str,
    rejections: Sequence[Rejection],
    run_id: str,
    now: datetime,
) -> None:
    """Store rejections.

    A repeated one keeps its first date and counts its attempts.
    """
    rows = {
        (key := build_reject_id(source, rejection.record, rejection)): {
            "id": key,
            "source": source,
            "stream": stream,
            "record": rejection.record.__tablename__,
            "source_id": rejection.source_id,
            "code": rejection.code,
            "reason": rejection.reason,
            "raw": _escape_raw(rejection.raw),
            "run_id": run_id,
            "first_rejected_at": now,
            "rejected_at": now,
            "attempts": 1,
        }
        for rejection in rejections
    }
    if not rows:
        return
    statement = build_insert(connection.dialect, REJECTED)
    updated = {
        name: statement.excluded[name]
        for name in ("code", "reason", "raw", "run_id", "rejected_at")
    }
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={**updated, "attempts": REJECTED.c.attempts + 1}
        ),
        list(rows.values()),
    )


def count_rejects(connection: Connection, source: str, stream: str) -> int:
    """Count the rejected records of a stream."""
    rejects = select(func.count()).where(REJECTED.c.source == source, REJECTED.c.stream == stream)
    return connection.scalar(rejects) or 0


def read_rejects(connection: Connection) -> list[dict[str, Any]]:
    """Return all rows of `rejected_record`, newest first."""
    newest_first = select(REJECTED).order_by(REJECTED.c.rejected_at.desc(), REJECTED.c.id)
    return [row._asdict() for row in connection.execute(newest_first)]


def read_rejected_sources(connection: Connection) -> set[str]:
    """Return the names of the sources with rejected records."""
    return set(connection.scalars(select(REJECTED.c.source).distinct()))


def read_reject_reasons(connection: Connection, source: str, stream: str) -> dict[str, str]:
    """Map record id → reason of a stream's rejects."""
    conditions = REJECTED.c.source == source, REJECTED.c.stream == stream
    rows = connection.execute(select(REJECTED.c.source_id, REJECTED.c.reason).where(*conditions))
    return {source_id: reason for source_id, reason in rows if source_id is not None}


def delete_resolved_rejects(
    connection: Connection, source: str, table: str, source_ids: Iterable[str]
) -> None:
    """Delete the rejects of a table's records stored since."""
    [(waiting,)] = _prepare_exists_query(connection.dialect).rows(connection, source=source)
    if not waiting:
        return
    for chunk in split_chunks(source_ids):
        connection.execute(
            delete(REJECTED).where(
                REJECTED.c.source == source,
                REJECTED.c.record == table,
                REJECTED.c.source_id.in_(chunk),
            )
        )


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_exists_query(dialect: Dialect) -> PreparedStatement:
    return prepare_statement(
        select(exists().where(REJECTED.c.source == bindparam("source"))), dialect
    )


def delete_unseen_rejects(
    connection: Connection, source: str, stream: str, since: datetime
) -> None:
    """Delete the rejects not met again by a complete read.

    The read began at `since`. Their records are gone at the source, or were fixed under another id.
    """
    connection.execute(
        delete(REJECTED).where(
            REJECTED.c.source == source,
            REJECTED.c.stream == stream,
            REJECTED.c.rejected_at < since,
        )
    )


def has_unnamed_rejects(
    connection: Connection, source: str, stream: str, record: "type[Record]"
) -> bool:
    """Return whether there are rejects without an id."""
    waiting = exists().where(
        REJECTED.c.source == source,
        REJECTED.c.stream == stream,
        REJECTED.c.record == record.__tablename__,
        REJECTED.c.source_id.is_(None),
    )
    return bool(connection.scalar(select(waiting)))


def _escape_raw(raw: Any) -> Any:
    """Return received data with unstorable text escaped."""
    try:
        text = orjson.dumps(raw, default=str)
    except TypeError:
        return {"unreadable": ascii(raw)}
    return orjson.loads(text.replace(b"\\u0000", b"\\ufffd"))
