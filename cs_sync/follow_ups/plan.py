"""Plan of follow-ups from accounts and playbooks: each occasion once, in a fixed order."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cs_sync.follow_ups.company import CompanyView
from cs_sync.follow_ups.playbook import Kind, Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings, Priority
from cs_sync.follow_ups.templates import fill_template
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import format_instant, join_paragraphs
from cs_sync.follow_ups.working_time import WorkingTime
from cs_sync.health.wording import to_plain_line

COMPANY = ""
"""The account id of what concerns no single account."""
ALWAYS = WorkingTime()
_URGENCY: dict[Priority, int] = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True, slots=True)
class FollowUpDraft:
    """A follow-up as it should exist in the CRM.

    The same occasion always has the same `key`.

    `assignee` is an e-mail address; without one the account's owner gets it. Score, band
    and MRR (minor units by currency) are those of the day, for a later comparison.
    """

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
    assignee: str | None = None
    at_risk: float = 0.0
    score: float | None = None
    band: str | None = None
    mrr: Mapping[str, int] = field(default_factory=dict)


def plan_follow_ups(
    views: Iterable[AccountView],
    playbooks: Mapping[str, Playbook],
    settings: Mapping[str, PlaybookSettings],
    company: CompanyView | None = None,
    working_time: WorkingTime = ALWAYS,
) -> list[FollowUpDraft]:
    """Run the playbooks and return their drafts, most urgent first.

    Args:
        views: The accounts.
        playbooks: Name → playbook.
        settings: Name → settings; a playbook without settings uses its defaults.
        company: The company, for company-wide playbooks.
        working_time: The working time that due times move to.

    Returns:
        The drafts by priority, due time and key.
    """
    drafts: dict[str, FollowUpDraft] = {}
    shown: dict[str, list[Any]] = {
        "account": list(views),
        "company": [] if company is None else [company],
    }
    for name, playbook in playbooks.items():
        chosen = settings.get(name, playbook.defaults)
        if not chosen.enabled:
            continue
        for view in shown[playbook.scope]:
            for proposal in playbook.propose(view, chosen):
                draft = _build_draft(view, name, chosen, proposal, working_time)
                drafts.setdefault(draft.key, draft)
    return sorted(drafts.values(), key=lambda d: (_URGENCY[d.priority], d.due_at, d.key))


def build_follow_up_key(playbook: str, subject: str, occasion: str) -> str:
    """Return the key of a follow-up: its playbook, and 32 hexadecimal digits.

    Args:
        playbook: The playbook; readable in the key, so that a CRM task shows its cause.
        subject: The account's record in the CRM, else the account; empty if the occasion
            names a record of its own.
        occasion: The event.
    """
    digest = hashlib.sha256(f"{playbook}|{subject}|{occasion}".encode()).hexdigest()[:32]
    return f"{playbook}-{digest}"


def parse_playbook_name(key: str) -> str:
    """Return the playbook of a follow-up's key; empty for any other key."""
    return key.rpartition("-")[0]


def _build_draft(
    view: AccountView | CompanyView,
    name: str,
    settings: PlaybookSettings,
    proposal: Proposal,
    working_time: WorkingTime,
) -> FollowUpDraft:
    due_at = working_time.next(proposal.since + settings.due_in, view.zone)
    due = format_instant(due_at, view)
    body = proposal.body
    if due_at < view.now:
        body = join_paragraphs(body, view.words("follow_up.overdue", due=due))
    account = view if isinstance(view, AccountView) else None
    fields = {
        "title": proposal.title,
        "body": body,
        "due": due,
        "playbook": name,
        **_format_account(account),
    }
    account_id = account.id if account else COMPANY
    subject = account.subject or account.id if account else COMPANY
    return FollowUpDraft(
        key=build_follow_up_key(name, "" if proposal.of_record else subject, proposal.occasion),
        account_id=account_id,
        playbook=name,
        occasion=proposal.occasion,
        title=fill_template(settings.title, proposal.title, fields),
        body=fill_template(settings.body, body, fields),
        priority=proposal.priority or settings.priority,
        kind=proposal.kind,
        due_at=due_at,
        owner_source=account.owner_source if account else None,
        owner_source_id=account.owner_source_id if account else None,
        evidence=proposal.evidence,
        assignee=settings.assignee,
        at_risk=account.at_risk if account else 0.0,
        score=account.score if account else None,
        band=account.band if account else None,
        mrr=account.mrr if account else {},
    )


def _format_account(account: AccountView | None) -> dict[str, str]:
    """Return the account's template fields; empty texts where unknown."""
    if account is None:
        return {"account": "", "score": "", "band": "", "mrr": ""}
    return {
        "account": to_plain_line(account.label, 80),
        "score": "" if account.score is None else account.words.number(account.score),
        "band": account.words.band(account.band) if account.band else "",
        "mrr": account.words.mrr(account.mrr),
    }
