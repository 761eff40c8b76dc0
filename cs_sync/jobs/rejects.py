"""Records that could not be stored."""

from typing import Any

from sqlalchemy import select

from cs_sync.jobs.derive import DERIVED, derive
from cs_sync.jobs.recording import recorded_run
from cs_sync.jobs.summary import RunSummary
from cs_sync.jobs.sync import sync_into
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.runs import RETRY
from cs_sync.sync.windows import Request
from cs_sync_schemas import RejectedRecord, table_of

REJECTED = table_of(RejectedRecord)


def list_rejects(workspace: Workspace) -> list[dict[str, Any]]:
    """What is waiting, newest first, with its reason and as it was received."""
    with workspace.store.read() as connection:
        rows = connection.execute(
            select(REJECTED).order_by(REJECTED.c.rejected_at.desc(), REJECTED.c.id)
        ).mappings()
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


def retry_rejects(workspace: Workspace) -> RunSummary:
    """Read the sources of the rejected records again, whole: what can be stored now, is.

    It confirms nothing: where most records are no longer there, they wait for `sync --full`.
    """
    with workspace.store.read() as connection:
        waiting = connection.scalars(select(REJECTED.c.source).distinct()).all()
    with recorded_run(workspace, RETRY) as recorded:
        if sources := sorted(set(waiting) - {DERIVED}):
            sync_into(recorded, Request(full=True), sources)
        if waiting:
            derive(recorded)
        else:
            recorded.messages.append("nothing is waiting")
        return recorded.summary()
