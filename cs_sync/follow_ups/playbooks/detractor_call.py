"""Somebody answered 0 to 6 to the NPS question: call within a day."""

from collections.abc import Iterator

from cs_sync.follow_ups.evidence import answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import AnswerSettings, nps_answers, person_at
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import instant_text, paragraphs, standing
from cs_sync.health.facts import AnswerFact
from cs_sync.health.wording import plain, with_quote

DETRACTOR = 6
"""The highest answer of a detractor, by the definition of NPS."""


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """One call per answer; the answer's own id is the occasion, its own time starts the clock."""
    for answer in nps_answers(view, settings, 0, DETRACTOR):
        yield _call(view, answer)


def _call(view: AccountView, answer: AnswerFact) -> Proposal:
    say, person, account = view.words, plain(answer.person_name, 60), plain(view.label, 80)
    score, when = say.number(answer.score), instant_text(answer.answered_at, view)
    named = say("detractor_call.person", person=person, account=account)
    who = named if person else say("detractor_call.somebody", account=account)
    how = "told" if plain(answer.comment) else "silent"
    told = say(f"detractor_call.{how}", who=who, score=score, when=when)
    return Proposal(
        occasion=f"{answer.source}:{answer.source_id}",
        of_record=True,
        since=answer.answered_at,
        title=say("detractor_call.title", who=person_at(answer, view), score=score),
        body=paragraphs(
            with_quote(told, answer.comment, say, 1000),
            say("detractor_call.do"),
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
