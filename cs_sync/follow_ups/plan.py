"""Plan of follow-ups from accounts and playbooks: each occasion once, in a fixed order."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from cs_sync.follow_ups.brief import (
    Point,
    build_template_fields,
    compose_body,
    fill_body,
)
from cs_sync.follow_ups.company import CompanyView
from cs_sync.follow_ups.people import choose_contact
from cs_sync.follow_ups.playbook import Condition, Kind, Playbook, Proposal
from cs_sync.follow_ups.priority import URGENCY, weigh_priority
from cs_sync.follow_ups.settings import FollowUpSettings, PlaybookSettings, Priority
from cs_sync.follow_ups.templates import fill_template
from cs_sync.follow_ups.view import AccountView, get_local_day
from cs_sync.follow_ups.watched_now import Turns, WatchedInstant, get_plain
from cs_sync.follow_ups.wording import format_date
from cs_sync.follow_ups.working_time import WEEK
from cs_sync.metrics.periods import get_day_start

COMPANY = ""
"""The account id of what concerns no single account."""
EVERY_DAY = FollowUpSettings(workdays=WEEK)


class FollowUpDraft(Struct, frozen=True):
    """A follow-up as it should exist in the CRM.

    The same occasion always has the same `key`.

    `assignee` is an e-mail address; without one the account's owner gets it. Score, band
    and MRR (minor units by currency) are those of the day, for a later comparison.
    `happened_at` is when its event happened; None for what is still going on.
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
    why: str = ""
    advice: tuple[str, ...] = ()
    happened_at: datetime | None = None
    contact_id: str | None = None

    def to_point(self, key: str | None = None) -> Point:
        """Return it as a point of a task, under its stored key."""
        return Point(
            key or self.key,
            self.playbook,
            self.title,
            self.why,
            self.priority,
            self.kind,
            self.due_at,
            self.advice,
            self.contact_id,
            self.evidence,
        )


class Silence(Struct, frozen=True, array_like=True):
    """That nothing is asked of an account: when it may end, and what happened too early."""

    turns: Turns
    early: Mapping[str, datetime] = field(default_factory=dict)
    """Key → when it happened, of what is not asked as it was before the connection."""


class FollowUpPlan(Struct, frozen=True):
    """The drafts of a day, most urgent first."""

    drafts: list[FollowUpDraft]
    early: Mapping[str, datetime] = field(default_factory=dict)
    """Key → when it happened, of what makes no follow-up as it was before the connection."""
    quiet: Mapping[str, Silence] = field(default_factory=dict)
    """Watched account of which nothing is asked."""


def plan_follow_ups(
    views: Iterable[AccountView],
    playbooks: Mapping[str, Playbook],
    settings: Mapping[str, PlaybookSettings],
    company: CompanyView | None = None,
    rules: FollowUpSettings = EVERY_DAY,
) -> FollowUpPlan:
    """Run the playbooks and return their drafts.

    The most urgent come first, then those with the most money at risk.

    Args:
        views: The accounts, which are gone through once.
        playbooks: Name → playbook.
        settings: Name → settings; a playbook without settings uses its defaults.
        company: The company, for company-wide playbooks.
        rules: The working time that due times move to, the start, and the weights of money.

    Returns:
        The drafts by priority, money at risk, due time and key.
    """
    drafts, early, quiet = dict[str, FollowUpDraft](), dict[str, datetime](), dict[str, Silence]()
    enabled = [
        (playbook, chosen)
        for name, playbook in playbooks.items()
        if (chosen := settings.get(name, playbook.defaults)).enabled
    ]
    shown: Iterable[Any] = chain(views, () if company is None else (company,))
    for view in shown:
        scope = "account" if isinstance(view, AccountView) else "company"
        excluded: dict[Condition, bool] = {}  # several playbooks share a condition
        too_early, is_asked = dict[str, datetime](), False
        for playbook, chosen in enabled:
            if playbook.scope != scope or _is_excluded(view, playbook.unless, excluded):
                continue
            for proposal in playbook.propose(view, chosen):
                if _is_early(view, proposal, rules):
                    too_early[_build_key(view, playbook, proposal)] = get_plain(proposal.since)
                    continue
                draft = _build_draft(view, playbook, chosen, proposal, rules)
                drafts.setdefault(draft.key, draft)
                is_asked = True
        early |= too_early
        if not is_asked and isinstance(view.now, WatchedInstant):
            quiet[view.id] = Silence(view.now.turns, too_early)
    return FollowUpPlan(_sort_drafts(drafts.values()), early, quiet)


