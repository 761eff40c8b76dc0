"""Push of scores and follow-ups to every destination, each with its own ledger."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from cs_sync.contracts.destination import Destination
from cs_sync.contracts.errors import Throttled, VendorError
from cs_sync.contracts.events import Event
from cs_sync.jobs.derive import derive_mrr
from cs_sync.jobs.follow_ups import DecidedFollowUps, record_follow_ups
from cs_sync.jobs.open_follow_ups import take_over_open_follow_ups
from cs_sync.jobs.pull_follow_up_status import pull_follow_up_status
from cs_sync.queries.day import DayView, build_day_view
from cs_sync.queries.write_plan import (
    WritePlan,
    build_desired_state,
    build_write_plan,
    open_destinations,
)
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.run_result import RunSummary
from cs_sync.runtime.run_session import RunSession, record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.write_back.drift import RemoteState, describe_edits
from cs_sync.write_back.fields import build_field_specs
from cs_sync.write_back.plan import list_touched_accounts
from cs_sync.write_back.receipts import MAX_SHOWN_PROBLEMS, WriteResult
from cs_sync.write_back.writer import DestinationWriter, read_remote_state

OpenDestination = tuple[str, Destination]


class PushOptions(Struct, frozen=True):
    """The options of a push.

    `yes` writes even if unusually many accounts change; `retry` tries permanently refused
    writes again.
    """

    yes: bool = False
    retry: bool = False


def push_to_destinations(
    workspace: Workspace, *, yes: bool = False, retry: bool = False
) -> RunSummary:
    """Score the accounts, decide their follow-ups, and write both.

    Args:
        workspace: The workspace.
        yes: Write even if unusually many accounts change.
        retry: Try permanently refused writes again.
    """
    with record_run(workspace, "push") as recorded:
        opened = open_destinations(workspace)
        derive_mrr(recorded, get_mrr_policy(workspace))
        day = build_day_view(workspace)
        for name, destination in opened:
            pull_follow_up_status(recorded, name, destination)
        follow_ups = record_follow_ups(recorded, day, opened)
        recorded.messages += follow_ups.messages
        write_to_destinations(recorded, opened, day, follow_ups, PushOptions(yes, retry))
        return recorded.summary()


def write_to_destinations(
    recorded: RunSession,
    opened: Sequence[OpenDestination],
    day: DayView,
    follow_ups: DecidedFollowUps,
    options: PushOptions,
) -> list[WritePlan]:
    """Write the desired state to each destination, whatever fails elsewhere.

    Args:
        recorded: The current run.
        opened: The destinations by name.
        day: The scored accounts and their MRR.
        follow_ups: Today's follow-ups.
        options: The options of the push.

    Returns:
        The plans of the destinations.
    """
    failures = take_over_open_follow_ups(recorded, opened, follow_ups)
    return [
        _write_to_destination(recorded, destination, day, follow_ups, options, failures)
        for destination in opened
    ]


def _write_to_destination(
    recorded: RunSession,
    opened: OpenDestination,
    day: DayView,
    follow_ups: DecidedFollowUps,
    options: PushOptions,
    failures: Mapping[str, VendorError],
) -> WritePlan:
    """Plan and write to one destination.

    Records are read and open writes resolved first; an unusually large change is refused.
    """
    workspace, (name, destination) = recorded.workspace, opened
    desired = build_desired_state(workspace, name, day, follow_ups)
    pusher = _build_writer(recorded, opened)
    remote = RemoteState()
    try:
        if name in failures:
            raise failures[name]
        remote = read_remote_state(destination, desired.records, desired.ledger)
        prepared = build_write_plan(workspace, desired, remote, retry=options.retry)
        recorded.messages += [*_summarize_edits(prepared), *desired.messages]
        refusal = None if options.yes else _check_max_change(workspace, prepared)
        if refusal:
            recorded.statuses.append("partial")
            recorded.messages.append(refusal)
            return prepared
        _prepare_fields(recorded, opened)
        if pusher.reconcile_pending():
            desired = build_desired_state(workspace, name, day, follow_ups)
            prepared = build_write_plan(workspace, desired, remote, retry=options.retry)
    except VendorError as error:
        # A quota that opens tomorrow is not a failure: the run goes on from here then.
        recorded.statuses.append("partial" if isinstance(error, Throttled) else "failed")
        recorded.messages.append(f"nothing was written to {name}: {error}")
        return build_write_plan(workspace, desired, remote, retry=options.retry)
    _add_result(recorded, pusher.push(prepared.items))
    return prepared


def _build_writer(recorded: RunSession, opened: OpenDestination) -> DestinationWriter:
    workspace, (name, destination) = recorded.workspace, opened
    return DestinationWriter(
        recorded.store,
        name,
        destination,
        recorded.id,
        workspace.clock,
        workspace.emit,
    )


def _add_result(recorded: RunSession, writes: WriteResult) -> None:
    """Add the result of one destination to the run."""
    counts = writes.counts()
    recorded.writes = {kind: recorded.writes[kind] + counts[kind] for kind in counts}
    recorded.messages += writes.describe_problems()
    recorded.statuses.append("partial" if writes.problems else "ok")


def _prepare_fields(recorded: RunSession, opened: OpenDestination) -> None:
    """Create the fields at the destination and report its findings.

    Passing findings with a remedy are reported too.
    """
    workspace, (name, destination) = recorded.workspace, opened
    fields = build_field_specs(workspace.config.write_back.owned_prefix, workspace.words)
    for finding in destination.prepare(fields):
        message = f"{finding.subject}: {finding.message}"
        detail = {"step": "prepare", "message": message}
        workspace.emit(Event("step_ended", workspace.clock(), name, "", detail))
        if finding.remedy or not finding.ok:
            recorded.messages.append(f"{message}\n  → {finding.remedy}")
        if not finding.ok:
            recorded.statuses.append("partial")


def _summarize_edits(prepared: WritePlan) -> list[str]:
    """Return a message about foreign edits, kept until our values change."""
    edits = describe_edits(prepared.items)
    if not edits:
        return []
    more = (
        [f"… and {len(edits) - MAX_SHOWN_PROBLEMS} more"] if len(edits) > MAX_SHOWN_PROBLEMS else []
    )
    head = (
        f"{len(edits)} of our records in {prepared.destination} were edited by someone; their "
        "values stay until ours change"
    )
    return ["\n  ".join([head, *edits[:MAX_SHOWN_PROBLEMS], *more])]


def _check_max_change(workspace: Workspace, prepared: WritePlan) -> str | None:
    settings = workspace.config.write_back
    touched = len(list_touched_accounts(prepared.items, settings.owned_prefix))
    limit = settings.max_change
    if not prepared.accounts or touched <= limit * prepared.accounts:
        return None
    return (
        f"nothing was written: the plan touches {touched} of {prepared.accounts} accounts, and "
        f"[write_back] max_change allows {limit:.0%}\n"
        "  → look at `cs-sync plan`, then write it with --yes"
    )
