"""Support: tickets, first reply and first-contact resolution."""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)

from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.dialects import compute_once, ignore_index, seconds_between
from cs_sync.metrics.sql.mrr_relations import select_customers, select_mrr_pairs
from cs_sync.metrics.sql.relations import (
    count_if,
    get_segment_columns,
    select_median,
    select_period_rows,
    select_totals,
)
from cs_sync.metrics.tickets import get_closed_at, is_closed, was_open
from cs_sync_schemas.tables import TICKET

_FCR = {
    "window_days": 7,
    "resolution_rule": "one_reply",
    "abandoned_counts": True,
    "transfer_counts_as_contact": False,
    "eligible_channels": (),
    "excluded_tags": ("closed_by_merge", "spam", "proactive"),
}
_FCR_CHOICES = {"resolution_rule": ("one_reply", "at_most_one")}
_DAY = 86_400


def _select_tickets(scope: Scope, *columns: ColumnElement[Any]) -> CTE:
    return select_attributed(scope, TICKET, *columns, where=TICKET.c.opened_at.is_not(None))


def _select_in_period(
    scope: Scope, tickets: CTE, moment: ColumnElement[Any], value: Any = None
) -> CTE:
    """Select tickets with `moment` in a period.

    With the period's index and a value.
    """
    periods = select_period_rows(
        scope, since=lambda period: period.starts_at, until=lambda period: period.ends_at
    )
    inside = and_(moment >= periods.c.since, moment < periods.c.until)
    return (
        select(
            periods.c.period,
            *get_segment_columns(scope, tickets),
            (literal(1) if value is None else value).label("value"),
        )
        .select_from(periods.join(tickets, inside))
        .cte("within")
    )


def _select_open(scope: Scope) -> Select[Any]:
    """Select tickets open just before the period's end."""
    periods = select_period_rows(scope, until=lambda period: period.ends_at)
    times = (TICKET.c.status, TICKET.c.opened_at, TICKET.c.solved_at, TICKET.c.closed_at)
    tickets = compute_once(select(_select_tickets(scope, *times)))
    opened = (
        select(
            periods.c.period,
            *get_segment_columns(scope, tickets),
            was_open(tickets, periods.c.until).label("is_open"),
        )
        .select_from(periods.join(tickets, ignore_index(tickets.c.opened_at) < periods.c.until))
        .cte("opened")
    )
    return select_totals(
        scope, opened, numerator=count_if(opened.c.is_open), n=count_if(opened.c.is_open)
    )


def _select_first_reply(scope: Scope) -> Select[Any]:
    tickets = _select_tickets(scope, TICKET.c.opened_at, TICKET.c.first_reply_at)
    waited = seconds_between(tickets.c.opened_at, tickets.c.first_reply_at)
    return select_median(scope, _select_in_period(scope, tickets, tickets.c.opened_at, waited))


def _select_first_contact(scope: Scope) -> Select[Any]:
    """Select tickets solved by one reply, once and for all.

    A public reply, no reopening, no follow-up soon after.
    """
    fields = ("source_id", "topic", "opened_at", "agent_replies", "reopens", "transfers")
    judged = _is_eligible(scope).label("judged")
    columns = [
        *(TICKET.c[name] for name in fields),
        (TICKET.c.source + "|" + TICKET.c.source_id).label("ticket_key"),
        get_closed_at(TICKET).label("solved_at"),
        judged,
    ]
    tickets = _select_tickets(scope, *columns)
    again = _select_asked_again(tickets, scope.settings["window_days"])
    few = {"one_reply": tickets.c.agent_replies == 1, "at_most_one": tickets.c.agent_replies <= 1}
    contacts: dict[bool, ColumnElement[bool]] = {
        True: func.coalesce(tickets.c.transfers, 0) == 0,
        False: true(),
    }
    first = and_(
        few[scope.settings["resolution_rule"]],
        contacts[scope.settings["transfer_counts_as_contact"]],
        func.coalesce(tickets.c.reopens, 0) == 0,
        again.c.ticket_key.is_(None),
    )
    answered = (
        select(*get_segment_columns(scope, tickets), tickets.c.solved_at, first.label("first"))
        .select_from(tickets.outerjoin(again, again.c.ticket_key == tickets.c.ticket_key))
        .where(tickets.c.judged == 1, tickets.c.solved_at.is_not(None))
        .cte("answered")
    )
    solved = _select_in_period(scope, answered, answered.c.solved_at, answered.c.first)
    touched_once = count_if(solved.c.value)
    return select_totals(
        scope, solved, numerator=touched_once, denominator=func.count(), n=func.count()
    )


