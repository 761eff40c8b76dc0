"""Signals from surveys: the latest answers of an account's people."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Float, FromClause, Select, and_, case, cast, func, select

from cs_sync.health.relations import select_owned
from cs_sync.health.scope import SignalScope
from cs_sync_schemas import SurveyResponse, get_table

ANSWER = get_table(SurveyResponse)


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
        where=and_(ANSWER.c.kind == kind, ANSWER.c.score.is_not(None), window),
    )
    newest_first: Any = {
        "partition_by": [answers.c.account_id, answers.c.person],
        "order_by": [answers.c.answered_at.desc(), answers.c.source, answers.c.source_id.desc()],
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


def nps_180(scope: SignalScope) -> Select[Any]:
    """Select the mean latest NPS answer (0 to 10) of people in the last 180 days."""
    latest = select_latest_answers(scope, "nps", 180)
    return _select_mean(latest, cast(latest.c.score, Float))


def csat_90(scope: SignalScope) -> Select[Any]:
    """Select the share of people whose latest rating is in the scale's upper quarter.

    It covers 90 days. On the usual scale of 1 to 5 these are 4 and 5, as survey vendors
    count satisfied people.
    """
    latest = select_latest_answers(scope, "csat", 90)
    return _select_mean(latest, case((is_satisfied(latest), 1.0), else_=0.0))


def is_satisfied(answer: FromClause) -> ColumnElement[bool]:
    """Whether a rating is in the upper quarter of its own scale."""
    score, low, high = answer.c.score, answer.c.scale_min, answer.c.scale_max
    above = case((answer.c.higher_is_better.is_(False), high - score), else_=score - low)
    return above * 4 >= (high - low) * 3


def ratings(scope: SignalScope, days: int) -> Select[Any]:
    """All scored CSAT answers of the last so many days, oldest first."""
    window = and_(ANSWER.c.answered_at >= scope.since(days), ANSWER.c.answered_at < scope.until)
    satisfied = case((is_satisfied(ANSWER), True), else_=False).label("satisfied")
    names = ("source", "source_id", "survey", "score", "comment", "answered_at")
    rated = select_owned(
        scope,
        ANSWER,
        *(ANSWER.c[name] for name in names),
        satisfied,
        where=and_(ANSWER.c.kind == "csat", ANSWER.c.score.is_not(None), window),
    )
    return select(rated).order_by(rated.c.answered_at, rated.c.source, rated.c.source_id)


def _select_mean(latest: CTE, value: Any) -> Select[Any]:
    return select(
        latest.c.account_id,
        func.avg(value).label("value"),
        func.max(latest.c.answered_at).label("observed_at"),
        func.count().label("n"),
    ).group_by(latest.c.account_id)
