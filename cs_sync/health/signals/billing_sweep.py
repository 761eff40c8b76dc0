"""Billing at the ends of many days, from subscriptions and invoices that are read once."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, case, literal, or_, select, union_all

from cs_sync.health.facts import BillingMarks
from cs_sync.health.relations import select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.billing import (
    GOOD,
    LEAVING,
    PAST_DUE,
    UNPAID_STATUSES,
    has_rest,
    is_overdue,
    is_running,
    select_first_unpaid,
)
from cs_sync.health.signals.fact_sweeps import DayEnds, FactSweep, Measured, read_as_number
from cs_sync_schemas.tables import INVOICE, SUBSCRIPTION
from cs_sync_schemas.times import Microseconds, count_microseconds

ALWAYS, NEVER = -(2**63), 2**63
_NO_TIME = literal(None, Microseconds())


class BillingFact(NamedTuple):
    """A subscription while it runs, or an invoice while it is overdue; times in microseconds.

    It counts at `at` if `begins < at <= ends`, is unpaid if `unpaid_from < at`, and going to end if
    `ending_from < at`.
    """

    begins: int
    ends: int
    unpaid_from: int
    ending_from: int
    is_invoice: bool
    is_paid_for: bool
    """Whether it is a subscription that is not a trial."""


def mark_billing(facts: Iterable[BillingFact], at: int) -> BillingMarks | None:
    """Return what billing knew of an account just before a time.

    None if nothing counts then.
    """
    is_running = is_unpaid = stays = leaves = False
    for begins, ends, _, ending_from, is_invoice, is_paid_for in facts:
        if not begins < at <= ends:
            continue
        if is_invoice:
            is_unpaid = True
            continue
        is_running = True
        if is_paid_for and ending_from < at:
            leaves = True
        elif is_paid_for:
            stays = True
    if not is_running and not is_unpaid:
        return None
    return _make_marks(is_running, leaves and not stays, is_unpaid)


@cache
def _make_marks(*marks: bool) -> BillingMarks:
    """Make each of the few combinations once."""
    return BillingMarks(*marks)


def _select_facts(days: DayEnds) -> Select[Any]:
    """Select what counts at the end of any day."""
    scope = days[-1]
    subscriptions = select_owned(
        scope,
        SUBSCRIPTION,
        read_as_number(SUBSCRIPTION.c.started_at).label("begins"),
        read_as_number(SUBSCRIPTION.c.ended_at).label("ends"),
        case((SUBSCRIPTION.c.status.in_(UNPAID_STATUSES), 1), else_=0).label("unpaid"),
        read_as_number(
            case((SUBSCRIPTION.c.status.in_(UNPAID_STATUSES), select_first_unpaid(scope)))
        ).label("unpaid_from"),
        case((SUBSCRIPTION.c.cancel_at.is_not(None), 1), else_=0).label("ending"),
        read_as_number(SUBSCRIPTION.c.canceled_at).label("ending_from"),
        literal(0).label("is_invoice"),
        case((SUBSCRIPTION.c.status != "trialing", 1), else_=0).label("is_paid_for"),
        where=or_(*map(is_running, days)),
    )
    due = case(
        (INVOICE.c.due_at > INVOICE.c.issued_at, INVOICE.c.due_at), else_=INVOICE.c.issued_at
    )
    paid = case((has_rest(), None), else_=INVOICE.c.paid_at)
    invoices = select_owned(
        scope,
        INVOICE,
        read_as_number(due).label("begins"),
        read_as_number(paid).label("ends"),
        literal(1).label("unpaid"),
        _NO_TIME.label("unpaid_from"),
        literal(0).label("ending"),
        _NO_TIME.label("ending_from"),
        literal(1).label("is_invoice"),
        literal(0).label("is_paid_for"),
        where=or_(*map(is_overdue, days)),
    )
    facts = union_all(select(subscriptions), select(invoices)).subquery("facts")
    return select(facts).order_by(facts.c.account_id)


def _collect_facts(rows: Iterable[Sequence[Any]]) -> list[BillingFact]:
    return [
        BillingFact(
            begins,
            NEVER if ends is None else ends,
            (ALWAYS if unpaid_from is None else unpaid_from) if unpaid else NEVER,
            (ALWAYS if ending_from is None else ending_from) if ending else NEVER,
            bool(is_invoice),
            bool(is_paid),
        )
        for _, begins, ends, unpaid, unpaid_from, ending, ending_from, is_invoice, is_paid in rows
    ]


def _make_rating(scope: SignalScope) -> Callable[[Sequence[BillingFact]], Measured | None]:
    at = count_microseconds(scope.until)

    def rate_standing(facts: Sequence[BillingFact]) -> Measured | None:
        ratings = [
            PAST_DUE if fact.unpaid_from < at else LEAVING if fact.ending_from < at else GOOD
            for fact in facts
            if fact.begins < at <= fact.ends
        ]
        return (float(min(ratings)), None, len(ratings)) if ratings else None

    return rate_standing


BILLING = FactSweep("billing", _select_facts, _collect_facts, _make_rating)
