"""Survey answers: their order, place on the scale, and satisfaction; one definition for all."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, case

from cs_sync_schemas import SurveyResponse, get_table

ANSWER = get_table(SurveyResponse)


def is_scored_answer(kind: str) -> ColumnElement[bool]:
    """Return the condition for answers of a kind with a score; blank ones do not count."""
    return (ANSWER.c.kind == kind) & ANSWER.c.score.is_not(None)


def order_latest_first(answers: FromClause) -> list[ColumnElement[Any]]:
    """Return the order that puts a respondent's latest answer first."""
    return [answers.c.answered_at.desc(), answers.c.source, answers.c.source_id.desc()]


def get_distance(answers: FromClause) -> ColumnElement[Any]:
    """Return the distance of a score from the worst end of its scale."""
    score, low, high = answers.c.score, answers.c.scale_min, answers.c.scale_max
    return case((answers.c.higher_is_better.is_(False), high - score), else_=score - low)


def get_length(answers: FromClause) -> ColumnElement[Any]:
    """Return the length of an answer's scale."""
    return answers.c.scale_max - answers.c.scale_min


def is_upper_quarter(
    distance: ColumnElement[Any], length: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Return the condition for satisfied answers: those in the upper quarter of the scale."""
    return distance * 4 >= length * 3
