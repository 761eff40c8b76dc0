"""What becomes of follow-ups: which are new, wait, get news, or are needless; pure."""

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
from cs_sync.words import ENGLISH, Words

State = Literal["waiting", "open", "held_out", "done", "deleted", "resolved"]
Evidence = Mapping[str, Any]
Occasion = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """A follow-up on record. `account_id` is the account that it lives on in after a merge."""

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
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds today."""

    now: datetime
    zone: str
    settings: Mapping[str, PlaybookSettings]
    daily_cap: int | None = None
    words: Words = ENGLISH


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done; `waiting` counts, by desk, those whose turn has not come."""

    new: list[tuple[FollowUpDraft, State]] = field(default_factory=list)
    opened: dict[str, FollowUpDraft] = field(default_factory=dict)
    """Key of one that waited → how it reads today."""
    news: dict[str, tuple[Evidence, ...]] = field(default_factory=dict)
    resolved: dict[str, str] = field(default_factory=dict)
    """Key → why it is needless."""
    waiting: Mapping[str, int] = field(default_factory=dict)


def desk_of(draft: FollowUpDraft) -> str:
    """Who gets it: an e-mail address where one is known, else the owner's id, else nobody."""
    if draft.assignee:
        return draft.assignee
    known = draft.owner_source and draft.owner_source_id
    return f"{draft.owner_source}:{draft.owner_source_id}" if known else ""


def decide(
    drafts: Sequence[FollowUpDraft],
    kept: Iterable[Kept],
    playbooks: Mapping[str, Playbook],
    views: Mapping[str, AccountView],
    rules: Rules,
) -> Decision:
    """Compare what the playbooks call for today with what is on record.

    The same occasion of the same account is the same follow-up for good: one that ended never
    opens again, also after accounts were merged and the key would be another one. So is the same
    key, also when the record that it names moved to another account.
    """
    record = {(one.playbook, one.account_id, one.occasion): one for one in kept}
    by_key = {one.key: occasion for occasion, one in record.items()}
    called_for = {by_key.get(d.key, (d.playbook, d.account_id, d.occasion)): d for d in drafts}
    fresh = _after_cool_down(
        [d for occasion, d in called_for.items() if occasion not in record], record.values(), rules
    )
    held_out = [d for d in fresh if _is_held_out(d, rules)]
    free = [d for d in fresh if not _is_held_out(d, rules)]
    queue = {
        o: called_for[o] for o, k in record.items() if k.state == "waiting" and o in called_for
    }
    turns = _turns([*queue.values(), *free], record.values(), rules)
    decision = Decision(waiting=_left(queue.values(), free, turns))
    decision.new.extend((d, "open" if id(d) in turns else "waiting") for d in free)
    decision.new.extend((d, "held_out") for d in held_out)
    decision.opened.update((record[o].key, d) for o, d in queue.items() if id(d) in turns)
    for occasion, one in record.items():
        _follow(one, called_for.get(occasion), playbooks, views, decision, rules)
    return decision


def _follow(
    one: Kept,
    draft: FollowUpDraft | None,
    playbooks: Mapping[str, Playbook],
    views: Mapping[str, AccountView],
    decision: Decision,
    rules: Rules,
) -> None:
    """News of one that is open, or why one is needless."""
    if one.state == "waiting" and draft is None and one.account_id in {*views, COMPANY}:
        decision.resolved[one.key] = rules.words("follow_up.no_turn")
    if one.state != "open":
        return
    if draft is not None:
        known = {fact.get("id") for fact in one.evidence}
        news = tuple(f for f in draft.evidence if f.get("id") and f["id"] not in known)
        if news:
            decision.news[one.key] = news
        return
    view, playbook = views.get(one.account_id), playbooks.get(one.playbook)
    if view is None or playbook is None or playbook.resolved is None or one.touched:
        return
    settings = rules.settings.get(one.playbook, playbook.defaults)
    why = playbook.resolved(view, one.occasion, settings)
    if why:
        decision.resolved[one.key] = why


def _after_cool_down(
    fresh: Iterable[FollowUpDraft], record: Iterable[Kept], rules: Rules
) -> list[FollowUpDraft]:
    """Without those of accounts that had one of the playbook lately; one at a time of the rest."""
    last: dict[tuple[str, str], datetime] = {}
    for one in record:
        pair = (one.playbook, one.account_id)
        moment = max(one.created_at, one.ended_at or one.created_at)
        last[pair] = max(last.get(pair, moment), moment)
    found = []
    for draft in fresh:
        pair, pause = (draft.playbook, draft.account_id), _pause(draft, rules)
        if pause and pair in last and rules.now < last[pair] + pause:
            continue
        last[pair] = rules.now
        found.append(draft)
    return found


def _pause(draft: FollowUpDraft, rules: Rules) -> timedelta:
    settings = rules.settings.get(draft.playbook)
    return settings.cool_down if settings else timedelta(0)


def _is_held_out(draft: FollowUpDraft, rules: Rules) -> bool:
    """Drawn by the account's name, so that an account is on the same side for good."""
    settings = rules.settings.get(draft.playbook)
    if settings is None or not settings.holdout or draft.account_id == COMPANY:
        return False
    drawn = hashlib.sha256(f"holdout|{draft.playbook}|{draft.account_id}".encode()).digest()
    return int.from_bytes(drawn[:8]) / 2**64 < settings.holdout


def _turns(
    candidates: Iterable[FollowUpDraft], record: Iterable[Kept], rules: Rules
) -> frozenset[int]:
    """Whose turn it is today, by identity: the most money at risk first, up to the cap per desk.

    What concerns the company as a whole does not wait.
    """
    today = rules.now.astimezone(ZoneInfo(rules.zone)).date()
    given: Counter[str] = Counter(
        one.desk
        for one in record
        if one.opened_at and one.opened_at.astimezone(ZoneInfo(rules.zone)).date() == today
    )
    found = []
    for draft in sorted(candidates, key=lambda d: (-d.at_risk, d.due_at, d.key)):
        desk = desk_of(draft)
        if draft.account_id != COMPANY and rules.daily_cap is not None:
            if given[desk] >= rules.daily_cap:
                continue
            given[desk] += 1
        found.append(id(draft))
    return frozenset(found)


def _left(
    queue: Iterable[FollowUpDraft], free: Iterable[FollowUpDraft], turns: frozenset[int]
) -> Counter[str]:
    return Counter(desk_of(draft) for draft in (*queue, *free) if id(draft) not in turns)
