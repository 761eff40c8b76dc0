"""Signals from support: how often an account asked for help, and what still waits for us."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select

from cs_sync.health.relations import known_to, owned
from cs_sync.health.scope import SignalScope
from cs_sync.metrics.tickets import was_open
from cs_sync_schemas import Ticket, table_of

TICKET = table_of(Ticket)


def tickets_30(scope: SignalScope) -> Select[Any]:
    """Tickets opened in the last 30 days; nought where support knows the account."""
    return _counted(scope, TICKET.c.opened_at >= scope.since(30))


def open_tickets(scope: SignalScope) -> Select[Any]:
    """Tickets that were neither solved nor closed when the scope ended."""
    return _counted(scope, was_open(TICKET, scope.until))


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
