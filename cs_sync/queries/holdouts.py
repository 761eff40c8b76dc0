"""Holdouts of playbooks: who is in them, and what they say about churn."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
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


class CustomerBook:
    """The MRR of all accounts, and how many of them leave within a horizon."""

    def __init__(self, workspace: Workspace, spans: Spans) -> None:
        """Keep the MRR spans by account."""
        self.spans = spans
        self.horizon = timedelta(days=workspace.config.foresight.horizon_days)
        self.now = workspace.clock()

    @cached_property
    def departures(self) -> Counts:
        """The customers at the begin of past horizons, and their departures.

        Of the last horizons.
        """
        began = left = 0
        for number in range(1, PAST_HORIZONS + 1):
            begin = self.now - number * self.horizon
            for own in self.spans.values():
                if any(get_mrr_before(own, begin).values()):
                    began += 1
                    left += not any(get_mrr_before(own, begin + self.horizon).values())
        return Counts(began, left)

    def has_left(self, account: str, since: datetime) -> bool | None:
        """Return whether an account pays nothing a horizon later; None before that."""
        over = since + self.horizon
        if over > self.now:
            return None
        return not any(get_mrr_before(self.spans.get(account, ()), over).values())


def judge_playbook_holdout(
    workspace: Workspace, settings: PlaybookSettings, rows: Rows, book: CustomerBook
) -> HoldoutAnswer | None:
    """Judge the holdout of one playbook; None where there is none.

    Eligible is who pays when a follow-up of the playbook first concerns it after the first
    account was held out; deferred ones count with the treated, as they would without the cap.

    Args:
        workspace: The workspace.
        settings: The settings of the playbook.
        rows: Its rows of `follow_up`.
        book: The MRR of all accounts.
    """
    held_out = [row["created_at"] for row in rows if row["state"] == "held_out"]
    if not settings.holdout and not held_out:
        return None
    zone = workspace.config.workspace.timezone
    begin = min(held_out, default=book.now)
    end = book.now if settings.holdout else max(held_out)
    eligible = list(_select_first(rows))
    within = [row for row in eligible if begin <= row["created_at"] <= end]
    members = [
        HoldoutMember(
            row["created_at"].astimezone(zone).date(),
            row["state"] == "held_out",
            book.has_left(row["account_id"], row["created_at"]),
        )
        for row in within
    ]
    before = [row for row in eligible if row["created_at"] < begin]
    drawn = Counts(len(members), sum(member.held_out for member in members))
    plan = HoldoutPlan(
        settings.holdout or drawn.rate,
        _estimate_rate(before, book),
        book.horizon.days,
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


def _estimate_rate(rows: Rows, book: CustomerBook) -> float | None:
    """Estimate the share that leaves within a horizon.

    Of these accounts, else of all customers.
    """
    fates = [book.has_left(row["account_id"], row["created_at"]) for row in rows]
    own = Counts(len(fates) - fates.count(None), fates.count(True))
    return (own if own.n >= MIN_JUDGED else book.departures).rate


def describe_new_holdouts(workspace: Workspace, rows: Rows) -> list[str]:
    """Describe what each new holdout needs.

    One that is on and has held out nobody so far.
    """
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
    book, messages = CustomerBook(workspace, spans), []
    for name, settings in new.items():
        own = [row for row in rows if row["playbook"] == name]
        answer = judge_playbook_holdout(workspace, settings, own, book)
        if answer is not None:
            messages.append(f"holdout of {name}: {_describe_need(settings.holdout, answer)}")
    return messages


def _describe_need(share: float, answer: HoldoutAnswer) -> str:
    if answer.needed is None:
        return "how many accounts it needs is unknown, as no customer has left so far"
    need = (
        f"{answer.needed:,} eligible accounts show whether a third fewer leave "
        f"({share:.0%} of them left alone)"
    )
    return f"{need}; {_describe_day(answer.answer_on)}"


def _describe_day(day: date | None) -> str:
    if day is None:
        return "when is unknown, as none became eligible in the last 90 days"
    return f"at the present rate that is on {day:%Y-%m-%d}"
