"""Lifecycle of follow-ups: new, waiting, updated or no longer needed; pure."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from cs_sync.follow_ups.brief import Point, compose_task, sort_points
from cs_sync.follow_ups.plan import COMPANY, FollowUpDraft
from cs_sync.follow_ups.playbook import Playbook
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.i18n import ENGLISH, Translator

State = Literal["waiting", "open", "held_out", "done", "deleted", "resolved"]
Evidence = Mapping[str, Any]


class StoredFollowUp(Struct, frozen=True):
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
    lead: str | None = None
    point: Point | None = None
    """What it says in its task; None if unknown, as of those made before tasks were shared."""
    language: str | None = None
    """In which its texts are; None if unknown, as of those made before it was stored."""

    @property
    def task_key(self) -> str:
        """The key of the task that speaks for it."""
        return self.lead or self.key


class DecisionContext(Struct, frozen=True):
    """The inputs of today's decision besides drafts and stored follow-ups."""

    now: datetime
    zone: str
    settings: Mapping[str, PlaybookSettings]
    daily_cap: int | None = None
    words: Translator = ENGLISH


class Decision(Struct, frozen=True):
    """The changes to make; `waiting` counts the deferred follow-ups by assignee."""

    new: list[tuple[FollowUpDraft, State]] = field(default_factory=list)
    opened: dict[str, FollowUpDraft] = field(default_factory=dict)
    """Key of one that waited → how it reads today."""
    news: dict[str, tuple[Evidence, ...]] = field(default_factory=dict)
    reworded: dict[str, FollowUpDraft] = field(default_factory=dict)
    """Key of an open one in another language → how it reads in today's."""
    resolved: dict[str, str] = field(default_factory=dict)
    """Key → why it is needless."""
    leads: dict[str, str] = field(default_factory=dict)
    """Key of one that a task of another key speaks for → that key."""
    joined: list[str] = field(default_factory=list)
    """Keys of those that became points of a task that was open before."""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Key of a task whose follow-ups changed → what it says now."""
    waiting: Counter[str] = field(default_factory=Counter)


Occasion = tuple[str, str, str]
"""Playbook, account id and occasion."""


def get_assignee_key(draft: FollowUpDraft) -> str:
    """Return a draft's assignee: e-mail address, else owner's id, else ""."""
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

    All that an account is asked for is one task: what is new joins its open task as a point,
    and several new ones share one, led by the most urgent.

    Args:
        drafts: The follow-ups called for today.
        stored: The stored follow-ups.
        playbooks: Name → playbook.
        views: Account id → account.
        rules: Settings, time and language.
    """
    record, by_key, repeated = _index_stored(stored)
    called_for = {by_key.get(d.key, (d.playbook, d.account_id, d.occasion)): d for d in drafts}
    fresh = _apply_cool_down(
        [d for occasion, d in called_for.items() if occasion not in record], record.values(), rules
    )
    held_out = [d for d in fresh if _is_held_out(d, rules)]
    queue = {
        k.key: called_for[o] for o, k in record.items() if k.state == "waiting" and o in called_for
    }
    candidates = {**queue, **{d.key: d for d in fresh if not _is_held_out(d, rules)}}
    decision = Decision()
    decision.new.extend((d, "held_out") for d in held_out)
    _share_tasks(candidates, queue.keys(), [*record.values(), *repeated], rules, decision)
    for occasion, follow_up in record.items():
        _update_stored(follow_up, called_for.get(occasion), playbooks, views, decision, rules)
    for follow_up in repeated:
        if follow_up.state in ("open", "waiting") and not follow_up.touched:
            decision.resolved[follow_up.key] = rules.words("follow_up.repeated")
    _compose_tasks(candidates, [*record.values(), *repeated], views, rules, decision)
    return decision


def _index_stored(
    stored: Iterable[StoredFollowUp],
) -> tuple[dict[Occasion, StoredFollowUp], dict[str, Occasion], list[StoredFollowUp]]:
    """Index the stored follow-ups by occasion, and list repeated ones.

    Returns:
        Occasion → follow-up, key → occasion, and the repeated follow-ups.
    """
    record: dict[Occasion, StoredFollowUp] = {}
    by_key, repeated = {}, []
    for follow_up in sorted(stored, key=_rank_stored):
        occasion = (follow_up.playbook, follow_up.account_id, follow_up.occasion)
        by_key[follow_up.key] = occasion
        if record.setdefault(occasion, follow_up) is not follow_up:
            repeated.append(follow_up)
    return record, by_key, repeated


def _rank_stored(follow_up: StoredFollowUp) -> tuple[bool, bool, bool, datetime, str]:
    """Return the sort key of follow-ups of one occasion.

    The first one stays.
    """
    return (
        follow_up.state not in ("done", "deleted"),
        not follow_up.touched,
        not follow_up.written,
        follow_up.created_at,
        follow_up.key,
    )


