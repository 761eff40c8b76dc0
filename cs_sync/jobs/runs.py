"""What past runs did."""

from typing import Any

from cs_sync.jobs.summary import NO_WRITES
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.runs import read_runs

_STREAM = (
    "source",
    "stream",
    "status",
    "records",
    "rejected",
    "deleted",
    "requests",
    "waited_seconds",
)


def runs(workspace: Workspace, limit: int = 20) -> list[dict[str, Any]]:
    """The newest runs first, with their streams and writes."""
    with workspace.store.read() as connection:
        found = read_runs(connection, limit)
    return [
        {
            "run": row["id"],
            "command": row["command"],
            "started_at": row["started_at"],
            "ended_at": row["ended_at"],
            "status": row["status"],
            "streams": [{name: stream[name] for name in _STREAM} for stream in row["streams"]],
            "writes": {**NO_WRITES, **row["writes"]},
            "error": row["error"],
        }
        for row in found
    ]
