"""The signal from billing: does an account pay, and does it mean to go on?"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, union_all

from cs_sync.health.relations import owned
from cs_sync.health.scope import SignalScope
from cs_sync_schemas import Invoice, Subscription, table_of

SUBSCRIPTION = table_of(Subscription)
INVOICE = table_of(Invoice)
OVER = ("canceled", "incomplete", "incomplete_expired")
UNPAID = ("past_due", "unpaid")
GOOD, LEAVING, PAST_DUE = 2, 1, 0


def billing_standing(scope: SignalScope) -> Select[Any]:
    """The worst of its running subscriptions and of its invoices: 2 good, 1 leaving, 0 past due.

    Accounts without a running subscription and without an invoice past due have no row. It is a
    state, not an event, and so has no `observed_at`.
    """
    running = owned(
        scope,
        SUBSCRIPTION,
        _standing(scope).label("standing"),
        where=runs(scope),
    )
    late = owned(
        scope,
        INVOICE,
        literal(PAST_DUE).label("standing"),
        where=past_due(scope),
    )
    facts = union_all(select(running), select(late)).subquery("facts")
    return select(
        facts.c.account_id,
        func.min(facts.c.standing).label("value"),
        literal(None, SUBSCRIPTION.c.last_seen_at.type).label("observed_at"),
        func.count().label("n"),
    ).group_by(facts.c.account_id)


def runs(scope: SignalScope) -> ColumnElement[bool]:
    """Subscriptions that had begun and not ended when the scope ended."""
    at = scope.until
    still = and_(SUBSCRIPTION.c.ended_at.is_(None), SUBSCRIPTION.c.status.not_in(OVER))
    return and_(SUBSCRIPTION.c.started_at < at, or_(still, SUBSCRIPTION.c.ended_at >= at))


def leaving(scope: SignalScope) -> ColumnElement[bool]:
    """Its end is set, and had been asked for before the scope ended."""
    asked = SUBSCRIPTION.c.canceled_at
    return and_(SUBSCRIPTION.c.cancel_at.is_not(None), or_(asked.is_(None), asked < scope.until))


def past_due(scope: SignalScope) -> ColumnElement[bool]:
    """Invoices that should have been paid and were not.

    One without a due date is charged at once: it is late when a charge has failed.
    """
    at = scope.until
    unpaid = or_(
        and_(INVOICE.c.status == "open", INVOICE.c.amount_remaining > 0), INVOICE.c.paid_at >= at
    )
    failed = and_(INVOICE.c.due_at.is_(None), INVOICE.c.attempt_count > 0,
                  INVOICE.c.status == "open")  # fmt: skip
    return and_(INVOICE.c.issued_at < at, unpaid, or_(INVOICE.c.due_at < at, failed))


def _standing(scope: SignalScope) -> ColumnElement[int]:
    return case(
        (SUBSCRIPTION.c.status.in_(UNPAID), PAST_DUE), (leaving(scope), LEAVING), else_=GOOD
    )
