"""Follow-ups due by the playbooks, and the lifecycle of the stored ones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection

from cs_sync.contracts.destination import Destination
from cs_sync.contracts.errors import VendorError
from cs_sync.follow_ups import (
    COMPANY,
    PLAYBOOKS,
    AccountView,
    CompanyView,
    Decision,
    DecisionContext,
    FollowUpDraft,
    FollowUpPlan,
    OwnerFact,
    Playbook,
    PlaybookFailures,
    StoredFollowUp,
    assign_drafts,
    isolate_playbook,
    make_decision,
    map_current_keys,
    map_successors,
    plan_follow_ups,
)
from cs_sync.follow_ups.priority import URGENCY
from cs_sync.health.money_at_risk import RiskBasis
from cs_sync.i18n import ENGLISH
from cs_sync.i18n.counts import count_noun
from cs_sync.jobs.follow_up_rows import (
    ADDED_AT,
    build_point_note,
    build_row,
    build_stored_follow_ups,
    rename_rows,
)
from cs_sync.queries.account_views import AccountViews, read_crm_subjects
from cs_sync.queries.company_view import (
    build_company_view,
    describe_missing_attributes,
    describe_unassigned_findings,
)
from cs_sync.queries.day import DayView
from cs_sync.queries.holdouts import describe_new_holdouts
from cs_sync.queries.quiet_accounts import QuietAccounts
from cs_sync.runtime.run_session import RunSession
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_results import KeptUpdate
from cs_sync.store.queries.follow_ups import (
    ACTIVE_STATES,
    insert_follow_ups,
    read_follow_ups,
    read_owners,
    read_parted_accounts,
    rename_follow_ups,
    update_follow_up,
)
from cs_sync.store.write_ledger import has_written_follow_ups, read_written_keys
from cs_sync.write_back.tasks import get_task_key


class DecidedFollowUps(Struct):
    """The follow-ups after today's decision (rows of `follow_up`)."""

    rows: list[dict[str, Any]]
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Key → the columns that change."""
    messages: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    """Key before → key now."""
    kept: KeptUpdate | None = None
    """What a run is to keep of the decision."""

    def apply(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Change follow-ups: key → new values, also of the key itself."""
        for row in self.rows:
            row.update(values.get(row["key"], {}))

    def list_next_actions(self) -> dict[str, str]:
        """Map account id → title of its most urgent open follow-up."""
        least_urgent_first = sorted(
            (row for row in self.rows if row["state"] == "open"),
            key=lambda row: (URGENCY[row["priority"]], row["due_at"], row["key"]),
            reverse=True,
        )
        return {row["account_id"]: row["title"] for row in least_urgent_first}


def decide_follow_ups(
    workspace: Workspace,
    day: DayView,
    opened: Sequence[tuple[str, Destination]] = (),
    *,
    company: bool = True,
) -> DecidedFollowUps:
    """Decide today's follow-ups from accounts and stored follow-ups, without storing them.

    Company-wide follow-ups need an assignee.

    Args:
        workspace: The workspace.
        day: The scored accounts and their MRR.
        opened: The destinations by name, to find tasks that an earlier database wrote.
        company: Include the company-wide playbooks.

    Returns:
        All follow-ups after the decision, with the changes and messages.
    """
    config, failures = workspace.config, PlaybookFailures()
    playbooks = _collect_playbooks(workspace, failures)
    known = _read_known_follow_ups(workspace, day)
    views = AccountViews(workspace, day, known.continued)
    quiet = QuietAccounts(workspace, views)
    whole = build_company_view(workspace, playbooks) if company else None
    plan = _plan_with_connection(workspace, opened, quiet, playbooks, whole)
    everything = assign_drafts(plan.drafts, known.owners, config.follow_ups.assignee)
    drafts = [d for d in everything if d.account_id != COMPANY or d.assignee]
    current, continued = _match_stored(known, drafts)
    decision = make_decision(drafts, continued, playbooks, views, _build_context(workspace))
    decided = _apply_decision(workspace, rename_rows(known.stored, current), decision)
    at_risk = views.calculate_money_at_risk({row["account_id"] for row in decided.rows})
    decided.rows.sort(key=lambda row: _rank_row(row, at_risk))
    decided.renamed.update(current)
    decided.kept = quiet.build_update(plan.quiet)
    begun = [*decided.new, *(row for row in decided.rows if row["key"] in decision.opened)]
    decided.messages.extend(
        [
            *_describe_deferred(decision, config.follow_ups.daily_cap, day.priority_basis),
            *failures.describe(),
            *describe_unassigned_findings(everything),
            *(_describe_missing_attributes(workspace, playbooks) if company else []),
            *_describe_unowned(begun),
            *describe_new_holdouts(workspace, known.stored),
        ]
    )
    return decided


