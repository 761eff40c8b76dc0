"""Writing scores and follow-ups to the CRM: what would be written, and writing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cs_sync.contracts.destination import Destination
from cs_sync.contracts.errors import ConfigError, VendorError
from cs_sync.contracts.events import Event
from cs_sync.jobs.follow_ups import FollowUps, consider, keep
from cs_sync.jobs.observing import read_back
from cs_sync.jobs.recording import Recorded, recorded_run
from cs_sync.jobs.score import Scored, score_all
from cs_sync.jobs.summary import RunSummary
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.crm import active_owners, owners_by_email, remote_accounts
from cs_sync.store.lookup import mrr_at
from cs_sync.write_back.fields import Portrait, field_specs
from cs_sync.write_back.plan import Item, make_plan, touched_accounts
from cs_sync.write_back.push import Pusher, read_entries
from cs_sync.write_back.wishes import Crm, account_wishes, follow_up_wishes
from cs_sync_schemas.money import CURRENCY_EXPONENT


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with what it was made from."""

    items: list[Item]
    destination: str
    accounts: int
    """How many accounts could be touched at all."""


def plan(workspace: Workspace) -> list[dict[str, Any]]:
    """One row per thing that a push would create, update, leave or refuse."""
    name, _ = _destination(workspace)
    scored = score_all(workspace, workspace.today)
    return plan_rows(make(workspace, name, scored, consider(workspace, scored)))


def push(workspace: Workspace, *, yes: bool = False) -> RunSummary:
    """Score the accounts, decide on their follow-ups, and write both."""
    with recorded_run(workspace, "push") as recorded:
        name, destination = _destination(workspace)
        scored = score_all(workspace, workspace.today)
        read_back(recorded, name, destination)
        follow_ups = keep(recorded, scored)
        recorded.messages += follow_ups.said
        write(recorded, scored, follow_ups, yes=yes)
        return recorded.summary()


def make(
    workspace: Workspace, destination: str, scored: Sequence[Scored], follow_ups: FollowUps
) -> Prepared:
    """The plan for these scores and follow-ups; nothing is stored or sent."""
    now, prefix = workspace.clock(), workspace.config.write_back.owned_prefix
    with workspace.store.read() as connection:
        crm = Crm(
            destination,
            remote_accounts(connection, destination),
            frozenset(active_owners(connection, destination)),
            owners_by_email(connection, destination),
            workspace.plugins.destinations[destination].addresses,
        )
        mrr = mrr_at(connection, now)
        ledger = read_entries(connection, destination)
    shown = [s for s in scored if s.is_customer or ("account", s.account["id"]) in ledger]
    live = follow_ups.live()
    portraits = {
        s.account["id"]: _portrait(s, mrr.get(s.account["id"], {}), live, now) for s in shown
    }
    wishes = [
        *account_wishes(portraits, crm, prefix),
        *follow_up_wishes(follow_ups.rows, crm, ledger),
    ]
    return Prepared(make_plan(wishes, ledger, prefix), destination, len(portraits))


def write(
    recorded: Recorded, scored: Sequence[Scored], follow_ups: FollowUps, *, yes: bool
) -> Prepared:
    """Carry out what should be written, unless it touches more accounts than `max_change` allows.

    What became of an earlier attempt is found out first. Returns the plan.
    """
    workspace = recorded.workspace
    name, destination = _destination(workspace)
    prepared = make(workspace, name, scored, follow_ups)
    refusal = None if yes else _too_much(workspace, prepared)
    if refusal:
        recorded.statuses.append("partial")
        recorded.messages.append(refusal)
        return prepared
    pusher = Pusher(
        workspace.store,
        name,
        destination,
        recorded.id,
        recorded.held,
        workspace.clock,
        workspace.emit,
    )
    try:
        _ready(recorded, destination)
        if pusher.settle():
            prepared = make(workspace, name, scored, follow_ups)
    except VendorError as error:
        recorded.statuses.append("failed")
        recorded.messages.append(str(error))
        return prepared
    writes = pusher.push(prepared.items)
    recorded.writes = writes.counts()
    recorded.messages += writes.problems
    recorded.statuses.append("partial" if writes.problems else "ok")
    return prepared


def plan_rows(prepared: Prepared) -> list[dict[str, Any]]:
    """The plan as it is printed."""
    return [
        {
            "destination": prepared.destination,
            "object": item.object,
            "account": item.account,
            "key": item.key,
            "action": item.action,
            "changes": {field: list(pair) for field, pair in item.changes.items()},
            "reason": item.reason,
        }
        for item in prepared.items
    ]


def _destination(workspace: Workspace) -> tuple[str, Destination]:
    found = workspace.destination()
    if found is None:
        raise ConfigError(
            "[write_back] names no destination", 'add destination = "hubspot" (or another one)'
        )
    return found


def _ready(recorded: Recorded, destination: Destination) -> None:
    """Give the CRM the fields that are to be written; what is wrong is put on record."""
    workspace = recorded.workspace
    for finding in destination.prepare(field_specs(workspace.config.write_back.owned_prefix)):
        told = f"{finding.subject}: {finding.message}"
        detail = {"step": "prepare", "message": told}
        workspace.emit(Event("step_ended", workspace.clock(), destination.name, "", detail))
        if not finding.ok:
            recorded.messages.append(f"{told}\n  → {finding.remedy}")
            recorded.statuses.append("partial")


def _too_much(workspace: Workspace, prepared: Prepared) -> str | None:
    touched, limit = len(touched_accounts(prepared.items)), workspace.config.write_back.max_change
    if not prepared.accounts or touched <= limit * prepared.accounts:
        return None
    return (
        f"nothing was written: the plan touches {touched} of {prepared.accounts} accounts, and "
        f"[write_back] max_change allows {limit:.0%}\n"
        "  → look at `cs-sync plan`, then write it with --yes"
    )


def _portrait(scored: Scored, mrr: Mapping[str, int], follow_ups: Any, now: Any) -> Portrait:
    score = scored.score
    mine = [
        row
        for row in follow_ups
        if row["account_id"] == scored.account["id"] and row["state"] == "open"
    ]
    first = min(mine, key=lambda row: (row["due_at"], row["key"]), default=None)
    return Portrait(
        score=None if score.score is None else float(score.score),
        band=score.band,
        coverage=float(score.coverage),
        reasons=[reason.text for reason in scored.reasons],
        change_30d=None if scored.change_30d is None else float(scored.change_30d),
        mrr={code: amount / 10 ** CURRENCY_EXPONENT[code] for code, amount in mrr.items()},
        next_action=first["title"] if first else "",
        updated_at=now,
    )
