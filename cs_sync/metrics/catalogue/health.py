"""How healthy customers are, by the scores on record."""

from typing import Any

from sqlalchemy import ColumnElement, Double, Select, and_, case, cast, func, select

from cs_sync.metrics.membership import with_segments
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.portable import instant
from cs_sync.metrics.relations import ACCOUNT, counted, marks_of, period_rows, quotient
from cs_sync_schemas import HealthScore, table_of

SCORE = table_of(HealthScore)


def _mean(scope: Scope) -> Select[Any]:
    """The last score of each account in the period."""
    periods = period_rows(scope, since=lambda period: period.start, until=lambda period: period.end)
    inside = and_(SCORE.c.as_of >= periods.c.since, SCORE.c.as_of < periods.c.until)
    known: list[ColumnElement[bool]] = [counted()]
    if scope.known_at is not None:
        known.append(SCORE.c.computed_at <= instant(scope.known_at))
    joined, segments = with_segments(
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
        .where(*known)
        .cte("scores_of_period")
    )
    last = (
        select(ranked.c.period, *marks_of(scope, ranked), ranked.c.score)
        .where(ranked.c.place == 1)
        .cte("last_scores")
    )
    one = case((last.c.score.is_not(None), 1), else_=0)
    return quotient(scope, last, last.c.score, one)


HEALTH: tuple[Metric, ...] = (
    Metric(
        "health_score", "Customer health score", "score",
        "mean over accounts of the last health score that was computed for them in the period",
        ("Weighted health score of 4 to 6 inputs",), _mean,
        ("usage_day", "ticket", "survey_response", "subscription", "invoice"),
        stage=("retention",), strategy=("stability",), family="engagement",
        divides=True, spread="ratio",
        edge_cases="Of the days on which scores were computed (`cs-sync run`); undefined before "
        "the first. Accounts whose score was insufficient are left out. Each account's own, with "
        "its reasons: `cs-sync score`.",
    ),
)  # fmt: skip
