"""The answers of the first screen: money at risk, whom to call, trend, agenda, this month."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from cs_sync.report.data import (
    RISK_KINDS,
    AgendaItem,
    HistoryPoint,
    MonthSoFar,
    ReportData,
    ReportedAccount,
    RiskKind,
    TaskLine,
)
from cs_sync.report.risk import RiskSum, average_score, rank_mrr, sum_risk

CALLS = 9
"""Calls on the first screen; the others are folded."""
AGENDA_LINES = 6
MONTH_CHANGES = 5
"""Accounts named below the movements of the month."""
Verdict = Literal["better", "worse", "mixed", "same", "unknown"]
_PRIORITIES = {"high": 0, "medium": 1, "low": 2}
_LITTLE = 0.5
"""A change of the mean score below so many points, or of the share at risk, is none."""


class RiskAnswer(Struct, frozen=True):
    """How much MRR is at risk, how it was 30 days ago, and its parts by currency.

    `by_currency` maps a currency to the MRR at risk and the whole MRR, in minor units.
    """

    now: RiskSum
    before: RiskSum
    by_currency: Mapping[str, tuple[int, int]]


class TrendAnswer(Struct, frozen=True):
    """Whether it is getting better: 13 points, and the mean score now and 30 days ago."""

    days: Sequence[date]
    sums: Sequence[RiskSum]
    scores: Sequence[float | None]
    score_before: float | None
    verdict: Verdict

    @property
    def score(self) -> float | None:
        """The mean score today."""
        return self.scores[-1] if self.scores else None


class Call(Struct, frozen=True):
    """An open follow-up with its account, as a line of the list of calls."""

    task: TaskLine
    account: ReportedAccount | None
    state: Literal["overdue", "today", "later"]


class AgendaAnswer(Struct, frozen=True):
    """What leaves, renews and is unpaid: sums by kind, and the items:
    ends by day, unpaid invoices by amount, renewals by day.

    `sums` maps a kind to the number of accounts and the money in the report's currency.
    """

    items: Sequence[AgendaItem]
    sums: Mapping[str, tuple[int, int]]


class MonthRow(Struct, frozen=True):
    """One movement of this month so far, of the same days last month, and of all of it."""

    name: str
    now: int
    same_days: int
    whole: int


class MonthChange(Struct, frozen=True):
    """The change of an account's MRR this month; `name` is the movement."""

    account: str
    name: str
    amount: int


def answer_risk(data: ReportData) -> RiskAnswer:
    """Add up the MRR at risk now and 30 days ago."""
    by_currency: dict[str, tuple[int, int]] = {}
    for account in data.accounts:
        for currency, amount in account.mrr.items():
            risk, mrr = by_currency.get(currency, (0, 0))
            at_risk = amount if account.now.risk else 0
            by_currency[currency] = risk + at_risk, mrr + amount
    return RiskAnswer(
        sum_risk(account.now for account in data.accounts),
        sum_risk(account.before for account in data.accounts),
        dict(sorted(by_currency.items(), key=lambda entry: -entry[1][1])),
    )


def answer_trend(data: ReportData) -> TrendAnswer:
    """Build up to 12 months of score and MRR at risk."""
    days = [*data.months, data.as_of]
    columns = list(zip(*([*account.past, account.now] for account in data.accounts), strict=True))
    sums = [sum_risk(column) for column in columns] or [sum_risk(())] * len(days)
    scores = [average_score(column) for column in columns] or [None] * len(days)
    first = next((place for place, total in enumerate(sums) if total.mrr), 0)
    before = average_score([account.before for account in data.accounts])
    risk_before = sum_risk(account.before for account in data.accounts)
    return TrendAnswer(
        days[first:],
        sums[first:],
        scores[first:],
        before,
        _judge(scores[-1] if scores else None, before, sums[-1].share, risk_before.share),
    )


