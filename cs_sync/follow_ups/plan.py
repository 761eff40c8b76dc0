"""From accounts and playbooks to follow-ups: each occasion once, in a fixed order."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cs_sync.follow_ups.playbook import Kind, Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings, Priority
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import instant_text

_URGENCY: dict[Priority, int] = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True, slots=True)
class FollowUpDraft:
    """A follow-up as it should exist in the CRM; `key` is the same for the same occasion."""

    key: str
    account_id: str
    playbook: str
    occasion: str
    title: str
    body: str
    priority: Priority
    kind: Kind
    due_at: datetime
    owner_source: str | None
    owner_source_id: str | None
    evidence: tuple[Mapping[str, Any], ...]


def plan_follow_ups(
    views: Iterable[AccountView],
    playbooks: Mapping[str, Playbook],
    settings: Mapping[str, PlaybookSettings],
) -> list[FollowUpDraft]:
    """What should be done, most urgent first; a playbook without settings uses its defaults."""
    drafts: dict[str, FollowUpDraft] = {}
    for view in views:
        for name, playbook in playbooks.items():
            chosen = settings.get(name, playbook.defaults)
            if not chosen.enabled:
                continue
            for proposal in playbook.propose(view, chosen):
                draft = _draft(view, name, chosen, proposal)
                drafts.setdefault(draft.key, draft)
    return sorted(drafts.values(), key=lambda d: (_URGENCY[d.priority], d.due_at, d.key))


def follow_up_key(playbook: str, account_id: str, occasion: str) -> str:
    """32 hexadecimal digits that name the follow-up everywhere."""
    return hashlib.sha256(f"{playbook}|{account_id}|{occasion}".encode()).hexdigest()[:32]


def _draft(
    view: AccountView, name: str, settings: PlaybookSettings, proposal: Proposal
) -> FollowUpDraft:
    due_at = proposal.since + settings.due_in
    body = proposal.body
    if due_at < view.now:
        late = instant_text(due_at, view)
        body += f"\n\nAlready overdue: it was due on {late} and became known only now."
    return FollowUpDraft(
        key=follow_up_key(name, view.id, proposal.occasion),
        account_id=view.id,
        playbook=name,
        occasion=proposal.occasion,
        title=proposal.title,
        body=body,
        priority=settings.priority,
        kind=proposal.kind,
        due_at=due_at,
        owner_source=view.owner_source,
        owner_source_id=view.owner_source_id,
        evidence=proposal.evidence,
    )
