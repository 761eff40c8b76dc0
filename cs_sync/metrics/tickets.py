"""When a ticket is over: one definition for metrics, signals and evidence."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, func, or_

from cs_sync_schemas import OVER


def over_at(ticket: FromClause) -> ColumnElement[datetime]:
    """When it was solved, else closed; only true while its status says that it is over."""
    return func.coalesce(ticket.c.solved_at, ticket.c.closed_at)


def is_over(ticket: FromClause) -> ColumnElement[bool]:
    """Whether it is over by its status, which wins: a reopened ticket keeps its times."""
    return ticket.c.status.in_(OVER)


def was_open(ticket: FromClause, until: ColumnElement[Any] | datetime) -> ColumnElement[bool]:
    """Whether it was open just before an instant; one that is over without a time never was.

    Of a reopened one nobody says from when to when it was solved: it was open all along.
    """
    waits = or_(ticket.c.status.not_in(OVER), over_at(ticket) >= until)
    return and_(ticket.c.opened_at < until, func.coalesce(waits, False))
