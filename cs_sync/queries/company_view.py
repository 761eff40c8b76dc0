"""Input of the company-wide playbooks, and warnings about missing settings."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from cs_sync.follow_ups import COMPANY, CompanyView, FollowUpDraft, Playbook, Question
from cs_sync.i18n.counts import count_noun
from cs_sync.queries.metrics import MetricRequest, query_metrics
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.attributes import read_attribute_names
from cs_sync.store.queries.month_close import read_closed_months

_ASSIGNEE = 'set [follow_ups] assignee = "name@example.com"'


def build_company_view(workspace: Workspace, playbooks: Mapping[str, Playbook]) -> CompanyView:
    """Build the KPIs that the company-wide playbooks request.

    They are of the last whole periods.

    Args:
        workspace: The workspace.
        playbooks: Name → playbook.
    """
    questions = {question for _, question in _list_questions(workspace, playbooks)}
    with workspace.store.read() as connection:
        attributes = read_attribute_names(connection)
    kpis = {question: _query_kpi(workspace, question, attributes) for question in questions}
    zone = str(workspace.config.workspace.timezone)
    return CompanyView(workspace.clock(), kpis, zone, workspace.words)


def describe_missing_attributes(
    workspace: Workspace, playbooks: Mapping[str, Playbook]
) -> list[str]:
    """Return a warning per playbook segmented by an attribute of no account."""
    with workspace.store.read() as connection:
        attributes = sorted(read_attribute_names(connection))
    names = ", ".join(attributes) or "none yet"
    return [
        f"no account has the attribute {question.by!r}, by which playbook {name} compares segments"
        f"\n  → set [playbooks.{name}] by to one of theirs ({names}), or enabled = false"
        for name, question in _list_questions(workspace, playbooks)
        if question.by is not None and question.by not in attributes
    ]


def describe_missing_assignees(
    workspace: Workspace, playbooks: Mapping[str, Playbook]
) -> list[str]:
    """Return a warning about enabled company-wide playbooks without an assignee."""
    config = workspace.config
    names = [
        name
        for name, playbook in playbooks.items()
        if playbook.scope == "company"
        and config.playbooks[name].enabled
        and not (config.playbooks[name].assignee or config.follow_ups.assignee)
    ]
    if not names:
        return []
    return [
        f"company-wide findings ({', '.join(names)}) are unassigned"
        f"\n  → {_ASSIGNEE}, or enabled = false in [playbooks.NAME]"
    ]


def describe_unassigned_findings(drafts: Iterable[FollowUpDraft]) -> list[str]:
    """Return a warning about company-wide findings without an assignee."""
    waiting = [d for d in drafts if d.account_id == COMPANY and d.assignee is None]
    if not waiting:
        return []
    titles = "".join(f"\n  - {draft.title}" for draft in waiting)
    verb = "waits" if len(waiting) == 1 else "wait"
    return [
        f"{count_noun(len(waiting), 'company-wide finding')} {verb} for somebody to go "
        f"to:{titles}\n  → {_ASSIGNEE}"
    ]


def _list_questions(
    workspace: Workspace, playbooks: Mapping[str, Playbook]
) -> Iterator[tuple[str, Question]]:
    """Yield the questions of every enabled company-wide playbook, with its name."""
    settings = workspace.config.playbooks
    for name, playbook in playbooks.items():
        if playbook.scope == "company" and settings[name].enabled:
            yield from ((name, question) for question in playbook.asks(settings[name]))


def _query_kpi(
    workspace: Workspace, question: Question, attributes: Iterable[str]
) -> tuple[Mapping[str, Any], ...]:
    """Query the rows of a question.

    There are none for an attribute of no account. Rows of a closed period are those of its closing,
    so later knowledge triggers nothing. A value unknown at the closing is the current one.
    """
    if question.by is not None and question.by not in attributes:
        return ()
    by = [question.by] if question.by else []
    request = MetricRequest(names=[question.metric], grain=question.grain, by=by)
    rows = query_metrics(workspace, request)
    known_at = _get_closing_knowledge(
        workspace, {date.fromisoformat(row["period_end"]) for row in rows}
    )
    then = query_metrics(workspace, replace(request, known_at=known_at)) if known_at else []
    closed = {_get_row_key(row): row for row in then if row["value"] is not None}
    return tuple(closed.get(_get_row_key(row), row) for row in rows)


def _get_closing_knowledge(workspace: Workspace, ends: Iterable[date]) -> datetime | None:
    """Return the knowledge time of the closing that covers these days."""
    with workspace.store.read() as connection:
        closed = read_closed_months(connection, get_mrr_policy(workspace).hash)
    last = max(ends, default=None)
    after = min((turn for turn in closed if last is not None and turn >= last), default=None)
    return None if after is None else closed[after]


def _get_row_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the metric, period, currency and segment of a row."""
    segment = tuple(sorted(row["segment"].items(), key=str))
    return row["metric"], row["period_end"], row["currency"], segment
