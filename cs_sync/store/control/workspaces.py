"""The workspaces that workers run: their configuration, schedule and last run."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from cs_sync.store.control.tables import WORKSPACE

W = WORKSPACE.c


class WorkspaceEntry(Struct, frozen=True):
    """A row of the workspaces."""

    name: str
    config: str
    env_file: str | None
    place: str
    cron: str
    timezone: str
    jitter: float
    paused: bool
    next_due_at: datetime
    queued_slot: datetime | None = None
    started_at: datetime | None = None
    worker: str | None = None
    last_slot: datetime | None = None
    last_ended_at: datetime | None = None
    last_status: str | None = None
    last_message: str | None = None
    failures: int = 0


def insert_workspace(connection: Connection, entry: WorkspaceEntry) -> bool:
    """Insert a workspace; return False if its name or place is taken."""
    added = insert(WORKSPACE).values(asdict(entry))
    return connection.scalar(added.on_conflict_do_nothing().returning(W.name)) is not None


def read_workspaces(connection: Connection) -> list[WorkspaceEntry]:
    """Return all workspaces by name."""
    rows = connection.execute(select(WORKSPACE).order_by(W.name)).mappings()
    return [WorkspaceEntry(**row) for row in rows]


def read_workspace(connection: Connection, name: str) -> WorkspaceEntry | None:
    """Return a workspace; None if there is none of that name."""
    row = connection.execute(select(WORKSPACE).where(W.name == name)).mappings().first()
    return None if row is None else WorkspaceEntry(**row)


def read_workspace_at(connection: Connection, place: str) -> WorkspaceEntry | None:
    """Return the workspace of a database and schema; None without one."""
    row = connection.execute(select(WORKSPACE).where(W.place == place)).mappings().first()
    return None if row is None else WorkspaceEntry(**row)


def delete_workspace(connection: Connection, name: str) -> None:
    """Delete a workspace from the list; its data stay."""
    connection.execute(delete(WORKSPACE).where(W.name == name))


def change_workspace(connection: Connection, name: str, **values: Any) -> bool:
    """Change columns of a workspace; return False without one."""
    changed = update(WORKSPACE).where(W.name == name).values(**values)
    return connection.execute(changed).rowcount == 1


def change_queued(connection: Connection, name: str, slot: datetime, **values: Any) -> bool:
    """Change columns of a workspace while a slot is queued or runs.

    Returns:
        Whether it still is: the workspace may have been removed.
    """
    queued = (W.name == name, W.queued_slot == slot)
    return connection.execute(update(WORKSPACE).where(*queued).values(**values)).rowcount == 1


def lock_due_workspaces(connection: Connection, now: datetime, limit: int) -> list[WorkspaceEntry]:
    """Lock the workspaces that are due, longest due first.

    Those that another worker has locked are left out.
    """
    due = (W.next_due_at <= now, W.queued_slot.is_(None), W.paused.is_(False))
    longest_first = select(WORKSPACE).where(*due).order_by(W.next_due_at, W.name).limit(limit)
    rows = connection.execute(longest_first.with_for_update(skip_locked=True)).mappings()
    return [WorkspaceEntry(**row) for row in rows]
