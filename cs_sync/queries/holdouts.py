"""Holdouts of playbooks: who is in them, and what they say about churn."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from cs_sync.follow_ups import COMPANY, PlaybookSettings
from cs_sync.foresight.comparisons import Counts
from cs_sync.foresight.holdouts import (
    HoldoutAnswer,
    HoldoutMember,
    HoldoutPlan,
    judge_holdout,
)
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import Span, get_mrr_before, read_mrr_spans

Rows = Sequence[Mapping[str, Any]]
Spans = Mapping[str, Sequence[Span]]
RECENT = timedelta(days=90)
"""The time whose follow-ups tell how many accounts become eligible a day."""
MIN_JUDGED = 50
"""From so many accounts on the churn of a playbook's own is taken, else that of all customers."""
PAST_HORIZONS = 4
"""How many horizons back the churn of all customers is taken from."""


def judge_playbook_holdout(
    workspace: Workspace, settings: PlaybookSettings, rows: Rows, spans: Spans
) -> HoldoutAnswer | None:
    """Judge the holdout of one playbook; None where there is none.

    Eligible is who pays when a follow-up of the playbook first concerns it after the first
    account was held out; deferred ones count with the treated, as they would without the cap.

    Args:
        workspace: The workspace.
        settings: The settings of the playbook.
        rows: Its rows of `follow_up`.
        spans: The MRR spans of all accounts.
    """
    held_out = [row["created_at"] for row in rows if row["state"] == "held_out"]
    if not settings.holdout and not held_out:
        return None
    horizon = timedelta(days=workspace.config.foresight.horizon_days)
    now, zone = workspace.clock(), workspace.config.workspace.timezone
    begin = min(held_out, default=now)
    end = now if settings.holdout else max(held_out)
    eligible = list(_select_first(rows))
    within = [row for row in eligible if begin <= row["created_at"] <= end]
    members = [
        HoldoutMember(
            row["created_at"].astimezone(zone).date(),
            row["state"] == "held_out",
            _has_left(spans.get(row["account_id"], ()), row["created_at"] + horizon, now),
        )
        for row in within
    ]
    before = [row for row in eligible if row["created_at"] < begin]
    drawn = Counts(len(members), sum(member.held_out for member in members))
    plan = HoldoutPlan(
        settings.holdout or drawn.rate,
        _estimate_rate(before, spans, horizon, now),
        horizon.days,
        sum(row["created_at"] > begin - RECENT for row in before) / RECENT.days,
    )
    return judge_holdout(plan, members, workspace.today)


def _select_first(rows: Rows) -> Iterator[Mapping[str, Any]]:
    """Yield each paying account's first follow-up."""
    known: set[str] = {COMPANY}
    for row in sorted(rows, key=lambda row: (row["created_at"], row["key"])):
        if row["account_id"] not in known and any(row["mrr"].values()):
            known.add(row["account_id"])
            yield row


def _has_left(spans: Iterable[Span], over: datetime, now: datetime) -> bool | None:
    """Return whether an account pays nothing at the end of its horizon; None before it."""
    return None if over > now else not any(get_mrr_before(spans, over).values())


def _estimate_rate(rows: Rows, spans: Spans, horizon: timedelta, now: datetime) -> float | None:
    """Return the share that leaves within a horizon: of these accounts, else of all customers."""
    fates = [
        _has_left(spans.get(r["account_id"], ()), r["created_at"] + horizon, now) for r in rows
    ]
    own = Counts(len(fates) - fates.count(None), fates.count(True))
    counts = own if own.n >= MIN_JUDGED else _count_departures(spans, horizon, now)
    return counts.rate


def _count_departures(spans: Spans, horizon: timedelta, now: datetime) -> Counts:
    """Count the customers at the begin of the last horizons, and those that left in them."""
    there = left = 0
    for number in range(1, PAST_HORIZONS + 1):
        begin = now - number * horizon
        for own in spans.values():
            if any(get_mrr_before(own, begin).values()):
                there += 1
                left += not any(get_mrr_before(own, begin + horizon).values())
    return Counts(there, left)


def describe_new_holdouts(workspace: Workspace, rows: Rows) -> list[str]:
    """Describe what each holdout needs that is on and has held out nobody so far."""
    held_out = {row["playbook"] for row in rows if row["state"] == "held_out"}
    new = {
        name: settings
        for name, settings in workspace.config.playbooks.items()
        if settings.enabled and settings.holdout and name not in held_out
    }
    if not new:
        return []
    with workspace.store.read() as connection:
        spans = read_mrr_spans(connection, get_mrr_policy(workspace).hash)
    messages = []
    for name, settings in new.items():
        own = [row for row in rows if row["playbook"] == name]
        answer = judge_playbook_holdout(workspace, settings, own, spans)
        if answer is not None:
            messages.append(f"holdout of {name}: {_describe_need(settings.holdout, answer)}")
    return messages


def _describe_need(share: float, answer: HoldoutAnswer) -> str:
    if answer.needed is None:
        return "how many accounts it needs is unknown, as no customer has left so far"
    need = (
        f"{answer.needed:,} eligible accounts show whether a third less leave "
        f"({share:.0%} of them left alone)"
    )
    return f"{need}; {_describe_day(answer.answer_on)}"


def _describe_day(day: date | None) -> str:
    if day is None:
        return "when is unknown, as none became eligible in the last 90 days"
    return f"at the present rate that is on {day:%Y-%m-%d}"
