"""Which workers are alive."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from cs_sync.store.control.tables import WORKER

DEAD_AFTER = 30.0
"""Seconds: without a heartbeat for so long a worker counts as dead."""
_ONE_REAPER = "SELECT pg_try_advisory_xact_lock(hashtext('cs_sync_workers reaper'))"


def record_heartbeat(connection: Connection, worker: str, version: str) -> None:
    """Record that a worker is alive, by the database's clock."""
    row = {"id": worker, "version": version, "started_at": func.now(), "seen_at": func.now()}
    beat = insert(WORKER).values(row)
    connection.execute(
        beat.on_conflict_do_update(index_elements=[WORKER.c.id], set_={"seen_at": func.now()})
    )


def read_live_workers(connection: Connection, within: timedelta) -> list[str]:
    """Return the workers seen within a time."""
    seen = select(WORKER.c.id).where(WORKER.c.seen_at > func.now() - within)
    return list(connection.scalars(seen.order_by(WORKER.c.id)))


def claim_reaping(connection: Connection) -> bool:
    """Return whether this transaction alone looks for dead workers."""
    return bool(connection.scalar(text(_ONE_REAPER)))


def forget_workers(connection: Connection, *, except_for: Collection[str]) -> None:
    """Delete the workers that are not among those alive."""
    connection.execute(delete(WORKER).where(WORKER.c.id.not_in(except_for)))


def forget_worker(connection: Connection, worker: str) -> None:
    """Delete a worker that ends."""
    connection.execute(delete(WORKER).where(WORKER.c.id == worker))