def _is_eligible(scope: Scope) -> ColumnElement[int]:
    """Return 1 for eligible tickets: closed, and selected by the settings."""
    channels, tags = scope.settings["eligible_channels"], scope.settings["excluded_tags"]
    judged: list[ColumnElement[bool]] = [is_closed(TICKET), TICKET.c.agent_replies.is_not(None)]
    if not scope.settings["abandoned_counts"]:
        judged.append(TICKET.c.agent_replies > 0)
    if channels:
        judged.append(TICKET.c.channel.in_(channels))
    written = func.lower(cast(TICKET.c.tags, String))
    judged += [written.not_like(f'%"{tag.lower()}"%') for tag in tags]
    return case((and_(*judged), 1), else_=0)


def _select_asked_again(tickets: CTE, days: int) -> CTE:
    """Select tickets soon followed by another on the same topic.

    Both are of the same person. One join by person and topic: a subquery per ticket would read all
    tickets each time.
    """
    again = tickets.alias("again")
    same = and_(again.c.person == tickets.c.person, again.c.topic == tickets.c.topic)
    soon = and_(
        tickets.c.topic != "",
        again.c.source_id != tickets.c.source_id,
        again.c.opened_at > tickets.c.solved_at,
        seconds_between(tickets.c.solved_at, again.c.opened_at) <= days * _DAY,
    )
    asked = select(tickets.c.ticket_key).distinct().select_from(tickets.join(again, same))
    return asked.where(soon).cte("asked_again")


def _select_per_account(scope: Scope) -> Select[Any]:
    """Select tickets opened in the period ÷ customers at its end."""
    tickets = _select_tickets(scope, TICKET.c.opened_at)
    opened = _select_in_period(scope, tickets, tickets.c.opened_at)
    heads = select_customers(select_mrr_pairs(scope), scope)
    both = union_all(
        select(
            opened.c.period,
            *get_segment_columns(scope, opened),
            literal(1).label("ticket"),
            literal(0).label("head"),
        ),
        select(heads.c.period, *get_segment_columns(scope, heads), literal(0), heads.c.now),
    ).cte("tickets_and_heads")
    heads_there, opened_there = func.sum(both.c.head), func.sum(both.c.ticket)
    return select_totals(
        scope,
        both,
        numerator=opened_there,
        denominator=heads_there,
        n=heads_there,
        events=opened_there,
        variance=cast(null(), Double),
    )


SUPPORT: tuple[Metric, ...] = (
    Metric(
        "open_tickets", "Open tickets", "count",
        "tickets opened before the period's end and neither solved nor closed by then",
        ("Zendesk help, Backlog",), _select_open, ("ticket",), stage=("retention",),
        family="engagement",
        edge_cases="The status wins: a ticket that was reopened is open whatever solving time "
        "the source still shows, and counts as open throughout, as nobody says from when to when "
        "it was solved; --known-at answers with what was known. A ticket that is over without a "
        "time is not counted.",
    ),
    Metric(
        "tickets_per_account", "Tickets per account", "ratio",
        "tickets opened in the period ÷ customers at its end", ("Zendesk help, Ticket volume",),
        _select_per_account, ("ticket", *BILLING), stage=("retention",), family="engagement",
        divides=True, spread="poisson",
        edge_cases="No tickets may mean silence: look at usage, too. The interval takes tickets "
        "for independent of one another.",
    ),
    Metric(
        "first_reply_seconds", "First reply time", "seconds",
        "median time from opening to the first public reply, of tickets opened in the period",
        ("Zendesk help, First reply time",), _select_first_reply, ("ticket",), stage=("retention",),
        family="engagement",
        edge_cases="By the clock, not business hours. Tickets without a reply are left out, so "
        "recent periods can still change.",
    ),
    Metric(
        "fcr", "First-contact resolution", "ratio",
        "tickets solved in the period by exactly one public reply of a person, without reopening "
        "or a new ticket of the same person on the same topic within the window ÷ tickets solved",
        ("Zendesk help, article 4408820618266 (one-touch tickets)",), _select_first_contact,
        ("ticket",),
        stage=("retention",), family="engagement", settings=_FCR, choices=_FCR_CHOICES,
        spread="wilson", divides=True, settles_after="window_days",
        edge_cases="Provisional until the window (7 days) is over. A ticket that is open again "
        "is not solved and not counted. Tickets whose number of "
        "replies is unknown are left out, and so are those with an excluded tag. Without any reply "
        "(`abandoned`) a ticket counts as no first-contact resolution; `at_most_one` takes it for "
        "solved. With `transfer_counts_as_contact` whoever takes a ticket over is another contact. "
        "Without `eligible_channels` all count. Two tickets without a topic are not on the same "
        "one.",
    ),
)  # fmt: skip
