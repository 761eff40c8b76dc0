"""Running subscriptions: one definition for metrics and signals."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, or_

NEVER_STARTED = ("incomplete", "incomplete_expired")
"""Statuses of subscriptions whose first payment never came: they never ran."""


def was_running(
    subscription: FromClause, until: ColumnElement[Any] | datetime
) -> ColumnElement[bool]:
    """Return the condition for subscriptions running just before an instant.

    A cancelled one without the time of its end never ran.
    """
    ended_at = subscription.c.ended_at
    return and_(
        has_run(subscription),
        subscription.c.started_at < until,
        or_(ended_at.is_(None), ended_at >= until),
    )


def has_run(subscription: FromClause) -> ColumnElement[bool]:
    """Build the condition for subscriptions that run from start to end.

    The others never ran.
    """
    status = subscription.c.status
    is_dated = or_(subscription.c.ended_at.is_not(None), status != "canceled")
    return and_(status.not_in(NEVER_STARTED), is_dated)
