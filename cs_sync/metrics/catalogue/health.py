"""The mean of the stored health scores."""

from typing import Any

from sqlalchemy import ColumnElement, Double, Select, and_, case, cast, func, select

from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync.metrics.sql.relations import (
    get_segment_columns,
    is_counted,
    select_period_rows,
    select_quotient,
)
from cs_sync.metrics.sql.segments import join_segments
from cs_sync_schemas.tables import ACCOUNT, HEALTH_SCORE

SCORE = HEALTH_SCORE


def _select_mean_score(scope: Scope) -> Select[Any]:
    """Select the mean of each account's last score in the period."""
    periods = select_period_rows(
        scope, since=lambda period: period.start, until=lambda period: period.end
    )
    inside = and_(SCORE.c.as_of >= periods.c.since, SCORE.c.as_of < periods.c.until)
    conditions: list[ColumnElement[bool]] = [is_counted()]
    if scope.known_at is not None:
        conditions.append(SCORE.c.computed_at <= bind_instant(scope.known_at))
    joined, segments = join_segments(
        scope,
        periods.join(SCORE, inside).join(ACCOUNT, ACCOUNT.c.id == SCORE.c.account_id),
        SCORE.c.account_id,
        scope.periods[-1].ends_at,
    )
    place = func.row_number().over(
        partition_by=[periods.c.period, SCORE.c.account_id],
        order_by=[SCORE.c.as_of.desc(), SCORE.c.computed_at.desc()],
    )
    ranked = (
        select(
            periods.c.period,
            *segments,
            cast(SCORE.c.score, Double).label("score"),
            place.label("place"),
        )
        .select_from(joined)
        .where(*conditions)
        .cte("scores_of_period")
    )
    last = (
        select(ranked.c.period, *get_segment_columns(scope, ranked), ranked.c.score)
        .where(ranked.c.place == 1)
        .cte("last_scores")
    )
    weight = case((last.c.score.is_not(None), 1), else_=0)
    return select_quotient(scope, last, last.c.score, weight)


HEALTH: tuple[Metric, ...] = (
    Metric(
        "health_score", "Customer health score", "score",
        "mean over accounts of the last health score that was computed for them in the period",
        ("Weighted health score of 4 to 6 inputs",), _select_mean_score,
        ("usage_day", "ticket", "survey_response", "subscription", "invoice"),
        stage=("retention",), strategy=("stability",), family="engagement",
        divides=True, spread="ratio",
        edge_cases="Of the days on which scores were computed (`cs-sync run`); undefined before "
        "the first. Accounts whose score was insufficient are left out. Each account's own, with "
        "its reasons: `cs-sync score`.",
    ),
)  # fmt: skip
