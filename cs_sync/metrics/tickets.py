"""Ticket closure: one definition for metrics, signals and evidence."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, or_

from cs_sync_schemas import CLOSED_STATUSES


def get_closed_at(ticket: FromClause) -> ColumnElement[datetime]:
    """Return the time of solution, else of closure; only for closed tickets."""
    return func.coalesce(ticket.c.solved_at, ticket.c.closed_at)


def is_closed(ticket: FromClause) -> ColumnElement[bool]:
    """Return the condition for closed tickets.

    The status decides: a reopened ticket keeps its times.
    """
    return ticket.c.status.in_(CLOSED_STATUSES)


def was_open(ticket: FromClause, until: ColumnElement[Any] | datetime) -> ColumnElement[bool]:
    """Return the condition for tickets open just before an instant.

    A closed ticket without a time was never open. The interim closure of a reopened one is
    unknown: it was open throughout.
    """
    waits = or_(ticket.c.status.not_in(CLOSED_STATUSES), get_closed_at(ticket) >= until)
    return and_(ticket.c.opened_at < until, func.coalesce(waits, False))
