"""Survey answers shared by several playbooks: selection and sentences."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from cs_sync.follow_ups.settings import PlaybookSettings
from cs_sync.follow_ups.view import AccountView
from cs_sync.follow_ups.wording import build_title, format_instant
from cs_sync.health.facts import AnswerFact
from cs_sync.health.wording import append_quote, to_plain_line


class AnswerSettings(PlaybookSettings):
    """Settings of survey playbooks: the maximum age of an answer."""

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
    answers = [answer for answer in view.answers if answer.kind == "nps"]
    if not answers:
        return
    oldest = view.now - timedelta(days=settings.max_age_days)
    for answer in answers:
        if answer.answered_at >= oldest and lowest <= answer.score <= highest:
            yield answer


def name_respondent(answer: AnswerFact, view: AccountView) -> str:
    """Return the respondent's name; "somebody" for an unknown one."""
    return to_plain_line(answer.person_name, 60) or view.words("follow_up.somebody")


def build_answer_title(answer: AnswerFact, view: AccountView, playbook: str) -> str:
    """Build a title with the score and, where known, the respondent."""
    score, person = view.words.number(answer.score), to_plain_line(answer.person_name, 24)
    if not person:
        return build_title(view, f"{playbook}.title", score=score)
    return build_title(view, f"{playbook}.title_from", score=score, person=person)


def describe_answer(answer: AnswerFact, view: AccountView) -> str:
    """Describe an answer in a sentence, with its comment in quotation marks."""
    score, when = view.words.number(answer.score), format_instant(answer.answered_at, view)
    comment = "answered" if to_plain_line(answer.comment) else "answered_silently"
    who = name_respondent(answer, view)
    sentence = view.words(f"follow_up.{comment}", person=who, score=score, when=when)
    return append_quote(sentence, answer.comment, view.words, 1000)
