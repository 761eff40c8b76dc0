"""Falling NPS answer above the detractor range: act before it falls further."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.evidence import build_answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import (
    AnswerSettings,
    name_respondent,
    select_nps_answers,
)
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_instant, list_advice
from cs_sync.health.wording import append_quote


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
        who, when = name_respondent(answer, view), format_instant(answer.answered_at, view)
        why = say("satisfaction_drop.why", person=who, when=when, before=before, now=now)
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=build_title(view, "satisfaction_drop.title", before=before, now=now),
            body=append_quote(why, answer.comment, say, 1000),
            advice=list_advice(view, "satisfaction_drop.say"),
            kind="call",
            evidence=(build_answer_evidence(answer, view),),
            stake=view.monthly,
            contact=answer.person,
        )


SATISFACTION_DROP = Playbook(
    name="satisfaction_drop",
    title="Ask what changed",
    description="An NPS answer that fell, though not to 6 or less, is asked about.",
    propose=propose,
    defaults=DropSettings(due_in=timedelta(days=3)),
)
