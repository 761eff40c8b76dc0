"""Somebody's NPS answer fell although they are no detractor yet: act before they become one."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.evidence import answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import AnswerSettings, nps_answers, person_at
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import paragraphs, standing
from cs_sync.health.wording import quoted


class DropSettings(AnswerSettings):
    """Also by how many points an answer must have fallen."""

    points: float = Field(default=2, gt=0)


def propose(view: AccountView, settings: DropSettings) -> Iterator[Proposal]:
    """One follow-up per answer that is lower than the same person's answer before it."""
    say = view.words
    for answer in nps_answers(view, settings, 6.01, 10):
        if answer.previous is None or answer.previous - answer.score < settings.points:
            continue
        before, now = say.number(answer.previous), say.number(answer.score)
        told = say("satisfaction_drop.told", before=before, now=now)
        who = person_at(answer, view)
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=say("satisfaction_drop.title", who=who, before=before, now=now),
            body=paragraphs(
                f"{told} {quoted(answer.comment, say, 1000)}".strip(),
                say("satisfaction_drop.do"),
                standing(view),
            ),
            kind="call",
            evidence=(answer_evidence(answer, view),),
        )


SATISFACTION_DROP = Playbook(
    name="satisfaction_drop",
    title="Ask what changed",
    description="An NPS answer that fell, though not to 6 or less, is asked about.",
    propose=propose,
    defaults=DropSettings(due_in=timedelta(days=3)),
)
