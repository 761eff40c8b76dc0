"""Survey answers: their order, place on the scale, and satisfaction; one definition for all."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, FromClause, case

from cs_sync_schemas.tables import SURVEY_RESPONSE

ANSWER = SURVEY_RESPONSE


def is_scored_answer(kind: str) -> ColumnElement[bool]:
    """Return the condition for answers of a kind with a score."""
    return (ANSWER.c.kind == kind) & ANSWER.c.score.is_not(None)


def order_latest_first(answers: FromClause) -> list[ColumnElement[Any]]:
    """Return the order that puts a respondent's latest answer first."""
    return [answers.c.answered_at.desc(), answers.c.source, answers.c.source_id.desc()]


class Dated(Protocol):
    """An answer outside the database."""

    @property
    def source(self) -> str:
        """The source that stores it."""

    @property
    def source_id(self) -> str:
        """Its id there."""

    @property
    def answered_at(self) -> datetime:
        """When it was given."""


A = TypeVar("A", bound=Dated)


def sort_oldest_first(answers: Iterable[A]) -> list[A]:
    """Sort answers as `order_latest_first` does, the other way round."""
    by_source = sorted(answers, key=lambda answer: answer.source_id)
    by_source.sort(key=lambda answer: answer.source, reverse=True)
    return sorted(by_source, key=lambda answer: answer.answered_at)


def get_distance(answers: FromClause) -> ColumnElement[Any]:
    """Build a score's distance from the worst end of its scale."""
    score, low, high = answers.c.score, answers.c.scale_min, answers.c.scale_max
    return case((answers.c.higher_is_better.is_(False), high - score), else_=score - low)


def get_length(answers: FromClause) -> ColumnElement[Any]:
    """Return the length of an answer's scale."""
    return answers.c.scale_max - answers.c.scale_min


def is_upper_quarter(
    distance: ColumnElement[Any], length: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Build the condition for answers in their scale's upper quarter.

    These are satisfied.
    """
    return distance * 4 >= length * 3
