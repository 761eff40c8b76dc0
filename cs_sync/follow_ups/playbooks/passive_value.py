"""Somebody answered 7 or 8 to the NPS question: show them the value they have not found yet."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.evidence import answer_evidence
from cs_sync.follow_ups.gaps import unused_features
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import AnswerSettings, nps_answers, person_at
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import paragraphs, standing
from cs_sync.health.wording import plain, quoted


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """One offer per answer; it names a feature that others like and this account does not use."""
    gap = next(iter(unused_features(view, popular_from=0.5)), None)
    say = view.words
    offer = say("passive_value.do")
    if gap:
        offer = say("passive_value.do_feature", feature=plain(gap, 60))
    for answer in nps_answers(view, settings, 7, 8):
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=say(
                "passive_value.title",
                who=person_at(answer, view),
                score=say.number(answer.score),
            ),
            body=paragraphs(
                f"{say('passive_value.told')} {quoted(answer.comment, say, 1000)}".strip(),
                offer,
                standing(view),
            ),
            kind="email",
            evidence=(answer_evidence(answer, view),),
        )


PASSIVE_VALUE = Playbook(
    name="passive_value",
    title="Show a passive more value",
    description="An NPS answer of 7 or 8 becomes the offer of a tutorial that fits.",
    propose=propose,
    defaults=AnswerSettings(priority="low", due_in=timedelta(days=5), cool_down=timedelta(days=30)),
)
