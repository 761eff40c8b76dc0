"""The signal of payments: invoices that failed or were paid late."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from cs_sync.health.relations import select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.billing import is_overdue
from cs_sync.metrics.sql.dialects import seconds_between
from cs_sync_schemas.tables import INVOICE

PAYMENT_DAYS = 365
"""So that an annual invoice is among them."""
_GRACE_SECONDS = 86_400
"""A transfer that arrives a day after it was due is not late."""


def select_payments(scope: SignalScope) -> Select[Any]:
    """Select invoices and late payments of the last 365 days per account.

    Columns: account_id, invoices, paid, late, last_late_at (when the newest of the late ones was
    issued), newest_at.
    """
    asked = and_(
        INVOICE.c.issued_at >= scope.since(PAYMENT_DAYS),
        INVOICE.c.issued_at < scope.until,
        INVOICE.c.status.not_in(("draft", "void")),
        or_(INVOICE.c.total > 0, INVOICE.c.amount_due > 0, INVOICE.c.amount_paid > 0),
    )
    invoices = select_owned(
        scope,
        INVOICE,
        INVOICE.c.issued_at,
        _was_trouble(scope).label("trouble"),
        case((INVOICE.c.status == "paid", 1), else_=0).label("is_paid"),
        where=asked,
    )
    return select(
        invoices.c.account_id,
        func.count().label("invoices"),
        func.sum(invoices.c.is_paid).label("paid"),
        func.sum(invoices.c.trouble).label("late"),
        func.max(case((invoices.c.trouble == 1, invoices.c.issued_at))).label("last_late_at"),
        func.max(invoices.c.issued_at).label("newest_at"),
    ).group_by(invoices.c.account_id)


def late_payments_365(scope: SignalScope) -> Select[Any]:
    """Select the number of failed or late payments in 365 days."""
    payments = select_payments(scope).cte("payments")
    return select(
        payments.c.account_id,
        payments.c.late.label("value"),
        payments.c.newest_at.label("observed_at"),
        payments.c.invoices.label("n"),
    )


def _was_trouble(scope: SignalScope) -> ColumnElement[int]:
    """Return 1 for overdue, given up, failed or late invoices."""
    paid_late = and_(
        INVOICE.c.paid_at.is_not(None),
        INVOICE.c.due_at.is_not(None),
        seconds_between(INVOICE.c.due_at, INVOICE.c.paid_at) > _GRACE_SECONDS,
    )
    given_up = INVOICE.c.status == "uncollectible"
    trouble = or_(is_overdue(scope), given_up, INVOICE.c.attempt_count > 1, paid_late)
    return case((trouble, 1), else_=0)
