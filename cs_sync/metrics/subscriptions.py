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
    status, ended_at = subscription.c.status, subscription.c.ended_at
    still = and_(ended_at.is_(None), status != "canceled")
    return and_(
        status.not_in(NEVER_STARTED),
        subscription.c.started_at < until,
        or_(still, ended_at >= until),
    )
