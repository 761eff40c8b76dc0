"""The statements that find the facts behind the signals, and their rows per account."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    Select,
    and_,
    case,
    distinct,
    func,
    or_,
    select,
    true,
)

from cs_sync.health.facts import (
    RATED_DAYS,
    AccountEvidence,
    AnswerFact,
    FeatureFact,
    InvoiceFact,
    RatingFact,
    ReferralFact,
    StepFact,
    SubscriptionFact,
    TicketFact,
    UsageFact,
)
from cs_sync.health.relations import owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals_billing import INVOICE, SUBSCRIPTION, leaving, past_due, runs
from cs_sync.health.signals_seats import seats_of_subscriptions
from cs_sync.health.signals_support import TICKET
from cs_sync.health.signals_usage import used_days
from cs_sync.health.signals_voice import latest_answers, ratings
from cs_sync.metrics.tickets import was_open
from cs_sync_schemas import FeatureDay, OnboardingStep, Referral, table_of

FEATURE, STEP, REFERRAL = table_of(FeatureDay), table_of(OnboardingStep), table_of(Referral)


def _tickets(scope: SignalScope) -> Select[Any]:
    waits = was_open(TICKET, scope.until)
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


def _ratings(scope: SignalScope) -> Select[Any]:
    return ratings(scope, RATED_DAYS)


def _invoices(scope: SignalScope) -> Select[Any]:
    columns = [INVOICE.c[name] for name in _names(InvoiceFact)]
    late = owned(scope, INVOICE, *columns, where=past_due(scope))
    return select(late).order_by(late.c.issued_at.desc(), late.c.source_id)


def _subscriptions(scope: SignalScope) -> Select[Any]:
    found = [name for name in _names(SubscriptionFact) if name not in ("ends_at", "seats")]
    ends = case((leaving(scope), SUBSCRIPTION.c.cancel_at)).label("ends_at")
    columns = [SUBSCRIPTION.c[name] for name in found]
    running = owned(scope, SUBSCRIPTION, *columns, ends, where=runs(scope))
    seats = seats_of_subscriptions(scope)
    same = and_(
        seats.c.source == running.c.source, seats.c.subscription_source_id == running.c.source_id
    )
    return (
        select(running, seats.c.seats)
        .select_from(running.outerjoin(seats, same))
        .order_by(running.c.source, running.c.source_id)
    )


def _usage(scope: SignalScope) -> Select[Any]:
    days = used_days(scope)
    late, early = scope.first_day(28), scope.first_day(56)
    recent = case((days.c.day >= late, days.c.day))
    before = case((and_(days.c.day >= early, days.c.day < late), days.c.day))
    someone = case((and_(days.c.day >= late, days.c.by_person), days.c.person))
    return select(
        days.c.account_id,
        func.count(distinct(recent)).label("recent_days"),
        func.count(distinct(before)).label("earlier_days"),
        func.max(days.c.day).label("last_day"),
        func.count(distinct(someone)).label("people"),
    ).group_by(days.c.account_id)


def _features(scope: SignalScope) -> Select[Any]:
    used = and_(FEATURE.c.day <= scope.day, FEATURE.c.day >= scope.first_day(90))
    active = or_(FEATURE.c.events > 0, FEATURE.c.users > 0)
    days = owned(scope, FEATURE, FEATURE.c.feature, FEATURE.c.day, where=and_(used, active))
    recent = case((days.c.day >= scope.first_day(28), days.c.day))
    return (
        select(
            days.c.account_id,
            days.c.feature,
            func.max(days.c.day).label("last_day"),
            func.count(distinct(recent)).label("recent_days"),
        )
        .group_by(days.c.account_id, days.c.feature)
        .order_by(days.c.account_id, days.c.feature)
    )


def _steps(scope: SignalScope) -> Select[Any]:
    columns = [STEP.c[name] for name in _names(StepFact)]
    steps = owned(scope, STEP, *columns, where=true())
    return select(steps).order_by(steps.c.checklist, steps.c.due_at, steps.c.source_id)


def _referrals(scope: SignalScope) -> Select[Any]:
    columns = [REFERRAL.c[name] for name in _names(ReferralFact)]
    made = owned(scope, REFERRAL, *columns, where=REFERRAL.c.referred_at < scope.until)
    return select(made).order_by(made.c.referred_at.desc(), made.c.source_id)


EVIDENCE: dict[str, Callable[[SignalScope], Select[Any]]] = {
    "tickets": _tickets,
    "nps": _answers("nps", 180),
    "csat": _answers("csat", 90),
    "ratings": _ratings,
    "invoices": _invoices,
    "subscriptions": _subscriptions,
    "usage": _usage,
    "features": _features,
    "steps": _steps,
    "referrals": _referrals,
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
    "ratings": (RatingFact, "ratings"),
    "invoices": (InvoiceFact, "invoices"),
    "subscriptions": (SubscriptionFact, "subscriptions"),
    "usage": (UsageFact, "usage"),
    "features": (FeatureFact, "features"),
    "steps": (StepFact, "steps"),
    "referrals": (ReferralFact, "referrals"),
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
        ratings=tuple(facts.get("ratings", ())),
        invoices=tuple(facts.get("invoices", ())),
        subscriptions=tuple(facts.get("subscriptions", ())),
        usage=next(iter(facts.get("usage", ())), None),
        features=tuple(facts.get("features", ())),
        steps=tuple(facts.get("steps", ())),
        referrals=tuple(facts.get("referrals", ())),
    )
