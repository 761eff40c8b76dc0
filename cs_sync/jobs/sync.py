"""Sync of the sources."""

from collections.abc import Sequence
from datetime import date, timedelta

from cs_sync.contracts.errors import ConfigError, extract_cause
from cs_sync.jobs.derive import derive_accounts_and_mrr
from cs_sync.jobs.flag_anomalies import flag_anomalies
from cs_sync.metrics.periods import get_day_start
from cs_sync.queries.late_use import describe_incomplete_days
from cs_sync.runtime.run_result import RunSummary
from cs_sync.runtime.run_session import RunSession, record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.runs import SYNC, SYNC_FULL, SYNC_RANGE
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.result import StreamResult, derive_run_status
from cs_sync.sync.windows import ReadRequest


def sync_workspace(
    workspace: Workspace,
    *,
    only: Sequence[str] = (),
    full: bool = False,
    allow_deletions: bool = False,
    since: date | None = None,
    until: date | None = None,
) -> RunSummary:
    """Sync the sources and update the derived data.

    Args:
        workspace: The workspace.
        only: The connectors to read; all by default.
        full: Read everything again; soft-delete what is missing.
        allow_deletions: Soft-delete however much is missing.
        since: The first day of a range to read.
        until: The day after the range.

    Raises:
        ConfigError: The range has no day.
    """
    end = until or workspace.today + timedelta(days=1)
    if since is not None and since >= end:
        raise ConfigError(
            f"no day lies between {since} and {end}", "--until is the day after the last one"
        )
    zone = str(workspace.config.workspace.timezone)
    request = ReadRequest(
        full,
        None if since is None else get_day_start(since, zone),
        None if until is None else get_day_start(until, zone),
        max_deletions=1.0 if allow_deletions else workspace.config.sync.max_deletions,
    )
    command = SYNC_RANGE if request.is_ranged else SYNC_FULL if full else SYNC
    with record_run(workspace, command) as recorded:
        sync_in_run(recorded, request, only)
        derive_accounts_and_mrr(recorded)
        return recorded.summary()


def sync_in_run(recorded: RunSession, request: ReadRequest, only: Sequence[str] = ()) -> None:
    """Sync the sources within a recorded run."""
    sources = recorded.workspace.sources(only)
    outcomes = sync_sources(recorded.session(), sources, request, recorded.record_outcome)
    recorded.statuses.append(derive_run_status(outcomes))
    recorded.messages += _describe_failures(outcomes)
    recorded.messages += describe_incomplete_days(recorded.workspace, sources)
    if not request.is_ranged:
        flag_anomalies(recorded, outcomes)


def _describe_failures(outcomes: Sequence[StreamResult]) -> list[str]:
    """Return one message per cause of failed streams."""
    failed: dict[tuple[str, str], list[StreamResult]] = {}
    for outcome in sorted(outcomes, key=lambda o: (o.source, o.stream)):
        if outcome.error:
            cause = (outcome.source, extract_cause(outcome.error))
            failed.setdefault(cause, []).append(outcome)
    return [
        f"{source} {', '.join(outcome.stream for outcome in same)}: {same[0].error}"
        for (source, _), same in failed.items()
    ]
