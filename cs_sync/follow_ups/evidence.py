"""Facts as evidence of a follow-up: flat JSON objects, each with an id and words of its own."""

from typing import Any

from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import instant_text
from cs_sync.health.facts import AnswerFact, TicketFact
from cs_sync.health.wording import number_text, plain, quoted

Evidence = dict[str, Any]


def answer_evidence(answer: AnswerFact, view: AccountView) -> Evidence:
    """An answer to a survey."""
    who = plain(answer.person_name, 60) or "somebody"
    told = f"{answer.kind.upper()} {number_text(answer.score)} from {who}"
    said = quoted(answer.comment)
    return {
        "kind": "survey_response",
        "id": f"answer {answer.source}:{answer.source_id}",
        "text": f"{told} on {instant_text(answer.answered_at, view)}"
        + (f": {said}" if said else ""),
        "source": answer.source,
        "source_id": answer.source_id,
        "at": answer.answered_at.isoformat(),
        "score": answer.score,
    }


def ticket_evidence(ticket: TicketFact, view: AccountView) -> Evidence:
    """A ticket."""
    subject = quoted(ticket.subject)
    told = f"#{plain(ticket.source_id, 40)} of {instant_text(ticket.opened_at, view)}"
    return {
        "kind": "ticket",
        "id": f"ticket {ticket.source}:{ticket.source_id}",
        "text": f"{told}: {subject}" if subject else told,
        "source": ticket.source,
        "source_id": ticket.source_id,
        "at": ticket.opened_at.isoformat(),
        "url": ticket.url,
    }


def score_evidence(view: AccountView) -> Evidence:
    """The score of the day; without an id, as a new one every day is no news."""
    score = None if view.score is None else number_text(view.score)
    return {"kind": "health_score", "as_of": view.today.isoformat(), "score": score}