def _is_excluded(view: Any, conditions: Iterable[Condition], known: dict[Condition, bool]) -> bool:
    """Return whether a condition holds; each is checked once."""
    for condition in conditions:
        if condition not in known:
            known[condition] = condition(view)
        if known[condition]:
            return True
    return False


def _sort_drafts(drafts: Iterable[FollowUpDraft]) -> list[FollowUpDraft]:
    return sorted(drafts, key=lambda d: (URGENCY[d.priority], -d.at_risk, d.due_at, d.key))


def _is_early(view: AccountView | CompanyView, proposal: Proposal, rules: FollowUpSettings) -> bool:
    """Return whether an event happened before the start.

    Without a configured start, before its source's first sync.
    """
    if proposal.ongoing or not isinstance(view, AccountView):
        return False
    if rules.start is not None:
        return proposal.since < get_day_start(rules.start, view.zone)
    sources = {fact.get("source") for fact in proposal.evidence}
    own = [at for source, at in view.connected.items() if source in sources]
    start = max(own) if own else min(view.connected.values(), default=None)
    return start is not None and proposal.since < start


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


def _build_key(view: AccountView | CompanyView, playbook: Playbook, proposal: Proposal) -> str:
    subject = COMPANY
    if isinstance(view, AccountView) and not proposal.of_record:
        subject = view.subject or view.id
    return build_follow_up_key(playbook.name, subject, proposal.occasion)


def _build_draft(
    view: AccountView | CompanyView,
    playbook: Playbook,
    settings: PlaybookSettings,
    proposal: Proposal,
    rules: FollowUpSettings,
) -> FollowUpDraft:
    name, account = playbook.name, view if isinstance(view, AccountView) else None
    due_at, why = _schedule(view, settings.due_in, proposal, rules)
    priority = proposal.priority or settings.priority
    contact = None
    if account:
        contact = choose_contact(account, proposal.contact, proposal.audience)
        # What somebody has set in the configuration is meant as it is.
        if settings.priority == playbook.defaults.priority:
            stake = account.at_stake if proposal.stake is None else proposal.stake
            priority = weigh_priority(priority, stake, account, rules)
    account_id = account.id if account else COMPANY
    own_title = {**build_template_fields(view, name, due_at), "title": proposal.title, "body": why}
    draft = FollowUpDraft(
        key=_build_key(view, playbook, proposal),
        account_id=account_id,
        playbook=name,
        occasion=proposal.occasion,
        title=fill_template(settings.title, proposal.title, own_title),
        body="",
        priority=priority,
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
        why=why,
        advice=proposal.advice,
        happened_at=None if proposal.ongoing or not account else get_plain(proposal.since),
        contact_id=contact.id if contact else None,
    )
    point = draft.to_point()
    body = fill_body(settings.body, compose_body(point, view), point, view)
    return replace(draft, body=body)


def _schedule(
    view: AccountView | CompanyView, due_in: timedelta, proposal: Proposal, rules: FollowUpSettings
) -> tuple[datetime, str]:
    """Return due time and reason.

    What goes on, or is known by the day only, is due by the end of a working day, another
    event after so many hours. What became known too late is due the next working day.
    """
    since, now = get_plain(proposal.since), get_plain(view.now)
    due_at = rules.next(since + due_in, view.zone)
    by_day = since == get_day_start(get_local_day(since, view.zone), view.zone)
    if proposal.ongoing or by_day:
        due_at = rules.end_day(due_at, view.zone)
    if due_at >= now:
        return due_at, proposal.body
    late = view.words("follow_up.late", day=format_date(since, view))
    next_day = rules.next(now + timedelta(days=1), view.zone)
    return rules.end_day(next_day, view.zone), f"{late} {proposal.body}".strip()
