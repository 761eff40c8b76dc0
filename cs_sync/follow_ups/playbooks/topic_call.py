"""Several tickets on one topic within 30 days: call about the topic."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import Field

from cs_sync.follow_ups.evidence import build_ticket_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_list, list_advice
from cs_sync.health.facts import TicketFact
from cs_sync.health.wording import name_topic


class TopicSettings(PlaybookSettings):
    """Settings of the call: the number of tickets on one topic."""

    tickets: int = Field(default=3, ge=2)


def propose(view: AccountView, settings: TopicSettings) -> Iterator[Proposal]:
    """Propose one call per topic and month of its newest ticket.

    Further tickets of the month update it. Tickets of a later month update a call that is still
    open.
    """
    oldest = view.now - timedelta(days=30)
    by_topic: dict[str, list[TicketFact]] = defaultdict(list)
    for ticket in sorted(view.tickets, key=lambda t: (t.opened_at, t.source_id)):
        if ticket.topic and ticket.opened_at >= oldest:
            by_topic[ticket.topic].append(ticket)
    for topic, tickets in sorted(by_topic.items()):
        if len(tickets) >= settings.tickets:
            yield _build_proposal(view, topic, tickets, tickets[settings.tickets - 1])


def _build_proposal(
    view: AccountView, topic: str, tickets: list[TicketFact], decisive: TicketFact
) -> Proposal:
    name, count = name_topic(topic, view.words), len(tickets)
    evidence = tuple(build_ticket_evidence(ticket, view) for ticket in tickets)
    month = f"{topic} in {tickets[-1].opened_at.astimezone(ZoneInfo(view.zone)):%Y-%m}"
    going_on = (o for o in view.occasions.get("topic_call", ()) if o.rpartition(" in ")[0] == topic)
    why = view.words("topic_call.why", count, topic=name)
    return Proposal(
        occasion=next(going_on, month),
        since=decisive.opened_at,
        title=build_title(view, "topic_call.title", count, topic=name),
        body=f"{why}\n{format_list(*(fact['text'] for fact in evidence))}",
        advice=list_advice(view, "topic_call.say", topic=name),
        kind="call",
        evidence=evidence,
        stake=view.monthly,
        contact=tickets[-1].person,
    )


TOPIC_CALL = Playbook(
    name="topic_call",
    title="Call about a topic",
    description="Three tickets of one topic within 30 days become a call about that topic.",
    propose=propose,
    defaults=TopicSettings(due_in=timedelta(days=2), cool_down=timedelta(days=30)),
)
