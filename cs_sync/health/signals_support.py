"""Signals from support: how often an account asked for help, and what still waits for us."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select

from cs_sync.health.relations import known_to, owned
from cs_sync.health.scope import SignalScope
from cs_sync_schemas import Ticket, table_of

TICKET = table_of(Ticket)
DONE = ("solved", "closed")


def tickets_30(scope: SignalScope) -> Select[Any]:
    """Tickets opened in the last 30 days; nought where support knows the account."""
    return _counted(scope, TICKET.c.opened_at >= scope.since(30))


def open_tickets(scope: SignalScope) -> Select[Any]:
    """Tickets that were neither solved nor closed when the scope ended."""
    return _counted(scope, is_open(scope))


def is_open(scope: SignalScope) -> ColumnElement[bool]:
    """Whether a ticket waited at the scope's end: by its times, by its status without any."""
    ended = or_(TICKET.c.solved_at < scope.until, TICKET.c.closed_at < scope.until)
    undated = and_(TICKET.c.solved_at.is_(None), TICKET.c.closed_at.is_(None))
    done = or_(func.coalesce(ended, False), and_(undated, TICKET.c.status.in_(DONE)))
    return not_(done)


def _counted(scope: SignalScope, where: ColumnElement[bool]) -> Select[Any]:
    tickets = owned(scope, TICKET, where=and_(where, TICKET.c.opened_at < scope.until))
    counts = (
        select(tickets.c.account_id, func.count().label("tickets"))
        .group_by(tickets.c.account_id)
        .cte("counts")
    )
    known = known_to(scope, (TICKET, TICKET.c.opened_at))
    found = func.coalesce(counts.c.tickets, 0)
    return select(
        known.c.account_id, found.label("value"), known.c.observed_at, found.label("n")
    ).select_from(known.outerjoin(counts, counts.c.account_id == known.c.account_id))
