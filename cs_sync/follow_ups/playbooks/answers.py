"""Survey answers shared by several playbooks: selection and names."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.health.facts import AnswerFact
from cs_sync.health.wording import to_plain_line


class AnswerSettings(PlaybookSettings):
    """Settings of survey playbooks: the maximum age of an answer.

    It keeps a first sync from creating years of follow-ups.
    """

    max_age_days: int = Field(default=30, ge=1)


def select_nps_answers(
    view: AccountView, settings: AnswerSettings, lowest: float, highest: float
) -> Iterator[AnswerFact]:
    """Yield the recent NPS answers within a range of scores.

    Args:
        view: The account.
        settings: The maximum age of an answer.
        lowest: The lowest score, included.
        highest: The highest score, included.
    """
    oldest = view.now - timedelta(days=settings.max_age_days)
    for answer in view.answers:
        recent = answer.kind == "nps" and answer.answered_at >= oldest
        if recent and lowest <= answer.score <= highest:
            yield answer


def format_respondent(answer: AnswerFact, view: AccountView) -> str:
    """Format the respondent: `Ana Lopez at Acme`, or the account alone."""
    person, account = to_plain_line(answer.person_name, 60), to_plain_line(view.label, 80)
    signature = view.words("follow_up.person_at", person=person, account=account)
    return signature if person else account
