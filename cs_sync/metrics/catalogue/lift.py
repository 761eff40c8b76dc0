"""Lift: a segment's share against the overall share."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Double, Select, case, cast, func, select

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.relations import get_segment_columns, select_totals


def select_lift(scope: Scope, relation: CTE, everyone: CTE | None = None) -> Select[Any]:
    """Select each segment's share of hits over the share in all.

    The variance of its logarithm is that of two shares (Katz and others, 1978) less twice
    their covariance, as a segment is a part of the whole; a segment equal to the whole has
    none.

    Args:
        scope: The scope.
        relation: Rows with `hit`, 1 or 0.
        everyone: The rows of the overall share, where a member may be in several segments
            or in none; by default the relation.
    """
    own = [column for column in relation.c if column.name.startswith("dimension_")]
    groups = [relation.c.period, *get_segment_columns(scope, relation), *own]
    of_all = relation if everyone is None else everyone
    whole = (
        select(
            of_all.c.period,
            _to_double(func.sum(of_all.c.hit), "all_hits"),
            _to_double(func.count(), "all_size"),
        )
        .group_by(of_all.c.period)
        .cte("whole")
    )
    shares = (
        select(
            *groups,
            _to_double(func.sum(relation.c.hit), "hits"),
            _to_double(func.count(), "size"),
            whole.c.all_hits,
            whole.c.all_size,
        )
        .select_from(relation.join(whole, whole.c.period == relation.c.period))
        .group_by(*groups, whole.c.all_hits, whole.c.all_size)
        .cte("shares")
    )
    return select_totals(
        scope,
        shares,
        numerator=func.max(shares.c.hits / shares.c.size),
        denominator=func.max(shares.c.all_hits / shares.c.all_size),
        n=func.max(shares.c.size),
        variance=func.max(_build_log_variance(shares)),
    )


def _build_log_variance(shares: CTE) -> ColumnElement[Any]:
    hits, all_hits = shares.c.hits, shares.c.all_hits
    apart = (1 / hits - 1 / shares.c.size) + (1 / all_hits - 1 / shares.c.all_size)
    together = (1 - hits / shares.c.size) / all_hits
    return case((hits > 0, apart - 2 * together))


def _to_double(number: ColumnElement[Any], name: str) -> ColumnElement[float]:
    return cast(number, Double).label(name)
