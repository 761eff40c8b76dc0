"""What customers need help with."""

from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.relations import count_if, marks_of, period_rows, totals
from cs_sync_schemas import Ticket, table_of

TICKET = table_of(Ticket)
_OVER = ("solved", "closed")


def _open(scope: Scope) -> Select[Any]:
    """Tickets opened before the period's end and not yet over just before it."""
    periods = period_rows(scope, until=lambda period: period.ends_at)
    tickets = attributed(
        scope,
        TICKET,
        TICKET.c.status,
        TICKET.c.opened_at,
        TICKET.c.solved_at,
        TICKET.c.closed_at,
        where=TICKET.c.opened_at.is_not(None),
    )
    over_at = func.coalesce(tickets.c.solved_at, tickets.c.closed_at)
    still = or_(over_at >= periods.c.until, and_(over_at.is_(None), tickets.c.status.not_in(_OVER)))
    opened = (
        select(periods.c.period, *marks_of(scope, tickets), still.label("is_open"))
        .select_from(periods.join(tickets, tickets.c.opened_at < periods.c.until))
        .cte("opened")
    )
    return totals(scope, opened, numerator=count_if(opened.c.is_open), n=count_if(opened.c.is_open))


SUPPORT: tuple[Metric, ...] = (
    Metric(
        "open_tickets", "Open tickets", "count",
        "tickets opened before the period's end and neither solved nor closed by then",
        ("Zendesk help, Backlog",), _open, ("ticket",), stage=("retention",),
        family="engagement",
        edge_cases="A reopened ticket counts as open throughout once the source withdraws its "
        "solving time. A ticket that is over without a time is not counted.",
    ),
)  # fmt: skip
