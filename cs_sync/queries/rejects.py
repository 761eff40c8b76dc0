"""Rejected records."""

from typing import Any

from cs_sync.runtime.workspace import Workspace
from cs_sync.store.records.rejects import read_rejects


def list_rejects(workspace: Workspace) -> list[dict[str, Any]]:
    """List the rejected records with reason and original data, newest first."""
    with workspace.store.read() as connection:
        rows = read_rejects(connection)
        return [
            {
                "source": row["source"],
                "stream": row["stream"],
                "record": row["record"],
                "source_id": row["source_id"],
                "code": row["code"],
                "reason": row["reason"],
                "attempts": row["attempts"],
                "first_rejected_at": row["first_rejected_at"],
                "rejected_at": row["rejected_at"],
                "raw": row["raw"],
            }
            for row in rows
        ]
