"""Somebody answered 0 to 6 to the NPS question: call within a day."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import instant_text, paragraphs, standing
from cs_sync.health.evidence import AnswerFact
from cs_sync.health.wording import number_text, plain, quoted

DETRACTOR = 6
"""The highest answer of a detractor, by the definition of NPS."""


class DetractorSettings(PlaybookSettings):
    """Also how old an answer may be, so that a first sync does not ask for years of calls."""

    max_age_days: int = Field(default=30, ge=1)


def propose(view: AccountView, settings: DetractorSettings) -> Iterator[Proposal]:
    """One call per answer; the answer's own id is the occasion, its own time starts the clock."""
    oldest = view.now - timedelta(days=settings.max_age_days)
    for answer in view.answers:
        if answer.kind == "nps" and answer.score <= DETRACTOR and answer.answered_at >= oldest:
            yield _call(view, answer)


def _call(view: AccountView, answer: AnswerFact) -> Proposal:
    person, score = plain(answer.person_name, 60), number_text(answer.score)
    account, said = plain(view.label, 80), quoted(answer.comment, 1000)
    who = f"{person} of {account}" if person else f"Somebody at {account}"
    told = f"{who} answered {score} of 10 on {instant_text(answer.answered_at, view)}"
    return Proposal(
        occasion=f"{answer.source}:{answer.source_id}",
        since=answer.answered_at,
        title=f"Call {f'{person} at {account}' if person else account}: NPS {score}",
        body=paragraphs(
            f"{told}: {said}" if said else f"{told}, without a comment.",
            "Call, find out what went wrong and agree on what happens next.",
            standing(view),
        ),
        kind="call",
        evidence=(
            {
                "kind": "survey_response",
                "source": answer.source,
                "source_id": answer.source_id,
                "at": answer.answered_at.isoformat(),
                "score": answer.score,
            },
        ),
    )


DETRACTOR_CALL = Playbook(
    name="detractor_call",
    title="Call a detractor",
    description="An NPS answer of 0 to 6 becomes an urgent call, due a day after the answer.",
    propose=propose,
    defaults=DetractorSettings(priority="high"),
)
