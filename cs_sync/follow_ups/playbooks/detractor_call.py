"""Somebody answered 0 to 6 to the NPS question: call within a day."""

from collections.abc import Iterator

from cs_sync.follow_ups.evidence import answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import AnswerSettings, nps_answers, person_at
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import instant_text, paragraphs, standing
from cs_sync.health.facts import AnswerFact
from cs_sync.health.wording import number_text, plain, quoted

DETRACTOR = 6
"""The highest answer of a detractor, by the definition of NPS."""


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """One call per answer; the answer's own id is the occasion, its own time starts the clock."""
    for answer in nps_answers(view, settings, 0, DETRACTOR):
        yield _call(view, answer)


def _call(view: AccountView, answer: AnswerFact) -> Proposal:
    person, score = plain(answer.person_name, 60), number_text(answer.score)
    account, said = plain(view.label, 80), quoted(answer.comment, 1000)
    who = f"{person} of {account}" if person else f"Somebody at {account}"
    told = f"{who} answered {score} of 10 on {instant_text(answer.answered_at, view)}"
    return Proposal(
        occasion=f"{answer.source}:{answer.source_id}",
        since=answer.answered_at,
        title=f"Call {person_at(answer, view)}: NPS {score}",
        body=paragraphs(
            f"{told}: {said}" if said else f"{told}, without a comment.",
            "Call, find out what went wrong and agree on what happens next.",
            standing(view),
        ),
        kind="call",
        evidence=(answer_evidence(answer, view),),
    )


DETRACTOR_CALL = Playbook(
    name="detractor_call",
    title="Call a detractor",
    description="An NPS answer of 0 to 6 becomes an urgent call, due a day after the answer.",
    propose=propose,
    defaults=AnswerSettings(priority="high"),
)
