"""NPS answer of 0 to 6: call within a day."""

from collections.abc import Iterator

from cs_sync.follow_ups.evidence import build_answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import (
    AnswerSettings,
    format_respondent,
    select_nps_answers,
)
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import describe_account, format_instant, join_paragraphs
from cs_sync.health.facts import AnswerFact
from cs_sync.health.wording import append_quote, to_plain_line

DETRACTOR = 6
"""The highest answer of a detractor, by the definition of NPS."""


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """Propose one call per answer; the answer's id is the occasion, its time starts the clock."""
    for answer in select_nps_answers(view, settings, 0, DETRACTOR):
        yield _build_proposal(view, answer)


def _build_proposal(view: AccountView, answer: AnswerFact) -> Proposal:
    say, person, account = (
        view.words,
        to_plain_line(answer.person_name, 60),
        to_plain_line(view.label, 80),
    )
    score, when = say.number(answer.score), format_instant(answer.answered_at, view)
    named = say("detractor_call.person", person=person, account=account)
    who = named if person else say("detractor_call.somebody", account=account)
    how = "told" if to_plain_line(answer.comment) else "silent"
    summary = say(f"detractor_call.{how}", who=who, score=score, when=when)
    return Proposal(
        occasion=f"{answer.source}:{answer.source_id}",
        of_record=True,
        since=answer.answered_at,
        title=say("detractor_call.title", who=format_respondent(answer, view), score=score),
        body=join_paragraphs(
            append_quote(summary, answer.comment, say, 1000),
            say("detractor_call.do"),
            describe_account(view),
        ),
        kind="call",
        evidence=(build_answer_evidence(answer, view),),
    )


DETRACTOR_CALL = Playbook(
    name="detractor_call",
    title="Call a detractor",
    description="An NPS answer of 0 to 6 becomes an urgent call, due a day after the answer.",
    propose=propose,
    defaults=AnswerSettings(priority="high"),
)