def _judge(
    score: float | None, before: float | None, share: float | None, share_before: float | None
) -> Verdict:
    """Judge the last 30 days by mean score and share at risk."""
    signs = set()
    if score is not None and before is not None and abs(score - before) >= _LITTLE:
        signs.add(1 if score > before else -1)
    if share is not None and share_before is not None:
        points = (share - share_before) * 100
        if abs(points) >= _LITTLE:
            signs.add(1 if points < 0 else -1)
    if not signs:
        return "unknown" if share_before is None else "same"
    return "mixed" if len(signs) > 1 else "better" if 1 in signs else "worse"


def list_calls(data: ReportData) -> list[Call]:
    """List the open follow-ups.

    Those due today come first, then those at risk, by priority and MRR.
    """
    accounts = {account.id: account for account in data.accounts}
    today = data.as_of
    calls = []
    for account in data.accounts:
        for task in account.tasks:
            day = task.due_at.astimezone(data.timezone).date()
            state: Literal["overdue", "today", "later"] = "later"
            if day <= today:
                state = "overdue" if day < today else "today"
            calls.append(Call(task, accounts.get(task.account), state))
    return sorted(calls, key=lambda call: _get_urgency(call, today))


def _get_urgency(call: Call, today: date) -> tuple[bool, date, bool, int, int, str]:
    """Return the sorting key: due, day, at risk, priority, MRR, title."""
    later = call.state == "later"
    point = call.account.now if call.account else HistoryPoint()
    ahead = call.task.due_at.date() if later else today
    priority = _PRIORITIES.get(call.task.priority, 1)
    mrr = rank_mrr(call.account) if call.account else 0
    return later, ahead, point.risk is None, priority, -mrr, call.task.title


def answer_agenda(data: ReportData) -> AgendaAnswer:
    """Add up what leaves, renews and is unpaid."""
    until = data.as_of + timedelta(days=90)
    items = sorted((item for item in data.agenda if item.day <= until), key=_get_agenda_order)
    sums = {}
    for kind in ("leaving", "renewal", "unpaid"):
        own = [item for item in items if item.kind == kind]
        sums[kind] = len({item.account for item in own}), sum(item.worth or 0 for item in own)
    return AgendaAnswer(items, sums)


def _get_agenda_order(item: AgendaItem) -> tuple[int, int, date, str]:
    """Return the sorting key of an agenda item.

    Ends come first, then unpaid invoices by amount, then renewals by day.
    """
    place = ("leaving", "unpaid", "renewal").index(item.kind)
    return place, -(item.worth or 0) if item.kind == "unpaid" else 0, item.day, item.account


def list_month_rows(month: MonthSoFar) -> list[MonthRow]:
    """List this month's movements beside last month's, and their sum."""
    parts = (month.now, month.same_days, month.whole)
    rows = [
        MonthRow(name, *(part.moves.get(name, 0) for part in parts))
        for name in ("new", "reactivation", "expansion", "contraction", "churn")
    ]
    net = [sum(part.moves.values()) for part in parts]
    return [*rows, MonthRow("net", *net)]


def list_month_changes(data: ReportData) -> list[MonthChange]:
    """List the accounts whose MRR changed most this month.

    Since the end of last month.
    """
    if not data.months or data.month is None:
        return []
    changes = [
        MonthChange(account.id, _classify_change(account, data.months[-1]), amount)
        for account in data.accounts
        if account.past and (amount := account.now.mrr - account.past[-1].mrr)
    ]
    return sorted(changes, key=lambda change: (-abs(change.amount), change.account))[:MONTH_CHANGES]


def _classify_change(account: ReportedAccount, last: date) -> str:
    """Name an account's movement since the end of last month."""
    before, now = account.past[-1].mrr, account.now.mrr
    if before and now:
        return "expansion" if now > before else "contraction"
    if before:
        return "churn"
    return "new" if account.first_paid and account.first_paid > last else "reactivation"


def count_kinds(total: RiskSum) -> list[tuple[RiskKind, int, int]]:
    """Return (kind, accounts, MRR) of each kind of risk."""
    return [(kind, total.accounts[kind], total.amounts[kind]) for kind in RISK_KINDS]
