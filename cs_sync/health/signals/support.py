"""Signals from support: tickets opened, and tickets still open."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, true

from cs_sync.health.relations import select_covered_accounts, select_newest_facts, select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.fact_sweeps import DayEnds, FactSweep, Measured, read_as_number
from cs_sync.metrics.tickets import was_open
from cs_sync_schemas.tables import TICKET
from cs_sync_schemas.times import count_microseconds

TICKET_DAYS = 30


def tickets_30(scope: SignalScope) -> Select[Any]:
    """Select tickets opened in 30 days; 0 for covered accounts."""
    return _count_tickets(scope, TICKET.c.opened_at >= scope.since(TICKET_DAYS))


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


def _select_opened(days: DayEnds) -> Select[Any]:
    """Select when tickets were opened that count on any day."""
    opened = TICKET.c.opened_at
    within = and_(opened >= days[0].since(TICKET_DAYS), opened < days[-1].until)
    tickets = select_owned(
        days[-1], TICKET, read_as_number(opened).label("opened_at"), where=within
    )
    return select(tickets.c.account_id, tickets.c.opened_at).order_by(
        tickets.c.account_id, tickets.c.opened_at
    )


def _select_newest(scope: SignalScope) -> Select[Any]:
    return select(select_newest_facts(scope, [(TICKET, TICKET.c.opened_at)], true()))


def _make_count(scope: SignalScope) -> Callable[[Sequence[int]], Measured]:
    since, until = (count_microseconds(at) for at in (scope.since(TICKET_DAYS), scope.until))

    def count_opened(opened: Sequence[int]) -> Measured:
        number = bisect_left(opened, until) - bisect_left(opened, since)
        return float(number), None, number

    return count_opened


OPENED_TICKETS = FactSweep(
    "tickets",
    _select_opened,
    lambda rows: [opened_at for _, opened_at in rows],
    _make_count,
    _select_newest,
)