def _share_tasks(
    candidates: Mapping[str, FollowUpDraft],
    queued: Collection[str],
    record: Sequence[StoredFollowUp],
    rules: DecisionContext,
    decision: Decision,
) -> None:
    """Assign each candidate a task: the open, new or later one."""
    groups: dict[Group, list[str]] = defaultdict(list)
    for point in sort_points(draft.to_point(key) for key, draft in candidates.items()):
        groups[_get_group(candidates[point.key], point.key, rules)].append(point.key)
    tasks = _find_open_tasks(record, rules)
    new = {group: keys for group, keys in groups.items() if group not in tasks}
    turns = _apply_daily_cap({g: candidates[keys[0]] for g, keys in new.items()}, record, rules)
    waiting: Counter[str] = Counter()
    for group, keys in groups.items():
        is_open = group in tasks or group in turns
        waiting[get_assignee_key(candidates[keys[0]])] += 0 if is_open else len(keys)
        task = tasks.get(group) or keys[0]
        for key in keys:
            if key not in queued:
                decision.new.append((candidates[key], "open" if is_open else "waiting"))
            elif is_open:
                decision.opened[key] = candidates[key]
            if is_open and key != task:
                decision.leads[key] = task
        decision.joined.extend(keys if group in tasks else [])
    decision.waiting.update(+waiting)


Group = tuple[str, str]


def _get_group(item: FollowUpDraft | StoredFollowUp, key: str, rules: DecisionContext) -> Group:
    """Return what shares a task: the account and the playbook's own assignee.

    What concerns the company as a whole shares none.
    """
    if item.account_id == COMPANY:
        return (COMPANY, key)
    settings = rules.settings.get(item.playbook)
    return (item.account_id, (settings.assignee if settings else None) or "")


def _find_open_tasks(record: Iterable[StoredFollowUp], rules: DecisionContext) -> dict[Group, str]:
    """Return the oldest open task of each account."""
    tasks: dict[Group, tuple[datetime, str]] = {}
    for follow_up in record:
        if follow_up.state == "open" and follow_up.account_id != COMPANY:
            group = _get_group(follow_up, follow_up.key, rules)
            own = (follow_up.opened_at or follow_up.created_at, follow_up.task_key)
            tasks[group] = min(tasks.get(group, own), own)
    return {group: key for group, (_, key) in tasks.items()}


def _compose_tasks(
    candidates: Mapping[str, FollowUpDraft],
    record: Sequence[StoredFollowUp],
    views: Mapping[str, AccountView],
    rules: DecisionContext,
    decision: Decision,
) -> None:
    """Compose the tasks whose follow-ups changed.

    Only those that speak for others than their own.
    """
    members: dict[str, dict[str, Point]] = defaultdict(dict)
    accounts: dict[str, str] = {}
    changed: set[str] = set()
    shrunk: set[str] = set()
    for follow_up in record:
        if follow_up.state != "open":
            continue
        key = follow_up.task_key
        accounts[key] = follow_up.account_id
        if follow_up.key in decision.resolved:
            shrunk.add(key)
        elif follow_up.point is not None:
            members[key][follow_up.key] = follow_up.point
            if (draft := decision.reworded.get(follow_up.key)) is not None:
                members[key][follow_up.key] = replace(
                    follow_up.point, title=draft.title, why=draft.why, advice=draft.advice
                )
                changed.add(key)
    fresh = [d.key for d, state in decision.new if state == "open"]
    for own in (*fresh, *decision.opened):
        key, draft = decision.leads.get(own, own), candidates[own]
        accounts[key] = draft.account_id
        members[key][own] = draft.to_point(own)
        changed.add(key)
    for key in sorted(changed | shrunk):
        points, view = members[key], views.get(accounts[key])
        shared = set(points) != {key} or key in shrunk
        if view is not None and points and shared:
            decision.tasks[key] = compose_task([*points.values()], view, rules.settings)


def _update_stored(
    stored: StoredFollowUp,
    draft: FollowUpDraft | None,
    playbooks: Mapping[str, Playbook],
    views: Mapping[str, AccountView],
    decision: Decision,
    rules: DecisionContext,
) -> None:
    """Add updates to an open follow-up, or the reason for resolving it."""
    is_known = stored.account_id == COMPANY or stored.account_id in views
    if stored.state == "waiting" and draft is None and is_known:
        decision.resolved[stored.key] = rules.words("follow_up.no_turn")
    if stored.state != "open":
        return
    if draft is not None:
        evidence_ids = {fact.get("id") for fact in stored.evidence}
        news = tuple(f for f in draft.evidence if f.get("id") and f["id"] not in evidence_ids)
        if news:
            decision.news[stored.key] = news
        if stored.language not in (None, rules.words.language) and not stored.touched:
            decision.reworded[stored.key] = draft
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
    candidates: Mapping[Group, FollowUpDraft],
    record: Iterable[StoredFollowUp],
    rules: DecisionContext,
) -> frozenset[Group]:
    """Select today's tasks by money at risk, up to each assignee's cap.

    Company-wide ones are always selected.
    """
    today = rules.now.astimezone(ZoneInfo(rules.zone)).date()
    opened: Counter[str] = Counter(
        follow_up.desk
        for follow_up in record
        if follow_up.lead is None
        and follow_up.opened_at
        and follow_up.opened_at.astimezone(ZoneInfo(rules.zone)).date() == today
    )
    selected = []
    for group, draft in sorted(
        candidates.items(), key=lambda pair: (-pair[1].at_risk, pair[1].due_at, pair[1].key)
    ):
        desk = get_assignee_key(draft)
        if draft.account_id != COMPANY and rules.daily_cap is not None:
            if opened[desk] >= rules.daily_cap:
                continue
            opened[desk] += 1
        selected.append(group)
    return frozenset(selected)
