"""Where the streams stand, and starting one over."""

from typing import Any

from sqlalchemy import select

from cs_sync.contracts.errors import ConfigError
from cs_sync.jobs.recording import recorded_run
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.states import CURSOR, forget_state
from cs_sync_schemas import StreamState, table_of

STATE = table_of(StreamState)


def show(workspace: Workspace) -> list[dict[str, Any]]:
    """One row per cursor and per open window."""
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
        if row["partition"] == CURSOR or not row["done"]
    ]


def reset(workspace: Workspace, source: str, stream: str | None = None) -> int:
    """Forget where a source (or one stream) stands; nothing stored is touched."""
    with recorded_run(workspace, "state reset") as recorded:
        with workspace.store.write() as connection:
            forgotten = forget_state(connection, source, stream)
        if not forgotten:
            name = source if stream is None else f"{source} {stream}"
            raise ConfigError(f"nothing is known of {name}", "cs-sync state show lists what is")
        recorded.statuses.append("ok")
    return forgotten
