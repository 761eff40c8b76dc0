"""Retry of rejected records."""

from cs_sync.jobs.derive import derive_accounts_and_mrr
from cs_sync.jobs.sync import sync_in_run
from cs_sync.runtime.run_result import RunSummary
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.derived_state import DERIVED_SOURCE
from cs_sync.store.records.rejects import read_rejected_sources
from cs_sync.store.runs import RETRY
from cs_sync.sync.windows import ReadRequest


def retry_rejects(workspace: Workspace) -> RunSummary:
    """Read sources of rejected records again, and store valid ones.

    Where more than `[sync] max_deletions` of a stream's records are missing, none is deleted.
    """
    with workspace.store.read() as connection:
        waiting = read_rejected_sources(connection)
    with record_run(workspace, RETRY) as recorded:
        if sources := sorted(waiting - {DERIVED_SOURCE}):
            limit = workspace.config.sync.max_deletions
            sync_in_run(recorded, ReadRequest(full=True, max_deletions=limit), sources)
        if waiting:
            derive_accounts_and_mrr(recorded)
        else:
            recorded.messages.append("nothing is waiting")
        return recorded.summary()
