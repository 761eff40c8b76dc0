"""What the company-wide playbooks are shown, and what they are missing."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from cs_sync.follow_ups import COMPANY, CompanyView, FollowUpDraft, Playbook, Question
from cs_sync.health.wording import counted
from cs_sync.jobs.derive import policy_of
from cs_sync.jobs.metrics import metrics
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.attributes import known_attributes
from cs_sync.store.closings import read_closings

_ASSIGNEE = 'set [follow_ups] assignee = "name@example.com"'


def company_view(workspace: Workspace, playbooks: Mapping[str, Playbook]) -> CompanyView:
    """The KPIs that the company-wide playbooks ask for, of the last whole periods."""
    asked = {question for _, question in _asked(workspace, playbooks)}
    with workspace.store.read() as connection:
        attributes = known_attributes(connection)
    kpis = {question: _answer(workspace, question, attributes) for question in asked}
    zone = str(workspace.config.workspace.timezone)
    return CompanyView(workspace.clock(), kpis, zone, workspace.words)


def unanswerable(workspace: Workspace, playbooks: Mapping[str, Playbook]) -> list[str]:
    """Which playbooks ask for segments by an attribute that no account has."""
    with workspace.store.read() as connection:
        known = sorted(known_attributes(connection))
    some = ", ".join(known) or "none yet"
    return [
        f"no account has the attribute {question.by!r}, by which playbook {name} compares segments"
        f"\n  → set [playbooks.{name}] by to one of theirs ({some}), or enabled = false"
        for name, question in _asked(workspace, playbooks)
        if question.by is not None and question.by not in known
    ]


def unattended(workspace: Workspace, playbooks: Mapping[str, Playbook]) -> list[str]:
    """Which playbooks are switched on and have nobody to go to."""
    config = workspace.config
    names = [
        name
        for name, one in playbooks.items()
        if one.scope == "company"
        and config.playbooks[name].enabled
        and not (config.playbooks[name].assignee or config.follow_ups.assignee)
    ]
    if not names:
        return []
    return [
        f"company-wide findings ({', '.join(names)}) have nobody to go to"
        f"\n  → {_ASSIGNEE}, or enabled = false in [playbooks.NAME]"
    ]


def unassigned(drafts: Iterable[FollowUpDraft]) -> list[str]:
    """That findings about the company as a whole have nobody to go to."""
    waiting = [d for d in drafts if d.account_id == COMPANY and d.assignee is None]
    if not waiting:
        return []
    titles = "".join(f"\n  - {draft.title}" for draft in waiting)
    verb = "waits" if len(waiting) == 1 else "wait"
    return [
        f"{counted(len(waiting), 'company-wide finding')} {verb} for somebody to go to:{titles}"
        f"\n  → {_ASSIGNEE}"
    ]


def _asked(
    workspace: Workspace, playbooks: Mapping[str, Playbook]
) -> Iterator[tuple[str, Question]]:
    """The questions of every company-wide playbook that is switched on, by its name."""
    settings = workspace.config.playbooks
    for name, one in playbooks.items():
        if one.scope == "company" and settings[name].enabled:
            yield from ((name, question) for question in one.asks(settings[name]))


def _answer(
    workspace: Workspace, question: Question, attributes: Iterable[str]
) -> tuple[Mapping[str, Any], ...]:
    """The rows of one question; none for an attribute that no account has.

    Of a closed period they are as it was closed, so that what is learnt of it later starts
    nothing; what was not known then is told as it is now.
    """
    if question.by is not None and question.by not in attributes:
        return ()
    by = [question.by] if question.by else []
    asked: dict[str, Any] = {"names": [question.metric], "grain": question.grain, "by": by}
    rows = metrics(workspace, **asked)
    known_at = _closed_with(workspace, {date.fromisoformat(row["period_end"]) for row in rows})
    then = metrics(workspace, **asked, known_at=known_at) if known_at else []
    closed = {_place(row): row for row in then if row["value"] is not None}
    return tuple(closed.get(_place(row), row) for row in rows)


def _closed_with(workspace: Workspace, ends: Iterable[date]) -> datetime | None:
    """Up to when was known what the months up to the last of these days were closed with."""
    with workspace.store.read() as connection:
        closed = read_closings(connection, policy_of(workspace).hash)
    last = max(ends, default=None)
    after = min((turn for turn in closed if last is not None and turn >= last), default=None)
    return None if after is None else closed[after]


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row is about."""
    segment = tuple(sorted(row["segment"].items(), key=str))
    return row["metric"], row["period_end"], row["currency"], segment
