"""Lift: how a segment's share compares with that of the whole."""

from typing import Any

from sqlalchemy import CTE, ColumnElement, Double, Select, case, cast, func, select

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.relations import marks_of, totals


def against_the_whole(scope: Scope, relation: CTE, everyone: CTE | None = None) -> Select[Any]:
    """The share of rows that `hit` (1 or 0) in each segment over the share in all of them.

    All are `everyone`, where one may be in several segments, or in none, and else the relation.

    The variance of its logarithm is that of two shares (Katz and others, 1978) less twice their
    covariance, as a segment is a part of the whole; a segment that is the whole has none.
    """
    own = [column for column in relation.c if column.name.startswith("dimension_")]
    groups = [relation.c.period, *marks_of(scope, relation), *own]
    of_all = relation if everyone is None else everyone
    whole = (
        select(
            of_all.c.period,
            _exact(func.sum(of_all.c.hit), "all_hits"),
            _exact(func.count(), "all_size"),
        )
        .group_by(of_all.c.period)
        .cte("whole")
    )
    shares = (
        select(
            *groups,
            _exact(func.sum(relation.c.hit), "hits"),
            _exact(func.count(), "size"),
            whole.c.all_hits,
            whole.c.all_size,
        )
        .select_from(relation.join(whole, whole.c.period == relation.c.period))
        .group_by(*groups, whole.c.all_hits, whole.c.all_size)
        .cte("shares")
    )
    return totals(
        scope,
        shares,
        numerator=func.max(shares.c.hits / shares.c.size),
        denominator=func.max(shares.c.all_hits / shares.c.all_size),
        n=func.max(shares.c.size),
        variance=func.max(_variance(shares)),
    )


def _variance(shares: CTE) -> ColumnElement[Any]:
    one, all_of_them = shares.c.hits, shares.c.all_hits
    apart = (1 / one - 1 / shares.c.size) + (1 / all_of_them - 1 / shares.c.all_size)
    together = (1 - one / shares.c.size) / all_of_them
    return case((one > 0, apart - 2 * together))


def _exact(number: ColumnElement[Any], name: str) -> ColumnElement[float]:
    return cast(number, Double).label(name)
