"""NPS answer of 7 or 8: offer help with an unused feature."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.adoption import find_unused_features
from cs_sync.follow_ups.conditions import has_unpaid_invoice, is_ending
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
from cs_sync.health.wording import to_plain_line


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """Propose one offer per answer.

    It names a popular feature that the account does not use.
    """
    answers = list(select_nps_answers(view, settings, 7, 8))
    if not answers:
        return
    gap = next(iter(find_unused_features(view, popular_from=0.5)), None)
    advice = list_advice(view, "passive_value.say")
    if gap:
        feature = to_plain_line(gap, 60)
        advice = list_advice(view, "passive_value.say_feature", feature=feature)
    for answer in answers:
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=build_answer_title(answer, view, "passive_value"),
            body=describe_answer(answer, view),
            advice=advice,
            kind="email",
            evidence=(build_answer_evidence(answer, view),),
            contact=answer.person,
        )


PASSIVE_VALUE = Playbook(
    name="passive_value",
    title="Passive follow-up",
    description="An NPS answer of 7 or 8 becomes the offer of a tutorial that fits.",
    propose=propose,
    defaults=AnswerSettings(priority="low", due_in=timedelta(days=5), cool_down=timedelta(days=30)),
    unless=(is_ending, has_unpaid_invoice),
)
