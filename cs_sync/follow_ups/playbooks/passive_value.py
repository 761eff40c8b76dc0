"""NPS answer of 7 or 8: offer help with an unused feature."""

from collections.abc import Iterator
from datetime import timedelta

from cs_sync.follow_ups.adoption import find_unused_features
from cs_sync.follow_ups.evidence import build_answer_evidence
from cs_sync.follow_ups.playbook import Playbook, Proposal
from cs_sync.follow_ups.playbooks.answers import (
    AnswerSettings,
    format_respondent,
    select_nps_answers,
)
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import describe_account, join_paragraphs
from cs_sync.health.wording import quote_text, to_plain_line


def propose(view: AccountView, settings: AnswerSettings) -> Iterator[Proposal]:
    """Propose one offer per answer; it names a popular feature the account does not use."""
    gap = next(iter(find_unused_features(view, popular_from=0.5)), None)
    say = view.words
    offer = say("passive_value.do")
    if gap:
        offer = say("passive_value.do_feature", feature=to_plain_line(gap, 60))
    for answer in select_nps_answers(view, settings, 7, 8):
        yield Proposal(
            occasion=f"{answer.source}:{answer.source_id}",
            of_record=True,
            since=answer.answered_at,
            title=say(
                "passive_value.title",
                who=format_respondent(answer, view),
                score=say.number(answer.score),
            ),
            body=join_paragraphs(
                f"{say('passive_value.told')} {quote_text(answer.comment, say, 1000)}".strip(),
                offer,
                describe_account(view),
            ),
            kind="email",
            evidence=(build_answer_evidence(answer, view),),
        )


PASSIVE_VALUE = Playbook(
    name="passive_value",
    title="Show a passive more value",
    description="An NPS answer of 7 or 8 becomes the offer of a tutorial that fits.",
    propose=propose,
    defaults=AnswerSettings(priority="low", due_in=timedelta(days=5), cool_down=timedelta(days=30)),
)
