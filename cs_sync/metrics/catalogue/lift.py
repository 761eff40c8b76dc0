"""Lift: how a segment's share compares with that of the whole."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Double, Select, cast, func, select

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.relations import marks_of, totals


def against_the_whole(scope: Scope, relation: CTE, hit: ColumnElement[int]) -> Select[Any]:
    """The share of rows that `hit` (1 or 0) in each segment over the share in all of them."""
    groups = [relation.c.period, *marks_of(scope, relation)]
    whole = (
        select(relation.c.period, _mean(func.sum(hit), func.count()).label("overall"))
        .group_by(relation.c.period)
        .cte("whole")
    )
    shares = (
        select(
            *groups,
            func.count().label("size"),
            _mean(func.sum(hit), func.count()).label("share"),
            whole.c.overall,
        )
        .select_from(relation.join(whole, whole.c.period == relation.c.period))
        .group_by(*groups, whole.c.overall)
        .cte("shares")
    )
    return totals(
        scope,
        shares,
        numerator=func.max(shares.c.share),
        denominator=func.max(shares.c.overall),
        n=func.max(shares.c.size),
    )


def _mean(top: ColumnElement[Any], bottom: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(top, Double) / bottom
