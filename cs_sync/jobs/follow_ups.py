"""Follow-ups due by the playbooks, and the lifecycle of the stored ones."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection

from cs_sync.follow_ups import (
    COMPANY,
    PLAYBOOKS,
    Decision,
    DecisionContext,
    FollowUpDraft,
    Playbook,
    PlaybookFailures,
    StoredFollowUp,
    assign_drafts,
    isolate_playbook,
    make_decision,
    map_successors,
    plan_follow_ups,
)
from cs_sync.health.wording import format_count
from cs_sync.queries.account_views import build_account_views, read_crm_subjects
from cs_sync.queries.company_view import (
    build_company_view,
    describe_missing_attributes,
    describe_unassigned_findings,
)
from cs_sync.queries.day import DayView
from cs_sync.runtime.run_session import RunSession
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.follow_ups import (
    insert_follow_ups,
    read_follow_ups,
    read_owners,
    read_parted_accounts,
    update_follow_up,
)
from cs_sync.store.write_ledger import read_written_keys
from cs_sync_schemas import FollowUp

ACTIVE_STATES = ("open", "waiting")
ADDED_AT = "since"
"""The mark of a piece of evidence that became known after the follow-up was put on record."""


@dataclass(frozen=True, slots=True)
class DecidedFollowUps:
    """The follow-ups after today's decision (rows of `follow_up`)."""

    rows: list[dict[str, Any]]
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Key → the columns that change."""
    messages: list[str] = field(default_factory=list)

    def rename(self, keys: Mapping[str, str]) -> None:
        """Change the keys of follow-ups, from old to new."""
        for row in self.rows:
            row["key"] = keys.get(row["key"], row["key"])

    def list_next_actions(self) -> dict[str, str]:
        """Map account id → title of its most urgent open follow-up."""
        latest_first = sorted(self.rows, key=lambda row: (row["due_at"], row["key"]), reverse=True)
        return {row["account_id"]: row["title"] for row in latest_first if row["state"] == "open"}


def get_playbooks(workspace: Workspace) -> dict[str, Playbook]:
    """Return the built-in playbooks and those of plugins, by name."""
    return {**PLAYBOOKS, **workspace.plugins.playbooks}


def decide_follow_ups(
    workspace: Workspace, day: DayView, *, company: bool = True
) -> DecidedFollowUps:
    """Decide today's follow-ups from accounts and stored follow-ups, without storing them.

    Company-wide follow-ups need an assignee.

    Args:
        workspace: The workspace.
        day: The scored accounts and their MRR.
        company: Include the company-wide playbooks.

    Returns:
        All follow-ups after the decision, with the changes and messages.
    """
    config, failures = workspace.config, PlaybookFailures()
    built_in, from_plugins = PLAYBOOKS, workspace.plugins.playbooks
    playbooks = {
        **built_in,
        **{name: isolate_playbook(playbook, failures) for name, playbook in from_plugins.items()},
    }
    with workspace.store.read() as connection:
        stored, owners = read_follow_ups(connection), read_owners(connection)
        written = read_written_keys(connection)
        parted, in_crm = read_parted_accounts(connection), read_crm_subjects(workspace, connection)
    customers = {item.account["id"] for item in day.scored if item.is_customer}
    successors = map_successors(parted, customers, in_crm)
    continued = [
        {**row, "account_id": successors.get(row["account_id"], row["account_id"])}
        for row in stored
    ]
    views = build_account_views(workspace, day, continued)
    whole = build_company_view(workspace, playbooks) if company else None
    proposed = plan_follow_ups(views, playbooks, config.playbooks, whole, config.follow_ups)
    everything = assign_drafts(proposed, owners, config.follow_ups.assignee)
    drafts = [d for d in everything if d.account_id != COMPANY or d.assignee]
    rules = DecisionContext(
        workspace.clock(),
        str(config.workspace.timezone),
        config.playbooks,
        config.follow_ups.daily_cap,
        workspace.words,
    )
    stored_follow_ups = [
        _to_stored_follow_up(row, written=row["key"] in written) for row in continued
    ]
    decision = make_decision(
        drafts, stored_follow_ups, playbooks, {view.id: view for view in views}, rules
    )
    decided = _apply_decision(workspace, stored, decision)
    # `check` tells it of every playbook; a run only of those that somebody has set up.
    chosen = {
        n: playbook for n, playbook in playbooks.items() if config.playbooks[n] != playbook.defaults
    }
    missing = describe_missing_attributes(workspace, chosen) if company else []
    begun = [*decided.new, *(row for row in decided.rows if row["key"] in decision.opened)]
    decided.messages.extend(
        [
            *failures.describe(),
            *describe_unassigned_findings(everything),
            *missing,
            *_describe_unowned(begun),
        ]
    )
    return decided


def record_follow_ups(recorded: RunSession, day: DayView) -> DecidedFollowUps:
    """Decide today's follow-ups and store the changes."""
    decided = decide_follow_ups(recorded.workspace, day)

    def save(connection: Connection) -> None:
        insert_follow_ups(connection, decided.new)
        for key, values in decided.changed.items():
            update_follow_up(connection, key, values)

    recorded.transact(save)
    return decided


