"""Status of written follow-ups, read back from the destination."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from cs_sync.contracts.destination import Destination, RemoteObject
from cs_sync.contracts.errors import VendorError
from cs_sync.runtime.run_session import RunSession
from cs_sync.store.queries.follow_ups import read_follow_ups, update_follow_up
from cs_sync.write_back.tasks import SharedTask, group_tasks
from cs_sync.write_back.writer import read_ledger_entries

DELETION_GRACE = timedelta(hours=1)
"""How long a follow-up may be missing at the destination before it counts as deleted there."""


def pull_follow_up_status(recorded: RunSession, name: str, destination: Destination) -> None:
    """Store which follow-ups are done, started, deleted or restored at a destination.

    An unreachable destination changes nothing; the run reports it.

    Args:
        recorded: The current run.
        name: The destination's name.
        destination: The destination.
    """
    workspace = recorded.workspace
    with workspace.store.read() as connection:
        ledger = read_ledger_entries(connection, name)
        live = [row for row in read_follow_ups(connection) if row["state"] in ("open", "deleted")]
    tasks = {
        task.key: task
        for task in group_tasks(live)
        if _is_written(ledger.get(("follow_up", task.key)))
    }
    keys = list(tasks)
    try:
        remote = list(destination.find(keys)) if keys else []
    except VendorError as error:
        recorded.messages.append(f"what became of the follow-ups is not known: {error}")
        recorded.statuses.append("partial")
        return
    changes = {
        row["key"]: _diff_follow_up(recorded, row, item)
        for item in remote
        for row in tasks[item.key].rows
    }
    if destination.addresses == "records":
        now = workspace.clock()
        deleted = _find_deleted(tasks, {item.key for item in remote}, now)
        changes |= {key: {"state": "deleted", "ended_at": now} for key in deleted}

    def keep(connection: Connection) -> None:
        for key, values in changes.items():
            if values:
                update_follow_up(connection, key, values)

    recorded.transact(keep)


def _is_written(entry: Any) -> bool:
    return entry is not None and entry.status == "acked"


def _diff_follow_up(
    recorded: RunSession, row: Mapping[str, Any], remote: RemoteObject
) -> dict[str, Any]:
    if remote.fields.get("done"):
        ended_at = remote.fields.get("done_at") or recorded.workspace.clock()
        return {"state": "done", "touched": True, "ended_at": ended_at}
    change: dict[str, Any] = {}
    if row["state"] == "deleted":
        change = {"state": "open", "ended_at": None}
    touched = bool(remote.fields.get("touched"))
    return change if touched == row["touched"] else {**change, "touched": touched}


def _find_deleted(
    requested: Mapping[str, SharedTask], matched: Collection[str], now: datetime
) -> Iterator[str]:
    """Yield the follow-ups whose task was deleted at the destination.

    A recent one may not be visible yet. A destination without any of several follow-ups is
    more often broken than empty, so none counts as deleted.
    """
    if not matched and len(requested) > 1:
        return
    for key, task in requested.items():
        opened_at = min(row["opened_at"] for row in task.rows)
        if key not in matched and opened_at + DELETION_GRACE <= now:
            yield from (row["key"] for row in task.rows if row["state"] == "open")
