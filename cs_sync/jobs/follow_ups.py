"""Which follow-ups are due by the playbooks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from cs_sync.follow_ups.plan import FollowUpDraft, plan_follow_ups
from cs_sync.follow_ups.playbook import Playbook
from cs_sync.follow_ups.playbooks import PLAYBOOKS
from cs_sync.follow_ups.view import AccountView, MovementFact
from cs_sync.jobs.derive import policy_of
from cs_sync.jobs.score import Scored
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.health import band_since
from cs_sync.store.lookup import mrr_at
from cs_sync.store.movements import read_movements

LOOK_BACK = timedelta(days=120)
"""How far back playbooks may look for movements."""


def playbooks(workspace: Workspace) -> dict[str, Playbook]:
    """Ours and those of plugins, by name."""
    return {**PLAYBOOKS, **workspace.plugins.playbooks}


def propose(workspace: Workspace, scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """The follow-ups that the customers among these call for today, the most urgent first.

    Rows of `follow_up`; nothing is stored.
    """
    now, policy = workspace.clock(), policy_of(workspace).hash
    with workspace.store.read() as connection:
        mrr = mrr_at(connection, now, policy=policy)
        movements = read_movements(connection, policy, now - LOOK_BACK)
        bands = band_since(connection, workspace.config.health.mode, workspace.today)
    views = [
        _view(workspace, one, mrr.get(one.account["id"], {}), movements, bands)
        for one in scored
        if one.is_customer
    ]
    drafts = plan_follow_ups(views, playbooks(workspace), workspace.config.playbooks)
    return [_row(workspace, draft) for draft in drafts]


def _view(
    workspace: Workspace,
    scored: Scored,
    mrr: Mapping[str, int],
    movements: Mapping[str, Sequence[MovementFact]],
    bands: Mapping[str, tuple[str, date]],
) -> AccountView:
    account, score = scored.account, scored.score
    band, since = bands.get(account["id"], ("", workspace.today))
    return AccountView(
        id=account["id"],
        now=workspace.clock(),
        name=account["name"],
        owner_source=account["owner_source"],
        owner_source_id=account["owner_source_id"],
        score=None if score.score is None else float(score.score),
        band=score.band,
        band_since=since if band == score.band else workspace.today,
        reasons=tuple(reason.text for reason in scored.reasons),
        mrr=mrr,
        answers=scored.evidence.answers,
        movements=tuple(movements.get(account["id"], ())),
        tickets=scored.evidence.tickets,
        zone=str(workspace.config.workspace.timezone),
    )


def _row(workspace: Workspace, draft: FollowUpDraft) -> dict[str, Any]:
    evidence = [dict(fact) for fact in draft.evidence]
    return {**asdict(draft), "evidence": evidence, "created_at": workspace.clock()}