def _apply_decision(
    workspace: Workspace, stored: Sequence[dict[str, Any]], decision: Decision
) -> DecidedFollowUps:
    now, by_key = workspace.clock(), {row["key"]: row for row in stored}
    new = [_to_row(draft, state, now) for draft, state in decision.new]
    changed: dict[str, dict[str, Any]] = {}
    for key, draft in decision.opened.items():
        today = _to_row(draft, "open", now)
        taken = ("title", "body", "priority", "evidence", "assignee", "state", "opened_at")
        changed[key] = {name: today[name] for name in taken}
    for key, facts in decision.news.items():
        news = [{"text": str(fact["id"]), **fact, ADDED_AT: now.isoformat()} for fact in facts]
        changed[key] = {"evidence": [*by_key[key]["evidence"], *news]}
    for key, why in decision.resolved.items():
        needless = workspace.words("follow_up.needless", why=why)
        resolution = {"id": "resolved", "text": needless, ADDED_AT: now.isoformat()}
        evidence = [*by_key[key]["evidence"], {"kind": "resolved", **resolution}]
        changed[key] = {"state": "resolved", "ended_at": now, "reason": why, "evidence": evidence}
    rows = [*new, *({**row, **changed.get(row["key"], {})} for row in stored)]
    rows.sort(key=lambda row: (row["due_at"], row["key"]))
    return DecidedFollowUps(
        rows, new, changed, _describe_deferred(decision, workspace.config.follow_ups.daily_cap)
    )


def _describe_deferred(decision: Decision, cap: int | None) -> list[str]:
    """Return a message per assignee with deferred follow-ups."""
    return [
        f"{format_count(count, 'follow-up')} for {desk or 'nobody in particular'} must wait for "
        f"another day: [follow_ups] daily_cap = {cap}, the most money at risk goes first"
        for desk, count in sorted(decision.waiting.items())
    ]


def _describe_unowned(begun: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a warning about follow-ups of accounts without an owner."""
    number = sum(
        row["state"] == "open" and not row["assignee"] and not row["owner_source_id"]
        for row in begun
    )
    if not number:
        return []
    verb = "goes" if number == 1 else "go"
    return [
        f"{format_count(number, 'follow-up')} {verb} to nobody, as the accounts have no owner"
        '\n  → give them one, or set [follow_ups] assignee = "name@example.com"'
    ]


def _to_stored_follow_up(row: Mapping[str, Any], *, written: bool) -> StoredFollowUp:
    owner = f"{row['owner_source']}:{row['owner_source_id']}" if row["owner_source_id"] else ""
    return StoredFollowUp(
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
        written=written,
        evidence=tuple(row["evidence"]),
    )


def _to_row(draft: FollowUpDraft, state: str, now: Any) -> dict[str, Any]:
    row = {
        **asdict(draft),
        "evidence": [{n: v for n, v in fact.items() if n != ADDED_AT} for fact in draft.evidence],
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
