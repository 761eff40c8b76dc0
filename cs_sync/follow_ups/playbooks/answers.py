"""What the playbooks about survey answers share: which answers count, and who gave them."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.health.facts import AnswerFact
from cs_sync.health.wording import plain


class AnswerSettings(PlaybookSettings):
    """Also how old an answer may be, so that a first sync does not ask for years of follow-ups."""

    max_age_days: int = Field(default=30, ge=1)


def nps_answers(
    view: AccountView, settings: AnswerSettings, lowest: float, highest: float
) -> Iterator[AnswerFact]:
    """The recent answers to the NPS question within these scores, both included."""
    oldest = view.now - timedelta(days=settings.max_age_days)
    for answer in view.answers:
        recent = answer.kind == "nps" and answer.answered_at >= oldest
        if recent and lowest <= answer.score <= highest:
            yield answer


def person_at(answer: AnswerFact, view: AccountView) -> str:
    """`Ana Lopez at Acme`, or the account alone."""
    person, account = plain(answer.person_name, 60), plain(view.label, 80)
    said = view.words("follow_up.person_at", person=person, account=account)
    return said if person else account
