"""Rejected records."""

from typing import Any

from sqlalchemy import select

from cs_sync.jobs.derive import derive_accounts_and_mrr
from cs_sync.jobs.sync import sync_in_run
from cs_sync.runtime.run_result import RunSummary
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.derived_state import DERIVED_SOURCE
from cs_sync.store.runs import RETRY
from cs_sync.sync.windows import ReadRequest
from cs_sync_schemas import RejectedRecord, get_table

REJECTED = get_table(RejectedRecord)


def list_rejects(workspace: Workspace) -> list[dict[str, Any]]:
    """List the rejected records with reason and original data, newest first."""
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
    """Read the sources of rejected records again in full, and store what is valid now.

    It confirms no deletions: where most records are missing, they wait for `sync --full`.
    """
    with workspace.store.read() as connection:
        waiting = connection.scalars(select(REJECTED.c.source).distinct()).all()
    with record_run(workspace, RETRY) as recorded:
        if sources := sorted(set(waiting) - {DERIVED_SOURCE}):
            sync_in_run(recorded, ReadRequest(full=True), sources)
        if waiting:
            derive_accounts_and_mrr(recorded)
        else:
            recorded.messages.append("nothing is waiting")
        return recorded.summary()
