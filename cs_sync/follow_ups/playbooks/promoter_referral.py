"""NPS answer of 9 or 10: ask for a referral or a case study."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.conditions import NO_FAVOURS
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
    """Propose one request per answer."""
    for answer in select_nps_answers(view, settings, 9, 10):
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=build_answer_title(answer, view, "promoter_referral"),
            body=describe_answer(answer, view),
            advice=list_advice(view, "promoter_referral.say"),
            kind="email",
            evidence=(build_answer_evidence(answer, view),),
            contact=answer.person,
        )


PROMOTER_REFERRAL = Playbook(
    name="promoter_referral",
    title="Ask a promoter",
    description="An NPS answer of 9 or 10 becomes the request for a referral or a case study.",
    propose=propose,
    defaults=AnswerSettings(
        priority="low", due_in=timedelta(days=7), cool_down=timedelta(days=180)
    ),
    unless=NO_FAVOURS,
)