def _build_context(workspace: Workspace) -> DecisionContext:
    config = workspace.config
    return DecisionContext(
        workspace.clock(),
        str(config.workspace.timezone),
        config.playbooks,
        config.follow_ups.daily_cap,
        workspace.words,
    )


def _collect_playbooks(workspace: Workspace, failures: PlaybookFailures) -> dict[str, Playbook]:
    """Return the built-in playbooks and those of plugins, whose errors are collected."""
    own = workspace.plugins.playbooks
    isolated = {name: isolate_playbook(playbook, failures) for name, playbook in own.items()}
    return {**PLAYBOOKS, **isolated}


class _KnownFollowUps(Struct, frozen=True):
    """What the store holds; `continued` are the rows under the accounts that go on with them."""

    stored: list[dict[str, Any]]
    continued: list[dict[str, Any]]
    written: set[str]
    owners: dict[tuple[str, str], OwnerFact]
    in_crm: dict[str, str]


def _match_stored(
    known: _KnownFollowUps, drafts: Sequence[FollowUpDraft]
) -> tuple[dict[str, str], list[StoredFollowUp]]:
    """Match drafts to the stored follow-ups that have older keys.

    Returns:
        Key before → key now, and the stored follow-ups under the keys of now.
    """
    in_order = build_stored_follow_ups(known.continued, known.written)
    current = map_current_keys(drafts, in_order, known.in_crm)
    return current, build_stored_follow_ups(rename_rows(known.continued, current), known.written)


def _read_known_follow_ups(workspace: Workspace, day: DayView) -> _KnownFollowUps:
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
    return _KnownFollowUps(stored, continued, written, owners, in_crm)


def _describe_missing_attributes(
    workspace: Workspace, playbooks: Mapping[str, Playbook]
) -> list[str]:
    """Describe missing attributes for configured playbooks."""
    settings = workspace.config.playbooks
    chosen = {n: playbook for n, playbook in playbooks.items() if settings[n] != playbook.defaults}
    return describe_missing_attributes(workspace, chosen)


def _plan_with_connection(
    workspace: Workspace,
    opened: Sequence[tuple[str, Destination]],
    quiet: QuietAccounts,
    playbooks: Mapping[str, Playbook],
    whole: CompanyView | None,
) -> FollowUpPlan:
    """Plan the follow-ups, from an older connection where tasks show one.

    That is how the first run after the loss of a database is told from a first run.
    """

    def plan(shown: Iterable[AccountView]) -> FollowUpPlan:
        config = workspace.config
        return plan_follow_ups(shown, playbooks, config.playbooks, whole, config.follow_ups)

    planned = plan(quiet.list_others())
    happened = {**quiet.list_early(), **planned.early}
    if workspace.config.follow_ups.start is not None or not happened:
        return planned
    written = [at for key in _find_written(workspace, opened, list(happened))
               if (at := happened.get(key))]  # fmt: skip
    if not written:
        return planned
    start = min(written)
    return plan(
        replace(view, connected={name: min(at, start) for name, at in view.connected.items()})
        for view in quiet.list_all()
    )


def _find_written(
    workspace: Workspace, opened: Sequence[tuple[str, Destination]], keys: Sequence[str]
) -> Iterator[str]:
    """Yield these keys that destinations already hold."""
    for name, destination in opened:
        with workspace.store.read() as connection:
            if has_written_follow_ups(connection, name):
                continue
        try:
            yield from (item.key for item in destination.find(keys))
        except VendorError:  # nothing is written there now, so the next run asks again
            continue


def record_follow_ups(
    recorded: RunSession, day: DayView, opened: Sequence[tuple[str, Destination]]
) -> DecidedFollowUps:
    """Decide today's follow-ups and store the changes."""
    decided = decide_follow_ups(recorded.workspace, day, opened)

    def save(connection: Connection) -> None:
        rename_follow_ups(connection, decided.renamed)
        insert_follow_ups(connection, decided.new)
        for key, values in decided.changed.items():
            update_follow_up(connection, key, values)

    recorded.transact(save)
    return decided


