"""Evidence of a follow-up: flat JSON objects, each with an id and a text."""

from typing import Any

from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import format_instant
from cs_sync.health.facts import AnswerFact, RatingFact, TicketFact
from cs_sync.health.wording import append_quote, to_plain_line

Evidence = dict[str, Any]


def build_answer_evidence(answer: AnswerFact | RatingFact, view: AccountView) -> Evidence:
    """Build the evidence of a survey answer."""
    say = view.words
    summary = say(
        "follow_up.answer",
        kind=answer.kind.upper(),
        score=say.number(answer.score),
        who=to_plain_line(answer.person_name, 60) or say("follow_up.somebody"),
        when=format_instant(answer.answered_at, view),
    )
    return {
        "kind": "survey_response",
        "id": f"answer {answer.source}:{answer.source_id}",
        "text": append_quote(summary, answer.comment, say),
        "source": answer.source,
        "source_id": answer.source_id,
        "at": answer.answered_at.isoformat(),
        "score": answer.score,
    }


def build_ticket_evidence(ticket: TicketFact, view: AccountView) -> Evidence:
    """Build the evidence of a ticket."""
    name, opened = to_plain_line(ticket.source_id, 40), format_instant(ticket.opened_at, view)
    summary = view.words("follow_up.ticket", id=name, when=opened)
    return {
        "kind": "ticket",
        "id": f"ticket {ticket.source}:{ticket.source_id}",
        "text": append_quote(summary, ticket.subject, view.words),
        "source": ticket.source,
        "source_id": ticket.source_id,
        "at": ticket.opened_at.isoformat(),
        "label": f"#{name}",
        "url": ticket.url,
    }


def build_score_evidence(view: AccountView) -> Evidence:
    """Build the evidence of the day's score, without an id."""
    score = None if view.score is None else f"{view.score:.1f}".removesuffix(".0")
    return {"kind": "health_score", "as_of": view.today.isoformat(), "score": score}
