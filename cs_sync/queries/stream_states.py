"""Stream states: cursors and open windows."""

from typing import Any

from cs_sync.runtime.workspace import Workspace
from cs_sync.store.records.stream_state import CURSOR_PARTITION, read_stream_states


def list_stream_states(workspace: Workspace) -> list[dict[str, Any]]:
    """List the cursors and open windows, one row each."""
    with workspace.store.read() as connection:
        rows = read_stream_states(connection)
    return [
        {
            "source": row["source"],
            "stream": row["stream"],
            "window": row["partition"] or None,
            "cursor": row["cursor"],
            "since": row["since"],
            "until": row["until"],
            "resume": row["resume"],
            "records": row["records"],
            "updated_at": row["updated_at"],
        }
        for row in rows
        if row["partition"] == CURSOR_PARTITION or not row["done"]
    ]
