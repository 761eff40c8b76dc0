"""Facts as evidence of a follow-up: flat JSON objects, each with an id and words of its own."""

from typing import Any

from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import instant_text
from cs_sync.health.facts import AnswerFact, RatingFact, TicketFact
from cs_sync.health.wording import plain, with_quote

Evidence = dict[str, Any]


def answer_evidence(answer: AnswerFact | RatingFact, view: AccountView) -> Evidence:
    """An answer to a survey."""
    say = view.words
    told = say(
        "follow_up.answer",
        kind=answer.kind.upper(),
        score=say.number(answer.score),
        who=plain(answer.person_name, 60) or say("follow_up.somebody"),
        when=instant_text(answer.answered_at, view),
    )
    return {
        "kind": "survey_response",
        "id": f"answer {answer.source}:{answer.source_id}",
        "text": with_quote(told, answer.comment, say),
        "source": answer.source,
        "source_id": answer.source_id,
        "at": answer.answered_at.isoformat(),
        "score": answer.score,
    }


def ticket_evidence(ticket: TicketFact, view: AccountView) -> Evidence:
    """A ticket."""
    name, opened = plain(ticket.source_id, 40), instant_text(ticket.opened_at, view)
    told = view.words("follow_up.ticket", id=name, when=opened)
    return {
        "kind": "ticket",
        "id": f"ticket {ticket.source}:{ticket.source_id}",
        "text": with_quote(told, ticket.subject, view.words),
        "source": ticket.source,
        "source_id": ticket.source_id,
        "at": ticket.opened_at.isoformat(),
        "url": ticket.url,
    }


def score_evidence(view: AccountView) -> Evidence:
    """The score of the day; without an id, as a new one every day is no news."""
    score = None if view.score is None else f"{view.score:.1f}".removesuffix(".0")
    return {"kind": "health_score", "as_of": view.today.isoformat(), "score": score}
