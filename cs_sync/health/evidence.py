"""The facts behind the signals, to be named in reasons and follow-ups."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, distinct, func, or_, select

from cs_sync.health.relations import owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals_billing import INVOICE, SUBSCRIPTION, leaving, past_due, runs
from cs_sync.health.signals_support import TICKET, is_open
from cs_sync.health.signals_usage import used_days
from cs_sync.health.signals_voice import latest_answers


@dataclass(frozen=True, slots=True)
class TicketFact:
    """A ticket of the last 30 days, or an older one that still waits."""

    source: str
    source_id: str
    subject: str | None
    topic: str | None
    url: str | None
    opened_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class AnswerFact:
    """A person's latest answer to a kind of survey (NPS of 180 days, CSAT of 90)."""

    source: str
    source_id: str
    kind: str
    score: float
    scale_max: float | None
    person_name: str | None
    comment: str | None
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceFact:
    """An invoice past due; amounts in minor units."""

    source: str
    source_id: str
    number: str | None
    issued_at: datetime
    due_at: datetime | None
    amount_remaining: int
    currency: str
    url: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionFact:
    """A running subscription; `ends_at` when its end is set."""

    source: str
    source_id: str
    status: str
    ends_at: datetime | None
    cancel_reason: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class UsageFact:
    """Days of use: of the last 28, of the 28 before, and the last one ever."""

    recent_days: int
    earlier_days: int
    last_day: date


@dataclass(frozen=True, slots=True)
class AccountEvidence:
    """All facts of one account that reasons may name, newest first."""

    tickets: tuple[TicketFact, ...] = ()
    answers: tuple[AnswerFact, ...] = ()
    invoices: tuple[InvoiceFact, ...] = ()
    subscriptions: tuple[SubscriptionFact, ...] = ()
    usage: UsageFact | None = None


def _tickets(scope: SignalScope) -> Select[Any]:
    waits = is_open(scope)
    columns = [TICKET.c[name] for name in _names(TicketFact) if name != "is_open"]
    opened = TICKET.c.opened_at
    wanted = and_(opened < scope.until, or_(opened >= scope.since(30), waits))
    tickets = owned(
        scope, TICKET, *columns, case((waits, True), else_=False).label("is_open"), where=wanted
    )
    return select(tickets).order_by(tickets.c.opened_at.desc(), tickets.c.source_id.desc())


def _answers(kind: str, days: int) -> Callable[[SignalScope], Select[Any]]:
    def build(scope: SignalScope) -> Select[Any]:
        latest = latest_answers(scope, kind, days)
        return select(latest).order_by(latest.c.answered_at.desc(), latest.c.source_id.desc())

    return build


def _invoices(scope: SignalScope) -> Select[Any]:
    columns = [INVOICE.c[name] for name in _names(InvoiceFact)]
    late = owned(scope, INVOICE, *columns, where=past_due(scope))
    return select(late).order_by(late.c.issued_at.desc(), late.c.source_id)


def _subscriptions(scope: SignalScope) -> Select[Any]:
    columns = [SUBSCRIPTION.c[name] for name in _names(SubscriptionFact) if name != "ends_at"]
    ends = case((leaving(scope), SUBSCRIPTION.c.cancel_at)).label("ends_at")
    running = owned(scope, SUBSCRIPTION, *columns, ends, where=runs(scope))
    return select(running).order_by(running.c.source, running.c.source_id)


def _usage(scope: SignalScope) -> Select[Any]:
    days = used_days(scope)
    late, early = scope.first_day(28), scope.first_day(56)
    recent = case((days.c.day >= late, days.c.day))
    before = case((and_(days.c.day >= early, days.c.day < late), days.c.day))
    return select(
        days.c.account_id,
        func.count(distinct(recent)).label("recent_days"),
        func.count(distinct(before)).label("earlier_days"),
        func.max(days.c.day).label("last_day"),
    ).group_by(days.c.account_id)


EVIDENCE: dict[str, Callable[[SignalScope], Select[Any]]] = {
    "tickets": _tickets,
    "nps": _answers("nps", 180),
    "csat": _answers("csat", 90),
    "invoices": _invoices,
    "subscriptions": _subscriptions,
    "usage": _usage,
}
"""What to ask for → the statement whose rows `gather` takes under the same name."""


def gather(rows: Mapping[str, Iterable[Any]]) -> dict[str, AccountEvidence]:
    """Account id → its evidence, from the rows of the statements of EVIDENCE."""
    found: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for name, of_name in rows.items():
        kind, collection = _KINDS[name]
        read = _names(kind)
        for row in of_name:
            values = row._mapping
            fact = kind(**{field: values[field] for field in read} | _extra(kind, name))
            found[values["account_id"]][collection].append(fact)
    return {account: _evidence(facts) for account, facts in found.items()}


_KINDS: dict[str, tuple[type[Any], str]] = {
    "tickets": (TicketFact, "tickets"),
    "nps": (AnswerFact, "answers"),
    "csat": (AnswerFact, "answers"),
    "invoices": (InvoiceFact, "invoices"),
    "subscriptions": (SubscriptionFact, "subscriptions"),
    "usage": (UsageFact, "usage"),
}


def _names(kind: type[Any]) -> list[str]:
    """The fields that come from columns of the same name."""
    return [field.name for field in fields(kind) if field.name != "kind"]


def _extra(kind: type[Any], name: str) -> dict[str, str]:
    return {"kind": name} if kind is AnswerFact else {}


def _evidence(facts: Mapping[str, list[Any]]) -> AccountEvidence:
    answers = sorted(facts.get("answers", ()), key=lambda answer: answer.answered_at, reverse=True)
    return AccountEvidence(
        tickets=tuple(facts.get("tickets", ())),
        answers=tuple(answers),
        invoices=tuple(facts.get("invoices", ())),
        subscriptions=tuple(facts.get("subscriptions", ())),
        usage=next(iter(facts.get("usage", ())), None),
    )
