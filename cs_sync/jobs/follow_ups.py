"""Which follow-ups are due by the playbooks."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cs_sync.follow_ups import PLAYBOOKS, FollowUpDraft, Playbook, plan_follow_ups
from cs_sync.jobs.score import Scored
from cs_sync.jobs.views import account_views, company_view
from cs_sync.jobs.workspace import Workspace
from cs_sync_schemas import FollowUp


def playbooks(workspace: Workspace) -> dict[str, Playbook]:
    """Ours and those of plugins, by name."""
    return {**PLAYBOOKS, **workspace.plugins.playbooks}


def propose(workspace: Workspace, scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """The follow-ups that the customers among these call for today, the most urgent first.

    Rows of `follow_up`; nothing is stored. Company-wide ones need somebody to go to.
    """
    config = workspace.config
    known, settings = playbooks(workspace), config.playbooks
    company = {
        name: one
        for name, one in known.items()
        if one.scope == "company"
        and settings[name].enabled
        and (settings[name].assignee or config.follow_ups.assignee)
    }
    drafts = plan_follow_ups(
        account_views(workspace, scored),
        known,
        settings,
        company_view(workspace, company, settings) if company else None,
        config.follow_ups,
    )
    return [_row(workspace, draft) for draft in drafts]


def _row(workspace: Workspace, draft: FollowUpDraft) -> dict[str, Any]:
    row = {**asdict(draft), "evidence": [dict(fact) for fact in draft.evidence]}
    row["created_at"] = workspace.clock()
    return {name: value for name, value in row.items() if name in FollowUp.model_fields}
