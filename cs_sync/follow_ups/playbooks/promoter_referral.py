"""Somebody answered 9 or 10 to the NPS question: ask for a referral or a case study."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.evidence import answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import AnswerSettings, nps_answers, person_at
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import paragraphs, standing
from cs_sync.health.wording import quoted


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """One request per answer, but none of an account in the red, which has other worries."""
    say = view.words
    if view.band == "red":
        return
    for answer in nps_answers(view, settings, 9, 10):
        score = say.number(answer.score)
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=say("promoter_referral.title", who=person_at(answer, view), score=score),
            body=paragraphs(
                f"{say('promoter_referral.told')} {quoted(answer.comment, say, 1000)}".strip(),
                say("promoter_referral.do"),
                standing(view),
            ),
            kind="email",
            evidence=(answer_evidence(answer, view),),
        )


PROMOTER_REFERRAL = Playbook(
    name="promoter_referral",
    title="Ask a promoter",
    description="An NPS answer of 9 or 10 becomes the request for a referral or a case study.",
    propose=propose,
    defaults=AnswerSettings(
        priority="low", due_in=timedelta(days=7), cool_down=timedelta(days=180)
    ),
)
