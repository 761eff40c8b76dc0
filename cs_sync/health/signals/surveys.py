"""Signals from surveys: the latest answers of an account's people."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Float, FromClause, Select, and_, case, cast, func, select

from cs_sync.health.relations import select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.metrics.answers import (
    ANSWER,
    get_distance,
    get_length,
    is_scored_answer,
    is_upper_quarter,
    order_latest_first,
)

MEAN_DAYS = {"nps": 180, "csat": 90}
"""Kind of survey → the days whose answers its mean counts."""


def select_latest_answers(scope: SignalScope, kind: str, days: int) -> CTE:
    """Select the latest scored answer of each person within the last days.

    `previous` is the score of the answer before it in the same period.

    Args:
        scope: The moment and the accounts.
        kind: The kind of survey, `nps` or `csat`.
        days: The length of the period in days.
    """
    window = and_(ANSWER.c.answered_at >= scope.since(days), ANSWER.c.answered_at < scope.until)
    answers = select_owned(
        scope,
        ANSWER,
        *(ANSWER.c[name] for name in _COLUMNS),
        where=and_(is_scored_answer(kind), window),
    )
    newest_first: Any = {
        "partition_by": [answers.c.account_id, answers.c.person],
        "order_by": order_latest_first(answers),
    }
    place = func.row_number().over(**newest_first)
    previous = func.lead(answers.c.score).over(**newest_first)
    ranked = select(answers, place.label("place"), previous.label("previous")).subquery("ranked")
    columns = [column for column in ranked.c if column.name != "place"]
    return select(*columns).where(ranked.c.place == 1).cte("latest")


_COLUMNS = (
    "source", "source_id", "score", "scale_min", "scale_max", "higher_is_better", "comment",
    "answered_at",
)  # fmt: skip


def list_answer_columns(kind: str) -> dict[str, ColumnElement[Any]]:
    """List what the mean needs of scored answers.

    Whose each is, when it was given, and its `value`.
    """
    names = ("source", "source_id", "account_source_id", "contact_source_id", "answered_at")
    return {**{name: ANSWER.c[name] for name in names}, "value": _get_value(kind, ANSWER)}


def _get_value(kind: str, answers: FromClause) -> ColumnElement[Any]:
    """Return what an answer counts in the mean of its kind."""
    if kind == "csat":
        return case((is_satisfied(answers), 1.0), else_=0.0)
    return cast(answers.c.score, Float)


def nps_180(scope: SignalScope) -> Select[Any]:
    """Select people's mean latest NPS answer (0 to 10) in 180 days."""
    return _select_mean(scope, "nps")


def csat_90(scope: SignalScope) -> Select[Any]:
    """Select the share of people whose latest rating is high.

    That is in the upper quarter of its scale. It covers 90 days. On the usual scale of 1 to 5 these
    are 4 and 5, as survey vendors count satisfied people.
    """
    return _select_mean(scope, "csat")


def is_satisfied(answer: FromClause) -> ColumnElement[bool]:
    """Build the condition for ratings in their scale's upper quarter."""
    return is_upper_quarter(get_distance(answer), get_length(answer))


def select_ratings(scope: SignalScope, days: int) -> Select[Any]:
    """All scored CSAT answers of the last so many days, oldest first."""
    window = and_(ANSWER.c.answered_at >= scope.since(days), ANSWER.c.answered_at < scope.until)
    satisfied = case((is_satisfied(ANSWER), True), else_=False).label("satisfied")
    names = ("source", "source_id", "survey", "score", "comment", "answered_at")
    rated = select_owned(
        scope,
        ANSWER,
        *(ANSWER.c[name] for name in names),
        satisfied,
        where=and_(is_scored_answer("csat"), window),
    )
    return select(rated).order_by(rated.c.answered_at, rated.c.source, rated.c.source_id)


def _select_mean(scope: SignalScope, kind: str) -> Select[Any]:
    latest = select_latest_answers(scope, kind, MEAN_DAYS[kind])
    return select(
        latest.c.account_id,
        func.avg(_get_value(kind, latest)).label("value"),
        func.max(latest.c.answered_at).label("observed_at"),
        func.count().label("n"),
    ).group_by(latest.c.account_id)
