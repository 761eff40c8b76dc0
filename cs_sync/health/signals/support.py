"""Signals from support: tickets opened, and tickets still open."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select

from cs_sync.health.relations import select_covered_accounts, select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.metrics.tickets import was_open
from cs_sync_schemas.tables import TICKET


def tickets_30(scope: SignalScope) -> Select[Any]:
    """Select tickets opened in 30 days; 0 for covered accounts."""
    return _count_tickets(scope, TICKET.c.opened_at >= scope.since(30))


def open_tickets(scope: SignalScope) -> Select[Any]:
    """Select the tickets that are open at the scope's end."""
    return _count_tickets(scope, was_open(TICKET, scope.until))


def _count_tickets(scope: SignalScope, where: ColumnElement[bool]) -> Select[Any]:
    tickets = select_owned(scope, TICKET, where=and_(where, TICKET.c.opened_at < scope.until))
    counts = (
        select(tickets.c.account_id, func.count().label("tickets"))
        .group_by(tickets.c.account_id)
        .cte("counts")
    )
    covered = select_covered_accounts(scope, (TICKET, TICKET.c.opened_at))
    ticket_count = func.coalesce(counts.c.tickets, 0)
    return select(
        covered.c.account_id,
        ticket_count.label("value"),
        covered.c.observed_at,
        ticket_count.label("n"),
    ).select_from(covered.outerjoin(counts, counts.c.account_id == covered.c.account_id))
