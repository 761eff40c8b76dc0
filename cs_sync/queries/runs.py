"""Past runs."""

from typing import Any

from cs_sync.runtime.run_result import NO_WRITES
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.runs import read_runs

_STREAM_COLUMNS = (
    "source",
    "stream",
    "status",
    "records",
    "rejected",
    "deleted",
    "requests",
    "waited_seconds",
)


def list_runs(workspace: Workspace, limit: int = 20) -> list[dict[str, Any]]:
    """List the newest runs with their streams and writes.

    Args:
        workspace: The workspace.
        limit: The number of runs.
    """
    with workspace.store.read() as connection:
        runs = read_runs(connection, limit)
    return [
        {
            "run": row["id"],
            "command": row["command"],
            "started_at": row["started_at"],
            "ended_at": row["ended_at"],
            "status": row["status"],
            "streams": [
                {name: stream[name] for name in _STREAM_COLUMNS} for stream in row["streams"]
            ],
            "writes": {**NO_WRITES, **row["writes"]},
            "error": row["error"],
        }
        for row in runs
    ]
