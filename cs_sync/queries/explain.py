"""Explanation of one account's score: evidence, trend, change, follow-ups and links."""

from datetime import date, datetime
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.health import AccountEvidence, ScoreChange, build_day_scope, decompose_change
from cs_sync.health.wording import to_plain_line
from cs_sync.i18n import Translator
from cs_sync.queries.outlook import add_outlook
from cs_sync.queries.score import (
    CHANGE_PERIOD,
    BareScore,
    ScoredAccount,
    resolve_day,
    resolve_day_knowledge,
    score_accounts,
    score_bare,
)
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import find_accounts, read_mrr_at
from cs_sync.store.queries.follow_ups import read_active_follow_ups
from cs_sync.store.queries.source_links import read_source_links
from cs_sync.store.queries.stored_scores import read_band_periods, read_stored_score

MAX_LINKS = 5
"""How many tickets and invoices are linked to."""


def explain_score(
    workspace: Workspace,
    account: str,
    *,
    as_of: date | None = None,
    since: date | None = None,
    known_at: datetime | None = None,
) -> dict[str, Any]:
    """Explain one account's score.

    Args:
        workspace: The workspace.
        account: The account's id or name.
        as_of: The day of the score; today by default.
        since: The day to compare with; 30 days earlier by default.
        known_at: Use only what was known at this time.

    Returns:
        The fields of `cs-sync score`, mrr, trend (bands over time), change (since the earlier day),
        follow_ups (active ones) and links (into the sources).

    Raises:
        ConfigError: The account is unknown, or the day is in the future.
    """
    day = resolve_day(workspace, as_of)
    before = _resolve_earlier_day(day, since)
    known_at = resolve_day_knowledge(workspace, day, known_at)
    account_id = _resolve_account_id(workspace, account, known_at)
    now = _score_account(workspace, day, known_at, account_id)
    then = score_bare(workspace, now.account, before, known_at)
    mode, zone = workspace.config.health.mode, str(workspace.config.workspace.timezone)
    with workspace.store.read() as connection:
        ends, policy = build_day_scope(day, zone).until, get_mrr_policy(workspace).hash
        at = workspace.clock() if known_at is None else min(known_at, ends)
        mrr = read_mrr_at(connection, at, policy, [account_id], known_at).get(account_id, {})
        trend = read_band_periods(connection, account_id, mode, day)
        stored = read_stored_score(connection, account_id, mode, before)
        follow_ups = read_active_follow_ups(connection, account_id)
        links = read_source_links(connection, account_id, known_at)
    [row] = add_outlook(workspace, [now.row(day)], day, known_at)
    return {
        **row,
        "mrr": mrr,
        "trend": [{**row, "since": row["since"].isoformat()} for row in trend],
        "change": _explain_change(before, then, now, stored, workspace.words),
        "follow_ups": [_format_follow_up(row, workspace) for row in follow_ups],
        "links": [*links, *_list_evidence_links(now.evidence)],
    }


def _resolve_earlier_day(day: date, since: date | None) -> date:
    """Return the day to compare with."""
    before = since or day - CHANGE_PERIOD
    if before >= day:
        raise ConfigError(f"{before} is not before {day}", "give an earlier day with --since")
    return before


def _resolve_account_id(workspace: Workspace, account: str, known_at: datetime | None) -> str:
    with workspace.store.read() as connection:
        matches = find_accounts(connection, account, known_at)
    if len(matches) != 1:
        problem = "no account matches" if not matches else f"{len(matches)} accounts match"
        candidates = ", ".join(matches[:5]) or "`cs-sync accounts` lists them"
        raise ConfigError(f"{problem} {account!r}", f"give its id: {candidates}")
    return matches[0]


def _score_account(
    workspace: Workspace, day: date, known_at: datetime | None, account: str
) -> ScoredAccount:
    for scored in score_accounts(workspace, day, known_at, [account]):
        return scored
    raise ConfigError(f"{account!r} is a test account", "test accounts are not scored")


def _explain_change(
    since: date,
    then: BareScore,
    now: ScoredAccount,
    stored: dict[str, Any] | None,
    words: Translator,
) -> dict[str, Any] | None:
    """Return the change since a day in parts, if known.

    The parts sum to the change.

    With a stored score of that day under another model, the model's part is the difference
    between that score and the score of the same facts under today's model.
    """
    change = decompose_change(then.score, now.score, then.model, now.model)
    if change is None or then.score.score is None:
        return None
    remodelled = stored is not None and stored["model"] != then.score.model
    was = stored["score"] if stored and remodelled else None
    model = 0.0 if was is None else float(then.score.score) - was
    return {
        "since": since.isoformat(),
        "total": float(change.total) + model,
        "parts": _list_change_parts(change, model, words),
    }


def _list_change_parts(
    change: ScoreChange, model: float, words: Translator
) -> list[dict[str, Any]]:
    """Return the non-zero parts, largest first."""
    candidates = [
        (words("terminal.model_changed"), float(change.model) + model),
        (words("terminal.inputs_lost"), float(change.went_missing)),
        (words("terminal.inputs_gained"), float(change.became_known)),
        *((name, float(points)) for name, points in change.moved.items()),
    ]
    parts = [{"what": what, "points": points} for what, points in candidates if points]
    return sorted(parts, key=lambda part: -abs(float(str(part["points"]))))


def _format_follow_up(row: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Format a follow-up, due in the reporting zone."""
    names = ("key", "playbook", "title", "due_at", "priority", "assignee", "state")
    due_at = row["due_at"].astimezone(workspace.config.workspace.timezone)
    return {**{name: row[name] for name in names}, "due_at": due_at}


def _list_evidence_links(evidence: AccountEvidence) -> list[dict[str, Any]]:
    """Return links to the newest tickets, the overdue invoices and the subscriptions."""
    facts: list[tuple[str, Any]] = [
        *(("ticket", ticket) for ticket in evidence.tickets[:MAX_LINKS]),
        *(("invoice", invoice) for invoice in evidence.invoices[:MAX_LINKS]),
        *(("subscription", subscription) for subscription in evidence.subscriptions),
    ]
    return [
        {
            "source": fact.source,
            "source_id": to_plain_line(f"{kind} {fact.source_id}"),
            "url": fact.url,
        }
        for kind, fact in facts
        if fact.url
    ]
