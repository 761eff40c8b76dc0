"""NPS answer of 9 or 10: ask for a referral or a case study."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.evidence import build_answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import (
    AnswerSettings,
    format_respondent,
    select_nps_answers,
)
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import describe_account, join_paragraphs
from cs_sync.health.wording import quote_text


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """Propose one request per answer; none for a red account, which has other problems."""
    say = view.words
    if view.band == "red":
        return
    for answer in select_nps_answers(view, settings, 9, 10):
        score = say.number(answer.score)
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=say("promoter_referral.title", who=format_respondent(answer, view), score=score),
            body=join_paragraphs(
                f"{say('promoter_referral.told')} {quote_text(answer.comment, say, 1000)}".strip(),
                say("promoter_referral.do"),
                describe_account(view),
            ),
            kind="email",
            evidence=(build_answer_evidence(answer, view),),
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
