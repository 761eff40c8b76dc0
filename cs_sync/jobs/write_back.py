"""Writing scores and follow-ups to every destination, each with a ledger of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cs_sync.contracts.destination import Destination
from cs_sync.contracts.errors import Throttled, VendorError
from cs_sync.contracts.events import Event
from cs_sync.jobs.follow_ups import FollowUps, keep
from cs_sync.jobs.observing import read_back
from cs_sync.jobs.planning import Prepared, destinations, planned, wanted
from cs_sync.jobs.recording import Recorded, recorded_run
from cs_sync.jobs.score import Scored, score_all
from cs_sync.jobs.summary import RunSummary
from cs_sync.jobs.take_over import take_over
from cs_sync.jobs.workspace import Workspace
from cs_sync.write_back.fields import field_specs
from cs_sync.write_back.looking import Looked, edits
from cs_sync.write_back.plan import touched_accounts
from cs_sync.write_back.push import Pusher, look
from cs_sync.write_back.receipts import TOLD, Writes

Opened = tuple[str, Destination]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a push was asked to do.

    `yes` writes even when unusually many accounts change; `retry` tries again what a destination
    refused for good.
    """

    yes: bool = False
    retry: bool = False


def push(workspace: Workspace, *, yes: bool = False, retry: bool = False) -> RunSummary:
    """Score the accounts, decide on their follow-ups, and write both."""
    with recorded_run(workspace, "push") as recorded:
        opened = destinations(workspace)
        scored = score_all(workspace, workspace.today)
        for name, destination in opened:
            read_back(recorded, name, destination)
        follow_ups = keep(recorded, scored)
        recorded.messages += follow_ups.said
        write(recorded, opened, scored, follow_ups, Wishes(yes, retry))
        return recorded.summary()


def write(
    recorded: Recorded,
    opened: Sequence[Opened],
    scored: Sequence[Scored],
    follow_ups: FollowUps,
    asked: Wishes,
) -> list[Prepared]:
    """Write to each destination what it should show; one that fails does not stop the others.

    Returns their plans.
    """
    failures = take_over(recorded, opened, follow_ups)
    return [_write(recorded, one, scored, follow_ups, asked, failures) for one in opened]


def _write(
    recorded: Recorded,
    opened: Opened,
    scored: Sequence[Scored],
    follow_ups: FollowUps,
    asked: Wishes,
    failures: Mapping[str, VendorError],
) -> Prepared:
    """Look, plan, settle what is open, write; nothing when it touches more than it may."""
    workspace, (name, destination) = recorded.workspace, opened
    wants = wanted(workspace, name, scored, follow_ups)
    prepared = planned(workspace, wants, Looked(), retry=asked.retry)
    pusher = _pusher(recorded, opened)
    try:
        if name in failures:
            raise failures[name]
        looked = look(destination, wants.wishes, wants.ledger)
        prepared = planned(workspace, wants, looked, retry=asked.retry)
        recorded.messages += [*_edited(prepared), *wants.said]
        refusal = None if asked.yes else _too_much(workspace, prepared)
        if refusal:
            recorded.statuses.append("partial")
            recorded.messages.append(refusal)
            return prepared
        _ready(recorded, opened)
        if pusher.settle():
            wants = wanted(workspace, name, scored, follow_ups)
            prepared = planned(workspace, wants, looked, retry=asked.retry)
    except VendorError as error:
        # A quota that opens tomorrow is no failure: the run goes on from here then.
        recorded.statuses.append("partial" if isinstance(error, Throttled) else "failed")
        recorded.messages.append(f"nothing was written to {name}: {error}")
        return prepared
    _note(recorded, pusher.push(prepared.items))
    return prepared


def _pusher(recorded: Recorded, opened: Opened) -> Pusher:
    workspace, (name, destination) = recorded.workspace, opened
    return Pusher(
        workspace.store,
        name,
        destination,
        recorded.id,
        recorded.held,
        workspace.clock,
        workspace.emit,
    )


def _note(recorded: Recorded, writes: Writes) -> None:
    """Add what one destination came to."""
    counts = writes.counts()
    recorded.writes = {kind: recorded.writes[kind] + counts[kind] for kind in counts}
    recorded.messages += writes.told()
    recorded.statuses.append("partial" if writes.problems else "ok")


def _ready(recorded: Recorded, opened: Opened) -> None:
    """Give the CRM the fields that are to be written; what is wrong is put on record.

    So is what works and has a remedy all the same: a weaker promise than the usual one.
    """
    workspace, (name, destination) = recorded.workspace, opened
    fields = field_specs(workspace.config.write_back.owned_prefix, workspace.words)
    for finding in destination.prepare(fields):
        told = f"{finding.subject}: {finding.message}"
        detail = {"step": "prepare", "message": told}
        workspace.emit(Event("step_ended", workspace.clock(), name, "", detail))
        if finding.remedy or not finding.ok:
            recorded.messages.append(f"{told}\n  → {finding.remedy}")
        if not finding.ok:
            recorded.statuses.append("partial")


def _edited(prepared: Prepared) -> list[str]:
    """What people changed of our fields: told, and left alone until ours say something new."""
    told = edits(prepared.items)
    if not told:
        return []
    more = [f"… and {len(told) - TOLD} more"] if len(told) > TOLD else []
    head = (
        f"{len(told)} of our records in {prepared.destination} were edited by someone; their "
        "values stay until ours change"
    )
    return ["\n  ".join([head, *told[:TOLD], *more])]


def _too_much(workspace: Workspace, prepared: Prepared) -> str | None:
    touched, limit = len(touched_accounts(prepared.items)), workspace.config.write_back.max_change
    if not prepared.accounts or touched <= limit * prepared.accounts:
        return None
    return (
        f"nothing was written: the plan touches {touched} of {prepared.accounts} accounts, and "
        f"[write_back] max_change allows {limit:.0%}\n"
        "  → look at `cs-sync plan`, then write it with --yes"
    )
