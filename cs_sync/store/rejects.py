"""Records that could not be stored, kept until they can."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson
from sqlalchemy import Connection, Dialect, bindparam, delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync.contracts.source import Rejection
from cs_sync.store.binding import STATEMENTS, Prepared, prepare
from cs_sync.store.records import chunks
from cs_sync_schemas import Record, RejectedRecord, table_of

REJECTED = table_of(RejectedRecord)


def reject_id(source: str, record: type[Record], rejection: Rejection) -> str:
    """The same for the same record of a source, however often it is rejected."""
    name = rejection.source_id or orjson.dumps(rejection.raw, default=str).decode()
    text = f"{source}|{record.__tablename__}|{name}"
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def keep_rejects(
    connection: Connection,
    source: str,
    stream: str,
    rejections: Sequence[Rejection],
    run_id: str,
    now: datetime,
) -> None:
    """Store rejections; one that was rejected before keeps its first date and counts up."""
    rows = {
        (key := reject_id(source, rejection.record, rejection)): {
            "id": key,
            "source": source,
            "stream": stream,
            "record": rejection.record.__tablename__,
            "source_id": rejection.source_id,
            "code": rejection.code,
            "reason": rejection.reason,
            "raw": _storable(rejection.raw),
            "run_id": run_id,
            "first_rejected_at": now,
            "rejected_at": now,
            "attempts": 1,
        }
        for rejection in rejections
    }
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(REJECTED)
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


def read_rejected(connection: Connection, source: str, stream: str) -> dict[str, str]:
    """Id → reason of what is waiting of a stream."""
    mine = REJECTED.c.source == source, REJECTED.c.stream == stream
    rows = connection.execute(select(REJECTED.c.source_id, REJECTED.c.reason).where(*mine))
    return {source_id: reason for source_id, reason in rows if source_id is not None}


def forget_rejects(
    connection: Connection, source: str, record: type[Record], source_ids: Iterable[str]
) -> None:
    """Drop the rejections of records that have been stored since."""
    [(waiting,)] = _any(connection.dialect).rows(connection, source=source)
    if not waiting:
        return
    for some in chunks(source_ids):
        connection.execute(
            delete(REJECTED).where(
                REJECTED.c.source == source,
                REJECTED.c.record == record.__tablename__,
                REJECTED.c.source_id.in_(some),
            )
        )


@lru_cache(STATEMENTS)
def _any(dialect: Dialect) -> Prepared:
    return prepare(select(exists().where(REJECTED.c.source == bindparam("source"))), dialect)


def forget_unseen_rejects(
    connection: Connection, source: str, stream: str, since: datetime
) -> None:
    """Drop the rejections that a complete read, begun at `since`, did not meet again.

    Their records are gone at the source, or were mended under another id.
    """
    connection.execute(
        delete(REJECTED).where(
            REJECTED.c.source == source,
            REJECTED.c.stream == stream,
            REJECTED.c.rejected_at < since,
        )
    )


def any_unnamed(connection: Connection, source: str, stream: str, record: type[Record]) -> bool:
    """Whether records without an id are waiting: any stored row may be one of them."""
    waiting = exists().where(
        REJECTED.c.source == source,
        REJECTED.c.stream == stream,
        REJECTED.c.record == record.__tablename__,
        REJECTED.c.source_id.is_(None),
    )
    return bool(connection.scalar(select(waiting)))


def _storable(raw: Any) -> Any:
    """As received, but text that no database takes is escaped."""
    try:
        text = orjson.dumps(raw, default=str)
    except TypeError:
        return {"unreadable": ascii(raw)}
    return orjson.loads(text.replace(b"\\u0000", b"\\ufffd"))
