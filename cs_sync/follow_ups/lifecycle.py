"""Lifecycle of follow-ups: new, waiting, updated or no longer needed; pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cs_sync.follow_ups.plan import COMPANY, FollowUpDraft
from cs_sync.follow_ups.playbook import Playbook
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.i18n import ENGLISH, Translator

State = Literal["waiting", "open", "held_out", "done", "deleted", "resolved"]
Evidence = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredFollowUp:
    """A stored follow-up; `account_id` is the surviving account after a merge."""

    key: str
    account_id: str
    playbook: str
    occasion: str
    state: State
    desk: str
    created_at: datetime
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    touched: bool = False
    written: bool = False
    """It is at a destination."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """The inputs of today's decision besides drafts and stored follow-ups."""

    now: datetime
    zone: str
    settings: Mapping[str, PlaybookSettings]
    daily_cap: int | None = None
    words: Translator = ENGLISH


@dataclass(frozen=True, slots=True)
class Decision:
    """The changes to make; `waiting` counts the deferred follow-ups by assignee."""

    new: list[tuple[FollowUpDraft, State]] = field(default_factory=list)
    opened: dict[str, FollowUpDraft] = field(default_factory=dict)
    """Key of one that waited → how it reads today."""
    news: dict[str, tuple[Evidence, ...]] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)
    """Key → why it is needless."""
    waiting: Mapping[str, int] = field(default_factory=dict)


def get_assignee_key(draft: FollowUpDraft) -> str:
    """Return a draft's assignee: the e-mail address, else the owner's id, else an empty text."""
    if draft.assignee:
        return draft.assignee
    has_owner = draft.owner_source and draft.owner_source_id
    return f"{draft.owner_source}:{draft.owner_source_id}" if has_owner else ""


def make_decision(
    drafts: Sequence[FollowUpDraft],
    stored: Iterable[StoredFollowUp],
    playbooks: Mapping[str, Playbook],
    views: Mapping[str, AccountView],
    rules: DecisionContext,
) -> Decision:
    """Compare today's drafts with the stored follow-ups.

    One occasion of an account is one follow-up for good: after its end it never reopens,
    also after a merge of accounts with its change of key. The same holds for one key, also
    after its record moved to another account. Of two that a merge brings together, the one
    that is over, begun or written stays.

    Args:
        drafts: The follow-ups called for today.
        kept: The stored follow-ups.
        playbooks: Name → playbook.
        views: Account id → account.
        rules: Settings, time and language.
    """
    record: dict[tuple[str, str, str], StoredFollowUp] = {}
    by_key, repeated = {}, []
    for follow_up in sorted(stored, key=_rank_stored):
        occasion = (follow_up.playbook, follow_up.account_id, follow_up.occasion)
        by_key[follow_up.key] = occasion
        if record.setdefault(occasion, follow_up) is not follow_up:
            repeated.append(follow_up)
    called_for = {by_key.get(d.key, (d.playbook, d.account_id, d.occasion)): d for d in drafts}
    fresh = _apply_cool_down(
        [d for occasion, d in called_for.items() if occasion not in record], record.values(), rules
    )
    held_out = [d for d in fresh if _is_held_out(d, rules)]
    free = [d for d in fresh if not _is_held_out(d, rules)]
    queue = {
        o: called_for[o] for o, k in record.items() if k.state == "waiting" and o in called_for
    }
    turns = _apply_daily_cap([*queue.values(), *free], record.values(), rules)
    decision = Decision(waiting=_count_waiting(queue.values(), free, turns))
    decision.new.extend((d, "open" if id(d) in turns else "waiting") for d in free)
    decision.new.extend((d, "held_out") for d in held_out)
    decision.opened.update((record[o].key, d) for o, d in queue.items() if id(d) in turns)
    for occasion, follow_up in record.items():
        _update_stored(follow_up, called_for.get(occasion), playbooks, views, decision, rules)
    for follow_up in repeated:
        if follow_up.state in ("open", "waiting") and not follow_up.touched:
            decision.resolved[follow_up.key] = rules.words("follow_up.repeated")
    return decision


