"""Signals from surveys: what the people of an account answered last."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Float, FromClause, Select, and_, case, cast, func, select

from cs_sync.health.relations import owned
from cs_sync.health.scope import SignalScope
from cs_sync_schemas import SurveyResponse, table_of

ANSWER = table_of(SurveyResponse)


def latest_answers(scope: SignalScope, kind: str, days: int) -> CTE:
    """The last scored answer of each person within the last so many days.

    `previous` is the score of the answer before it in the same time.
    """
    window = and_(ANSWER.c.answered_at >= scope.since(days), ANSWER.c.answered_at < scope.until)
    answers = owned(
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
    """Mean of the latest NPS answers (0 to 10) of its people in the last 180 days."""
    latest = latest_answers(scope, "nps", 180)
    return _mean(latest, cast(latest.c.score, Float))


def csat_90(scope: SignalScope) -> Select[Any]:
    """Share of its people whose latest rating in 90 days is in the upper quarter of its scale.

    On the usual scale of 1 to 5 these are 4 and 5, as survey vendors count satisfied people.
    """
    latest = latest_answers(scope, "csat", 90)
    return _mean(latest, case((is_satisfied(latest), 1.0), else_=0.0))


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
    rated = owned(
        scope,
        ANSWER,
        *(ANSWER.c[name] for name in names),
        satisfied,
        where=and_(ANSWER.c.kind == "csat", ANSWER.c.score.is_not(None), window),
    )
    return select(rated).order_by(rated.c.answered_at, rated.c.source, rated.c.source_id)


def _mean(latest: CTE, value: Any) -> Select[Any]:
    return select(
        latest.c.account_id,
        func.avg(value).label("value"),
        func.max(latest.c.answered_at).label("observed_at"),
        func.count().label("n"),
    ).group_by(latest.c.account_id)
