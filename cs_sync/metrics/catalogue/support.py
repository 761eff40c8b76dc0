"""What customers need help with, and how well they get it."""

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
    exists,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.catalogue.revenue import BILLING
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.mrr_relations import customers, mrr_pairs
from cs_sync.metrics.portable import seconds_between
from cs_sync.metrics.relations import count_if, marks_of, median, period_rows, totals
from cs_sync.metrics.tickets import is_over, over_at, was_open
from cs_sync_schemas import Ticket, table_of

TICKET = table_of(Ticket)
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


def _tickets(scope: Scope, *columns: ColumnElement[Any]) -> CTE:
    return attributed(scope, TICKET, *columns, where=TICKET.c.opened_at.is_not(None))


def _within(scope: Scope, tickets: CTE, moment: ColumnElement[Any], value: Any = None) -> CTE:
    """Tickets whose `moment` lies in a period, with its index and a value."""
    periods = period_rows(
        scope, since=lambda period: period.starts_at, until=lambda period: period.ends_at
    )
    inside = and_(moment >= periods.c.since, moment < periods.c.until)
    return (
        select(
            periods.c.period,
            *marks_of(scope, tickets),
            (literal(1) if value is None else value).label("value"),
        )
        .select_from(periods.join(tickets, inside))
        .cte("within")
    )


def _open(scope: Scope) -> Select[Any]:
    """Tickets opened before the period's end and not yet over just before it."""
    periods = period_rows(scope, until=lambda period: period.ends_at)
    tickets = _tickets(
        scope, TICKET.c.status, TICKET.c.opened_at, TICKET.c.solved_at, TICKET.c.closed_at
    )
    opened = (
        select(
            periods.c.period,
            *marks_of(scope, tickets),
            was_open(tickets, periods.c.until).label("is_open"),
        )
        .select_from(periods.join(tickets, tickets.c.opened_at < periods.c.until))
        .cte("opened")
    )
    return totals(scope, opened, numerator=count_if(opened.c.is_open), n=count_if(opened.c.is_open))


def _first_reply(scope: Scope) -> Select[Any]:
    tickets = _tickets(scope, TICKET.c.opened_at, TICKET.c.first_reply_at)
    waited = seconds_between(tickets.c.opened_at, tickets.c.first_reply_at)
    return median(scope, _within(scope, tickets, tickets.c.opened_at, waited))


def _one_touch(scope: Scope) -> Select[Any]:
    """Solved by one public reply of a person, not reopened, and not asked again soon."""
    fields = ("source_id", "topic", "opened_at", "agent_replies", "reopens", "transfers")
    judged = _judged(scope).label("judged")
    columns = [*(TICKET.c[name] for name in fields), over_at(TICKET).label("solved_at"), judged]
    tickets = _tickets(scope, *columns)
    few = {"one_reply": tickets.c.agent_replies == 1, "at_most_one": tickets.c.agent_replies <= 1}
    contacts: dict[bool, ColumnElement[bool]] = {
        True: func.coalesce(tickets.c.transfers, 0) == 0,
        False: true(),
    }
    first = and_(
        few[scope.settings["resolution_rule"]],
        contacts[scope.settings["transfer_counts_as_contact"]],
        func.coalesce(tickets.c.reopens, 0) == 0,
        ~_asked_again(tickets, scope.settings["window_days"]),
    )
    answered = (
        select(*marks_of(scope, tickets), tickets.c.solved_at, first.label("first"))
        .where(tickets.c.judged == 1, tickets.c.solved_at.is_not(None))
        .cte("answered")
    )
    solved = _within(scope, answered, answered.c.solved_at, answered.c.first)
    touched_once = count_if(solved.c.value)
    return totals(scope, solved, numerator=touched_once, denominator=func.count(), n=func.count())


