"""Stream states: list and reset."""

from typing import Any

from sqlalchemy import select

from cs_sync.contracts.errors import ConfigError
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.records.stream_state import CURSOR_PARTITION, delete_stream_state
from cs_sync_schemas import StreamState, get_table

STATE = get_table(StreamState)


def list_stream_states(workspace: Workspace) -> list[dict[str, Any]]:
    """List the cursors and open windows, one row each."""
    with workspace.store.read() as connection:
        ordered = select(STATE).order_by(STATE.c.source, STATE.c.stream, STATE.c.partition)
        rows = connection.execute(ordered).mappings().all()
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


def reset_stream_state(workspace: Workspace, source: str, stream: str | None = None) -> int:
    """Delete the read state of a source or stream, but no stored records.

    Args:
        workspace: The workspace.
        source: The source's name.
        stream: Only this stream.

    Returns:
        The number of deleted states.

    Raises:
        ConfigError: There is no such state.
    """
    with record_run(workspace, "state reset") as recorded:
        forgotten = recorded.transact(lambda c: delete_stream_state(c, source, stream))
        if not forgotten:
            name = source if stream is None else f"{source} {stream}"
            raise ConfigError(f"nothing is known of {name}", "cs-sync state show lists what is")
        recorded.statuses.append("ok")
    return forgotten
