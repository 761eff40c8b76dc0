"""NPS answer of 0 to 6: call within a day."""

from collections.abc import Iterator

from cs_sync.follow_ups.conditions import DETRACTOR
from cs_sync.follow_ups.evidence import build_answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import (
    AnswerSettings,
    build_answer_title,
    describe_answer,
    select_nps_answers,
)
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import list_advice


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """Propose one call per answer.

    The answer's id is the occasion, its time starts the clock.
    """
    for answer in select_nps_answers(view, settings, 0, DETRACTOR):
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=build_answer_title(answer, view, "detractor_call"),
            body=describe_answer(answer, view),
            advice=list_advice(view, "detractor_call.say"),
            kind="call",
            evidence=(build_answer_evidence(answer, view),),
            stake=view.monthly,
            contact=answer.person,
        )


DETRACTOR_CALL = Playbook(
    name="detractor_call",
    title="Call a detractor",
    description="An NPS answer of 0 to 6 becomes an urgent call, due a day after the answer.",
    propose=propose,
    defaults=AnswerSettings(priority="high"),
)