def _judged(scope: Scope) -> ColumnElement[int]:
    """1 for tickets that are judged at all: over, and as the settings want them."""
    channels, tags = scope.settings["eligible_channels"], scope.settings["excluded_tags"]
    judged: list[ColumnElement[bool]] = [is_over(TICKET), TICKET.c.agent_replies.is_not(None)]
    if not scope.settings["abandoned_counts"]:
        judged.append(TICKET.c.agent_replies > 0)
    if channels:
        judged.append(TICKET.c.channel.in_(channels))
    written = func.lower(cast(TICKET.c.tags, String))
    judged += [written.not_like(f'%"{tag.lower()}"%') for tag in tags]
    return case((and_(*judged), 1), else_=0)


def _asked_again(tickets: CTE, days: int) -> ColumnElement[bool]:
    """Whether the same person opened another ticket on the topic so soon after the solution."""
    again = tickets.alias("again")
    return exists().where(
        again.c.person == tickets.c.person,
        again.c.topic == tickets.c.topic,
        tickets.c.topic != "",
        again.c.source_id != tickets.c.source_id,
        again.c.opened_at > tickets.c.solved_at,
        seconds_between(tickets.c.solved_at, again.c.opened_at) <= days * _DAY,
    )


def _per_account(scope: Scope) -> Select[Any]:
    """Tickets opened in the period over customers at its end."""
    tickets = _tickets(scope, TICKET.c.opened_at)
    opened = _within(scope, tickets, tickets.c.opened_at)
    heads = customers(mrr_pairs(scope), scope)
    both = union_all(
        select(
            opened.c.period,
            *marks_of(scope, opened),
            literal(1).label("ticket"),
            literal(0).label("head"),
        ),
        select(heads.c.period, *marks_of(scope, heads), literal(0), heads.c.now),
    ).cte("tickets_and_heads")
    heads_there, opened_there = func.sum(both.c.head), func.sum(both.c.ticket)
    return totals(
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
        ("Zendesk help, Backlog",), _open, ("ticket",), stage=("retention",),
        family="engagement",
        edge_cases="The status wins: a ticket that was reopened is open whatever solving time "
        "the source still shows, and counts as open throughout, as nobody says from when to when "
        "it was solved; --known-at answers with what was known. A ticket that is over without a "
        "time is not counted.",
    ),
    Metric(
        "tickets_per_account", "Tickets per account", "ratio",
        "tickets opened in the period ÷ customers at its end", ("Zendesk help, Ticket volume",),
        _per_account, ("ticket", *BILLING), stage=("retention",), family="engagement",
        divides=True, spread="poisson",
        edge_cases="No tickets may mean silence: look at usage, too. The interval takes tickets "
        "for independent of one another.",
    ),
    Metric(
        "first_reply_seconds", "First reply time", "seconds",
        "median time from opening to the first public reply, of tickets opened in the period",
        ("Zendesk help, First reply time",), _first_reply, ("ticket",), stage=("retention",),
        family="engagement",
        edge_cases="By the clock, not business hours. Tickets without a reply are left out, so "
        "recent periods can still change.",
    ),
    Metric(
        "fcr", "First-contact resolution", "ratio",
        "tickets solved in the period by exactly one public reply of a person, without reopening "
        "or a new ticket of the same person on the same topic within the window ÷ tickets solved",
        ("Zendesk help, article 4408820618266 (one-touch tickets)",), _one_touch, ("ticket",),
        stage=("retention",), family="engagement", settings=_FCR, choices=_FCR_CHOICES,
        spread="wilson", divides=True, settles_after="window_days",
        edge_cases="Provisional until the window (7 days) is over. A ticket that is open again "
        "is not solved and not counted. Tickets whose number of "
        "replies is unknown are left out, and so are those with an excluded tag. Without any reply "
        "(`abandoned`) a ticket counts as not solved at first contact; `at_most_one` takes it for "
        "solved. With `transfer_counts_as_contact` whoever takes a ticket over is another contact. "
        "Without `eligible_channels` all count. Two tickets without a topic are not on the same "
        "one.",
    ),
)  # fmt: skip
