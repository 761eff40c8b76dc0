"""Falling NPS answer above the detractor range: act before it falls further."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

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


class DropSettings(AnswerSettings):
    """Settings of the playbook: the drop of an answer in points."""

    points: float = Field(default=2, gt=0)


def propose(view: AccountView, settings: DropSettings) -> Iterator[Proposal]:
    """Propose one follow-up per answer below the same person's previous answer."""
    say = view.words
    for answer in select_nps_answers(view, settings, 6.01, 10):
        if answer.previous is None or answer.previous - answer.score < settings.points:
            continue
        before, now = say.number(answer.previous), say.number(answer.score)
        summary = say("satisfaction_drop.told", before=before, now=now)
        who = format_respondent(answer, view)
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=say("satisfaction_drop.title", who=who, before=before, now=now),
            body=join_paragraphs(
                f"{summary} {quote_text(answer.comment, say, 1000)}".strip(),
                say("satisfaction_drop.do"),
                describe_account(view),
            ),
            kind="call",
            evidence=(build_answer_evidence(answer, view),),
        )


SATISFACTION_DROP = Playbook(
    name="satisfaction_drop",
    title="Ask what changed",
    description="An NPS answer that fell, though not to 6 or less, is asked about.",
    propose=propose,
    defaults=DropSettings(due_in=timedelta(days=3)),
)
