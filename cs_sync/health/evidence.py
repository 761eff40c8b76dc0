"""SQL statements for the facts behind the signals, and their rows per account."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
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
    MrrChangeFact,
    OverdueInvoice,
    PaymentFact,
    RatingFact,
    ReferralFact,
    RunningSubscription,
    StepFact,
    TicketFact,
    UsageFact,
)
from cs_sync.health.relations import select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.billing import is_ending, is_overdue, is_running
from cs_sync.health.signals.mrr import select_mrr_change
from cs_sync.health.signals.payments import select_payments
from cs_sync.health.signals.seats import select_subscription_seats
from cs_sync.health.signals.surveys import select_latest_answers, select_ratings
from cs_sync.metrics.days_of_use import is_feature_used
from cs_sync.metrics.tickets import was_open
from cs_sync_schemas.tables import (
    FEATURE_DAY,
    INVOICE,
    ONBOARDING_STEP,
    REFERRAL,
    SUBSCRIPTION,
    TICKET,
)

FEATURE, STEP = FEATURE_DAY, ONBOARDING_STEP


def _select_tickets(scope: SignalScope) -> Select[Any]:
    waits = was_open(TICKET, scope.until)
    names = (name for name in _list_columns(TicketFact) if name not in ("is_open", "person"))
    columns = [TICKET.c[name] for name in names]
    opened = TICKET.c.opened_at
    recent = and_(opened < scope.until, or_(opened >= scope.since(30), waits))
    tickets = select_owned(
        scope, TICKET, *columns, case((waits, True), else_=False).label("is_open"), where=recent
    )
    return select(tickets).order_by(tickets.c.opened_at.desc(), tickets.c.source_id.desc())


def _make_answers_query(kind: str, days: int) -> Callable[[SignalScope], Select[Any]]:
    def build(scope: SignalScope) -> Select[Any]:
        latest = select_latest_answers(scope, kind, days)
        return select(latest).order_by(latest.c.answered_at.desc(), latest.c.source_id.desc())

    return build


def _ratings(scope: SignalScope) -> Select[Any]:
    return select_ratings(scope, RATED_DAYS)


def _select_overdue_invoices(scope: SignalScope) -> Select[Any]:
    columns = [INVOICE.c[name] for name in _list_columns(OverdueInvoice)]
    late = select_owned(scope, INVOICE, *columns, where=is_overdue(scope))
    return select(late).order_by(late.c.issued_at.desc(), late.c.source_id)


def _select_subscriptions(scope: SignalScope) -> Select[Any]:
    names = [
        name for name in _list_columns(RunningSubscription) if name not in ("ends_at", "seats")
    ]
    ends = case((is_ending(scope), SUBSCRIPTION.c.cancel_at)).label("ends_at")
    columns = [SUBSCRIPTION.c[name] for name in names]
    running = select_owned(scope, SUBSCRIPTION, *columns, ends, where=is_running(scope))
    seats = select_subscription_seats(scope)
    same = and_(
        seats.c.source == running.c.source, seats.c.subscription_source_id == running.c.source_id
    )
    return (
        select(running, seats.c.seats)
        .select_from(running.outerjoin(seats, same))
        .order_by(running.c.source, running.c.source_id)
    )


def _select_features(scope: SignalScope) -> Select[Any]:
    used = and_(FEATURE.c.day <= scope.day, FEATURE.c.day >= scope.first_day(90))
    active = is_feature_used()
    days = select_owned(scope, FEATURE, FEATURE.c.feature, FEATURE.c.day, where=and_(used, active))
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


def _select_steps(scope: SignalScope) -> Select[Any]:
    columns = [STEP.c[name] for name in _list_columns(StepFact)]
    steps = select_owned(scope, STEP, *columns, where=true())
    return select(steps).order_by(steps.c.checklist, steps.c.due_at, steps.c.source_id)


def _select_referrals(scope: SignalScope) -> Select[Any]:
    columns = [REFERRAL.c[name] for name in _list_columns(ReferralFact)]
    made = select_owned(scope, REFERRAL, *columns, where=REFERRAL.c.referred_at < scope.until)
    return select(made).order_by(made.c.referred_at.desc(), made.c.source_id)


EVIDENCE_QUERIES: dict[str, Callable[[SignalScope], Select[Any]]] = {
    "tickets": _select_tickets,
    "nps": _make_answers_query("nps", 180),
    "csat": _make_answers_query("csat", 90),
    "ratings": _ratings,
    "invoices": _select_overdue_invoices,
    "subscriptions": _select_subscriptions,
    "payments": select_payments,
    "mrr_change": select_mrr_change,
    "features": _select_features,
    "steps": _select_steps,
    "referrals": _select_referrals,
}
"""What to ask for → the statement whose rows `gather` takes under the same name."""


def collect_evidence(
    rows: Mapping[str, Iterable[Any]], usage: Mapping[str, UsageFact]
) -> dict[str, AccountEvidence]:
    """Group the rows of the evidence queries by account.

    Args:
        rows: Name of a query → its rows.
        usage: Account id → its use.

    Returns:
        Account id → its evidence.
    """
    by_account: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for name, of_name in rows.items():
        _, collection = _FACT_TYPES[name]
        read: Callable[[Any], tuple[str, Any]] | None = None
        for row in of_name:
            read = read or _make_fact_reader(name, row._fields)
            account, fact = read(row)
            by_account[account][collection].append(fact)
    return {
        account: _build_evidence(by_account[account], usage.get(account))
        for account in dict.fromkeys([*by_account, *usage])
    }


_FACT_TYPES: dict[str, tuple[type[Any], str]] = {
    "tickets": (TicketFact, "tickets"),
    "nps": (AnswerFact, "answers"),
    "csat": (AnswerFact, "answers"),
    "ratings": (RatingFact, "ratings"),
    "invoices": (OverdueInvoice, "invoices"),
    "subscriptions": (RunningSubscription, "subscriptions"),
    "payments": (PaymentFact, "payments"),
    "mrr_change": (MrrChangeFact, "mrr_change"),
    "features": (FeatureFact, "features"),
    "steps": (StepFact, "steps"),
    "referrals": (ReferralFact, "referrals"),
}


def _list_columns(kind: type[Any]) -> list[str]:
    """Return the fields filled from columns of the same name."""
    return [name for name in kind.__struct_fields__ if name != "kind"]


def _make_fact_reader(name: str, columns: Sequence[str]) -> Callable[[Any], tuple[str, Any]]:
    """Make the reader of a query's rows.

    It returns account id and fact, by the places of the columns.
    """
    kind, _ = _FACT_TYPES[name]
    get_values = itemgetter(*(columns.index(column) for column in _list_columns(kind)))
    place = columns.index("account_id")
    if kind is not AnswerFact:
        return lambda row: (row[place], kind(*get_values(row)))

    def read_answer(row: Any) -> tuple[str, AnswerFact]:
        source, source_id, *values = get_values(row)
        return row[place], AnswerFact(source, source_id, name, *values)

    return read_answer


def _build_evidence(facts: Mapping[str, list[Any]], usage: UsageFact | None) -> AccountEvidence:
    answers = sorted(facts.get("answers", ()), key=lambda answer: answer.answered_at, reverse=True)
    return AccountEvidence(
        tickets=tuple(facts.get("tickets", ())),
        answers=tuple(answers),
        ratings=tuple(facts.get("ratings", ())),
        invoices=tuple(facts.get("invoices", ())),
        subscriptions=tuple(facts.get("subscriptions", ())),
        payments=next(iter(facts.get("payments", ())), None),
        mrr_change=next(iter(facts.get("mrr_change", ())), None),
        usage=usage,
        features=tuple(facts.get("features", ())),
        steps=tuple(facts.get("steps", ())),
        referrals=tuple(facts.get("referrals", ())),
    )
