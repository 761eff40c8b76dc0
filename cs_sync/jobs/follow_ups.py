"""Which follow-ups are due by the playbooks, and what becomes of those on record."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection

from cs_sync.follow_ups import (
    COMPANY,
    PLAYBOOKS,
    Decision,
    Failures,
    FollowUpDraft,
    Kept,
    Playbook,
    Rules,
    assigned,
    decide,
    guarded,
    plan_follow_ups,
)
from cs_sync.health.wording import counted
from cs_sync.jobs.company import company_view, unanswerable, unassigned
from cs_sync.jobs.recording import Recorded
from cs_sync.jobs.score import Scored
from cs_sync.jobs.views import account_views
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.follow_ups import (
    change_follow_up,
    keep_follow_ups,
    read_follow_ups,
    read_owners,
)
from cs_sync.store.leases import check_lease
from cs_sync_schemas import FollowUp

LIVE = ("open", "waiting")
NEWS = "since"
"""The mark of a piece of evidence that became known after the follow-up was put on record."""


@dataclass(frozen=True, slots=True)
class FollowUps:
    """The follow-ups as they stand after today's decision (rows of `follow_up`)."""

    rows: list[dict[str, Any]]
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Key → the columns that change."""
    said: list[str] = field(default_factory=list)

    def rename(self, keys: Mapping[str, str]) -> None:
        """Give follow-ups other keys, from the one that each has to the new one."""
        for row in self.rows:
            row["key"] = keys.get(row["key"], row["key"])

    def live(self) -> list[dict[str, Any]]:
        """Those that somebody still has to do."""
        return [row for row in self.rows if row["state"] in LIVE]


def playbooks(workspace: Workspace) -> dict[str, Playbook]:
    """Ours and those of plugins, by name."""
    return {**PLAYBOOKS, **workspace.plugins.playbooks}


def consider(workspace: Workspace, scored: Sequence[Scored], *, company: bool = True) -> FollowUps:
    """What these accounts call for today, against what is on record; nothing is stored.

    Company-wide follow-ups need somebody to go to; without `company` they are left out.
    """
    config, failures = workspace.config, Failures()
    ours, theirs = PLAYBOOKS, workspace.plugins.playbooks
    known = {**ours, **{name: guarded(one, failures) for name, one in theirs.items()}}
    with workspace.store.read() as connection:
        stored, owners = read_follow_ups(connection), read_owners(connection)
    views = account_views(workspace, scored, stored)
    whole = company_view(workspace, known) if company else None
    proposed = plan_follow_ups(views, known, config.playbooks, whole, config.follow_ups)
    everything = assigned(proposed, owners, config.follow_ups.assignee)
    drafts = [d for d in everything if d.account_id != COMPANY or d.assignee]
    rules = Rules(
        workspace.clock(),
        str(config.workspace.timezone),
        config.playbooks,
        config.follow_ups.daily_cap,
        workspace.words,
    )
    kept = [_kept(row) for row in stored]
    decision = decide(drafts, kept, known, {view.id: view for view in views}, rules)
    found = _outcome(workspace, stored, decision)
    # `check` tells it of every playbook; a run only of those that somebody has set up.
    chosen = {n: one for n, one in known.items() if config.playbooks[n] != one.defaults}
    missing = unanswerable(workspace, chosen) if company else []
    begun = [*found.new, *(row for row in found.rows if row["key"] in decision.opened)]
    found.said.extend([*failures.said(), *unassigned(everything), *missing, *_ownerless(begun)])
    return found


def keep(recorded: Recorded, scored: Sequence[Scored]) -> FollowUps:
    """Consider these accounts and put on record what was decided."""
    found = consider(recorded.workspace, scored)

    def save(connection: Connection) -> None:
        check_lease(connection, recorded.held)
        keep_follow_ups(connection, found.new)
        for key, values in found.changed.items():
            change_follow_up(connection, key, values)

    recorded.workspace.store.transact(save)
    return found


def _outcome(
    workspace: Workspace, stored: Sequence[dict[str, Any]], decision: Decision
) -> FollowUps:
    now, by_key = workspace.clock(), {row["key"]: row for row in stored}
    new = [_row(draft, state, now) for draft, state in decision.new]
    changed: dict[str, dict[str, Any]] = {}
    for key, draft in decision.opened.items():
        today = _row(draft, "open", now)
        taken = ("title", "body", "priority", "evidence", "assignee", "state", "opened_at")
        changed[key] = {name: today[name] for name in taken}
    for key, facts in decision.news.items():
        news = [{"text": str(fact["id"]), **fact, NEWS: now.isoformat()} for fact in facts]
        changed[key] = {"evidence": [*by_key[key]["evidence"], *news]}
    for key, why in decision.resolved.items():
        needless = workspace.words("follow_up.needless", why=why)
        told = {"id": "resolved", "text": needless, NEWS: now.isoformat()}
        evidence = [*by_key[key]["evidence"], {"kind": "resolved", **told}]
        changed[key] = {"state": "resolved", "ended_at": now, "reason": why, "evidence": evidence}
    rows = [*new, *({**row, **changed.get(row["key"], {})} for row in stored)]
    rows.sort(key=lambda row: (row["due_at"], row["key"]))
    return FollowUps(rows, new, changed, _said(decision, workspace.config.follow_ups.daily_cap))


def _said(decision: Decision, cap: int | None) -> list[str]:
    """What a colleague should know of the queue."""
    return [
        f"{counted(count, 'follow-up')} for {desk or 'nobody in particular'} must wait for another"
        f" day: [follow_ups] daily_cap = {cap}, the most money at risk goes first"
        for desk, count in sorted(decision.waiting.items())
    ]


def _ownerless(begun: Sequence[Mapping[str, Any]]) -> list[str]:
    """That accounts without an owner leave their follow-ups to nobody."""
    number = sum(
        row["state"] == "open" and not row["assignee"] and not row["owner_source_id"]
        for row in begun
    )
    if not number:
        return []
    verb = "goes" if number == 1 else "go"
    return [
        f"{counted(number, 'follow-up')} {verb} to nobody, as the accounts have no owner"
        '\n  → give them one, or set [follow_ups] assignee = "name@example.com"'
    ]


def _kept(row: Mapping[str, Any]) -> Kept:
    owner = f"{row['owner_source']}:{row['owner_source_id']}" if row["owner_source_id"] else ""
    return Kept(
        key=row["key"],
        account_id=row["account_id"],
        playbook=row["playbook"],
        occasion=row["occasion"],
        state=row["state"],
        desk=row["assignee"] or owner,
        created_at=row["created_at"],
        opened_at=row["opened_at"],
        ended_at=row["ended_at"],
        touched=row["touched"],
        evidence=tuple(row["evidence"]),
    )


def _row(draft: FollowUpDraft, state: str, now: Any) -> dict[str, Any]:
    row = {
        **asdict(draft),
        "evidence": [{n: v for n, v in fact.items() if n != NEWS} for fact in draft.evidence],
        "mrr": dict(draft.mrr),
        "state": state,
        "touched": False,
        "created_at": now,
        "opened_at": now if state == "open" else None,
        "ended_at": None,
        "reason": None,
    }
    assert row.keys() == FollowUp.model_fields.keys()  # noqa: S101 - one definition
    return row