def _rank_stored(follow_up: StoredFollowUp) -> tuple[bool, bool, bool, datetime, str]:
    """Return the sort key of follow-ups of one occasion: the first one stays."""
    return (
        follow_up.state not in ("done", "deleted"),
        not follow_up.touched,
        not follow_up.written,
        follow_up.created_at,
        follow_up.key,
    )


def _update_stored(
    stored: StoredFollowUp,
    draft: FollowUpDraft | None,
    playbooks: Mapping[str, Playbook],
    views: Mapping[str, AccountView],
    decision: Decision,
    rules: DecisionContext,
) -> None:
    """Add updates to an open follow-up, or the reason for resolving it."""
    if stored.state == "waiting" and draft is None and stored.account_id in {*views, COMPANY}:
        decision.resolved[stored.key] = rules.words("follow_up.no_turn")
    if stored.state != "open":
        return
    if draft is not None:
        evidence_ids = {fact.get("id") for fact in stored.evidence}
        news = tuple(f for f in draft.evidence if f.get("id") and f["id"] not in evidence_ids)
        if news:
            decision.news[stored.key] = news
        return
    view, playbook = views.get(stored.account_id), playbooks.get(stored.playbook)
    if view is None or playbook is None or playbook.resolved is None or stored.touched:
        return
    settings = rules.settings.get(stored.playbook, playbook.defaults)
    why = playbook.resolved(view, stored.occasion, settings)
    if why:
        decision.resolved[stored.key] = why


def _apply_cool_down(
    fresh: Iterable[FollowUpDraft], record: Iterable[StoredFollowUp], rules: DecisionContext
) -> list[FollowUpDraft]:
    """Drop drafts within a cool-down period.

    Of several drafts of one playbook and account, the first is kept.
    """
    last: dict[tuple[str, str], datetime] = {}
    for follow_up in record:
        pair = (follow_up.playbook, follow_up.account_id)
        moment = max(follow_up.created_at, follow_up.ended_at or follow_up.created_at)
        last[pair] = max(last.get(pair, moment), moment)
    allowed = []
    for draft in fresh:
        pair, pause = (draft.playbook, draft.account_id), _get_cool_down(draft, rules)
        if pause and pair in last and rules.now < last[pair] + pause:
            continue
        last[pair] = rules.now
        allowed.append(draft)
    return allowed


def _get_cool_down(draft: FollowUpDraft, rules: DecisionContext) -> timedelta:
    settings = rules.settings.get(draft.playbook)
    return settings.cool_down if settings else timedelta(0)


def _is_held_out(draft: FollowUpDraft, rules: DecisionContext) -> bool:
    """Return whether a draft is in the holdout group.

    The group is drawn by account id, so an account never changes sides.
    """
    settings = rules.settings.get(draft.playbook)
    if settings is None or not settings.holdout or draft.account_id == COMPANY:
        return False
    drawn = hashlib.sha256(f"holdout|{draft.playbook}|{draft.account_id}".encode()).digest()
    return int.from_bytes(drawn[:8]) / 2**64 < settings.holdout


def _apply_daily_cap(
    candidates: Iterable[FollowUpDraft], record: Iterable[StoredFollowUp], rules: DecisionContext
) -> frozenset[int]:
    """Select today's drafts, most money at risk first, up to the daily cap per assignee.

    Company-wide drafts are always selected.

    Returns:
        The identities (`id()`) of the selected drafts.
    """
    today = rules.now.astimezone(ZoneInfo(rules.zone)).date()
    opened: Counter[str] = Counter(
        follow_up.desk
        for follow_up in record
        if follow_up.opened_at
        and follow_up.opened_at.astimezone(ZoneInfo(rules.zone)).date() == today
    )
    selected = []
    for draft in sorted(candidates, key=lambda d: (-d.at_risk, d.due_at, d.key)):
        desk = get_assignee_key(draft)
        if draft.account_id != COMPANY and rules.daily_cap is not None:
            if opened[desk] >= rules.daily_cap:
                continue
            opened[desk] += 1
        selected.append(id(draft))
    return frozenset(selected)


def _count_waiting(
    queue: Iterable[FollowUpDraft], free: Iterable[FollowUpDraft], turns: frozenset[int]
) -> Counter[str]:
    return Counter(get_assignee_key(draft) for draft in (*queue, *free) if id(draft) not in turns)
