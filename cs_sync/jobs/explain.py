"""Everything that is behind one account's score, as a colleague would tell it."""

from datetime import date, datetime
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.health import AccountEvidence, Change, change_between, end_of
from cs_sync.health.wording import plain
from cs_sync.jobs.follow_ups import LIVE
from cs_sync.jobs.score import TREND, Scored, day_of, model_of, score_all
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.follow_ups import read_follow_ups
from cs_sync.store.health import band_path, stored_score
from cs_sync.store.links import source_links
from cs_sync.store.lookup import find_account, mrr_at

SHOWN = 5
"""How many tickets and invoices are linked to."""


def explain(
    workspace: Workspace,
    account: str,
    *,
    as_of: date | None = None,
    since: date | None = None,
    known_at: datetime | None = None,
) -> dict[str, Any]:
    """One account's score with all that stands behind it.

    Raises ConfigError when it is unknown or the day lies ahead.

    Beside the fields of `score`: mrr, trend (its bands over time), change (since a day, by
    default 30 days before), follow_ups (that are open) and links (into the sources).
    """
    day, found = day_of(workspace, as_of), _find(workspace, account, known_at)
    before = since or day - TREND
    if before >= day:
        raise ConfigError(f"{before} is not before {day}", "give an earlier day with --since")
    now = _one(score_all(workspace, day, known_at), found)
    then = _one(score_all(workspace, before, known_at), found)
    mode = workspace.config.health.mode
    with workspace.store.read() as connection:
        mrr = mrr_at(connection, known_at or workspace.clock(), [found], known_at=known_at).get(
            found, {}
        )
        trend = band_path(connection, found, mode, day)
        known = stored_score(connection, found, mode, before)
        follow_ups = [
            row
            for row in read_follow_ups(connection)
            if row["account_id"] == found and row["state"] in LIVE
        ]
        links = source_links(connection, found, known_at)
    return {
        **now.row(day),
        "mrr": mrr,
        "trend": [{**row, "since": row["since"].isoformat()} for row in trend],
        "change": _change(workspace, before, day, then, now, known),
        "follow_ups": [_follow_up(row, workspace) for row in follow_ups],
        "links": [*links, *_evidence_links(now.evidence)],
    }


def _find(workspace: Workspace, account: str, known_at: datetime | None) -> str:
    with workspace.store.read() as connection:
        found = find_account(connection, account, known_at)
    if len(found) != 1:
        told = "no account" if not found else f"{len(found)} accounts"
        known = ", ".join(found[:5]) or "`cs-sync accounts` lists them"
        raise ConfigError(f"{told} answers to {account!r}", f"give its id: {known}")
    return found[0]


def _one(scored: list[Scored], account: str) -> Scored:
    found = next((one for one in scored if one.account["id"] == account), None)
    if found is None:
        raise ConfigError(f"{account!r} is a test account", "test accounts are not scored")
    return found


def _change(
    workspace: Workspace,
    since: date,
    until: date,
    then: Scored,
    now: Scored,
    known: dict[str, Any] | None,
) -> dict[str, Any] | None:
    """The change since a day in parts that sum to it; None when either score is unknown.

    Where a score of that day is on record under another model, the difference between it and the
    score of the same facts under today's model is the model's part.
    """
    config, zone = workspace.config.health, str(workspace.config.workspace.timezone)
    models = [model_of(now.account, config, end_of(day, zone)) for day in (since, until)]
    change = change_between(then.score, now.score, *models)
    if change is None or then.score.score is None:
        return None
    remodelled = known is not None and known["model"] != then.score.model
    was = known["score"] if known and remodelled else None
    model = 0.0 if was is None else float(then.score.score) - was
    return {
        "since": since.isoformat(),
        "total": float(change.total) + model,
        "parts": _parts(change, model),
    }


def _parts(change: Change, model: float) -> list[dict[str, Any]]:
    """The parts that are not nought, the largest first."""
    found = [
        ("the model changed", float(change.model) + model),
        ("inputs no longer known", float(change.went_missing)),
        ("inputs newly known", float(change.became_known)),
        *((name, float(points)) for name, points in change.moved.items()),
    ]
    parts = [{"what": what, "points": points} for what, points in found if points]
    return sorted(parts, key=lambda part: -abs(float(str(part["points"]))))


def _follow_up(row: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """What is to be done, due in the reporting zone."""
    names = ("key", "playbook", "title", "due_at", "priority", "assignee", "state")
    due_at = row["due_at"].astimezone(workspace.config.workspace.timezone)
    return {**{name: row[name] for name in names}, "due_at": due_at}


def _evidence_links(evidence: AccountEvidence) -> list[dict[str, Any]]:
    """The newest tickets, the invoices past due and the subscriptions, where they have a page."""
    facts: list[tuple[str, Any]] = [
        *(("ticket", ticket) for ticket in evidence.tickets[:SHOWN]),
        *(("invoice", invoice) for invoice in evidence.invoices[:SHOWN]),
        *(("subscription", one) for one in evidence.subscriptions),
    ]
    return [
        {"source": fact.source, "source_id": plain(f"{kind} {fact.source_id}"), "url": fact.url}
        for kind, fact in facts
        if fact.url
    ]
