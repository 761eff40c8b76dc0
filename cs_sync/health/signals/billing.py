"""The billing signal: payment and scheduled cancellation."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from cs_sync.health.relations import select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.metrics.sql.relations import is_present
from cs_sync.metrics.subscriptions import was_running
from cs_sync_schemas.tables import INVOICE, SUBSCRIPTION

_UNPAID = INVOICE.alias("unpaid")
UNPAID_STATUSES = ("past_due", "unpaid")
GOOD, LEAVING, PAST_DUE = 2, 1, 0


def billing_standing(scope: SignalScope) -> Select[Any]:
    """Select the worst of an account's running subscriptions and invoices.

    2 is good, 1 ending, 0 past due. Accounts without a running subscription and without an
    overdue invoice have no row. It is a state, not an event: `observed_at` is null.
    """
    running = select_owned(
        scope,
        SUBSCRIPTION,
        _rate_standing(scope).label("standing"),
        where=is_running(scope),
    )
    late = select_owned(
        scope,
        INVOICE,
        literal(PAST_DUE).label("standing"),
        where=is_overdue(scope),
    )
    facts = union_all(select(running), select(late)).subquery("facts")
    return select(
        facts.c.account_id,
        func.min(facts.c.standing).label("value"),
        literal(None, SUBSCRIPTION.c.last_seen_at.type).label("observed_at"),
        func.count().label("n"),
    ).group_by(facts.c.account_id)


def is_running(scope: SignalScope) -> ColumnElement[bool]:
    """Return the condition for subscriptions running at the end of the scope."""
    return was_running(SUBSCRIPTION, scope.until)


def is_ending(scope: SignalScope) -> ColumnElement[bool]:
    """Build the condition for a scheduled end.

    Requested before the end of the scope.
    """
    requested_at = SUBSCRIPTION.c.canceled_at
    return and_(
        SUBSCRIPTION.c.cancel_at.is_not(None),
        or_(requested_at.is_(None), requested_at < scope.until),
    )


def select_leaving_accounts(scope: SignalScope) -> Select[Any]:
    """Select accounts with notice given for all their running subscriptions.

    The time of the request counts, which no later record replaces; an end that is set without
    one is not dated.
    """
    requested = SUBSCRIPTION.c.canceled_at < scope.until
    running = select_owned(
        scope,
        SUBSCRIPTION,
        case((requested, 1), else_=0).label("leaving"),
        where=is_running(scope),
    )
    return (
        select(running.c.account_id)
        .group_by(running.c.account_id)
        .having(func.min(running.c.leaving) == 1)
    )


def is_overdue(scope: SignalScope) -> ColumnElement[bool]:
    """Return the condition for overdue invoices.

    An invoice without a due date is charged at once: it is overdue after a failed charge.
    """
    at = scope.until
    unpaid = or_(has_rest(), INVOICE.c.paid_at >= at)
    failed = and_(INVOICE.c.due_at.is_(None), INVOICE.c.attempt_count > 0,
                  INVOICE.c.status == "open")  # fmt: skip
    return and_(INVOICE.c.issued_at < at, unpaid, or_(INVOICE.c.due_at < at, failed))


def has_rest() -> ColumnElement[bool]:
    """Return the condition for open invoices with an amount left."""
    return and_(INVOICE.c.status == "open", INVOICE.c.amount_remaining > 0)


def _rate_standing(scope: SignalScope) -> ColumnElement[int]:
    return case((_is_unpaid(scope), PAST_DUE), (is_ending(scope), LEAVING), else_=GOOD)


def _is_unpaid(scope: SignalScope) -> ColumnElement[bool]:
    """Build the condition for unpaid subscriptions.

    They count from their oldest unpaid invoice on. The source tells the status of now; without an
    invoice that tells since when, it counts.
    """
    began = func.coalesce(select_first_unpaid(scope) < scope.until, true())
    return and_(SUBSCRIPTION.c.status.in_(UNPAID_STATUSES), began)


def select_first_unpaid(scope: SignalScope) -> ScalarSelect[Any]:
    """Select when the oldest unpaid invoice of a subscription was issued."""
    return (
        select(func.min(_UNPAID.c.issued_at))
        .where(
            is_present(_UNPAID, scope.known_at),
            _UNPAID.c.source == SUBSCRIPTION.c.source,
            _UNPAID.c.subscription_source_id == SUBSCRIPTION.c.source_id,
            _UNPAID.c.status.in_(("open", "uncollectible")),
        )
        .correlate(SUBSCRIPTION)
        .scalar_subquery()
    )