def _apply_decision(
    workspace: Workspace, stored: Sequence[dict[str, Any]], decision: Decision
) -> DecidedFollowUps:
    now, by_key = workspace.clock(), {row["key"]: row for row in stored}
    language = workspace.words.language
    new = [
        {**build_row(draft, state, now, language), "lead": decision.leads.get(draft.key)}
        for draft, state in decision.new
    ]
    changed: dict[str, dict[str, Any]] = {
        row["key"]: {"language": language}
        for row in stored
        if row["state"] in ACTIVE_STATES and row["language"] is None
    }
    for key, draft in decision.opened.items():
        today = build_row(draft, "open", now, language)
        taken = {name: today[name] for name in TAKEN}
        changed[key] = {**taken, "lead": decision.leads.get(key)}
    for key, draft in decision.reworded.items():
        changed[key] = {**_reword(by_key[key], draft), "language": language}
    for key, facts in decision.news.items():
        news = [{"text": str(fact["id"]), **fact, ADDED_AT: now.isoformat()} for fact in facts]
        before = changed.get(key, {})
        evidence = before.get("evidence", by_key[key]["evidence"])
        changed[key] = {**before, "evidence": [*evidence, *news]}
    for key, why in decision.resolved.items():
        needless = workspace.words("follow_up.needless", why=why)
        resolution = {"id": "resolved", "text": needless, ADDED_AT: now.isoformat()}
        evidence = [*by_key[key]["evidence"], {"kind": "resolved", **resolution}]
        ended = {"state": "resolved", "ended_at": now, "reason": why, "evidence": evidence}
        changed[key] = {**changed.get(key, {}), **ended}
    rows = [*new, *({**row, **changed.get(row["key"], {})} for row in stored)]
    _share_tasks(workspace, decision, rows, changed)
    return DecidedFollowUps(rows, new, changed)


def _reword(row: Mapping[str, Any], draft: FollowUpDraft) -> dict[str, Any]:
    """Reword a follow-up in the language of today.

    What it asks for and its notes stay.
    """
    facts = {fact["id"]: fact for fact in draft.evidence if fact.get("id")}
    evidence = [
        {**fact, **facts.get(fact.get("id"), {})} if ADDED_AT not in fact else fact
        for fact in row["evidence"]
    ]
    texts = {"title": draft.title, "body": draft.body, "why": draft.why}
    return {**texts, "advice": list(draft.advice), "evidence": evidence}


TAKEN = (
    "title", "body", "priority", "evidence", "assignee", "state", "opened_at", "due_at", "why",
    "advice", "contact_id", "language",
)  # fmt: skip
"""The columns of a follow-up that waited which are those of the day when its turn comes."""


def _share_tasks(
    workspace: Workspace,
    decision: Decision,
    rows: Sequence[dict[str, Any]],
    changed: dict[str, dict[str, Any]],
) -> None:
    """Store what shared tasks say, and a note per new point.

    A task is stored with one of its follow-ups.
    """
    stored = {row["key"] for row in rows} - {draft.key for draft, _ in decision.new}
    by_task: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_task[get_task_key(row)].append(row)

    def change(row: dict[str, Any], values: dict[str, Any]) -> None:
        row.update(values)
        if row["key"] in stored:
            changed[row["key"]] = {**changed.get(row["key"], {}), **values}

    for row in rows:
        if row["key"] in decision.joined:
            change(row, {"evidence": [*row["evidence"], build_point_note(row, workspace.clock())]})
    for key, task in decision.tasks.items():
        of_task = by_task[key]
        own = next((row for row in of_task if row["key"] == key), of_task[0])
        for row in of_task:
            text = task if row is own else None
            if row["task"] != text:
                change(row, {"task": text})


def _rank_row(
    row: Mapping[str, Any], at_risk: Mapping[str, float]
) -> tuple[int, float, datetime, str]:
    """Return the sort key of follow-ups.

    The most urgent come first, then those with the most money at risk.
    """
    return URGENCY[row["priority"]], -at_risk.get(row["account_id"], 0.0), row["due_at"], row["key"]


def _describe_deferred(decision: Decision, cap: int | None, basis: RiskBasis) -> list[str]:
    """Return a message per assignee with deferred follow-ups."""
    order = ENGLISH(f"priority_basis.{basis}")
    return [
        f"{count_noun(count, 'follow-up')} of {desk or 'accounts without an owner'} deferred: "
        f"[follow_ups] daily_cap = {cap}; the most money at risk goes first ({order})"
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
    verb = "is" if number == 1 else "are"
    return [
        f"{count_noun(number, 'follow-up')} {verb} unassigned, as the accounts have no owner"
        '\n  → give them one, or set [follow_ups] assignee = "name@example.com"'
    ]
