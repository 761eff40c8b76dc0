"""Feature adoption: breadth and depth of use."""

from typing import Any

from sqlalchemy import FromClause, Select, and_, func, select

from cs_sync.metrics.days_of_use import is_feature_used
from cs_sync.metrics.metric import Metric, Scope
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync.metrics.sql.relations import get_segment_columns, select_period_rows, select_quotient
from cs_sync.metrics.sql.shared_parts import share_part
from cs_sync_schemas.tables import FEATURE_DAY

FEATURE = FEATURE_DAY


def _select_feature_use(scope: Scope) -> FromClause:
    """Select features used, events and features available, per period and account.

    Available are those used by any account before the period's end.
    """
    return share_part(scope, "features_used", lambda: _select_used_features(scope))


def _select_used_features(scope: Scope) -> Select[Any]:
    """Select the rows of `_select_feature_use`."""
    periods = select_period_rows(
        scope, since=lambda period: period.start, until=lambda period: period.end
    )
    fields = [FEATURE.c[name] for name in ("feature", "day", "events", "users")]
    use = select_attributed(scope, FEATURE, *fields, where=is_feature_used())
    inside = and_(use.c.day >= periods.c.since, use.c.day < periods.c.until)
    groups = [periods.c.period, *get_segment_columns(scope, use), use.c.account_id]
    accounts = (
        select(
            *groups,
            func.count(use.c.feature.distinct()).label("features"),
            func.sum(use.c.events).label("events"),
        )
        .select_from(periods.join(use, inside))
        .group_by(*groups)
        .cte("accounts_and_features")
    )
    first = (
        select(use.c.feature, func.min(use.c.day).label("day"))
        .group_by(use.c.feature)
        .cte("first_use")
    )
    feature_counts = (
        select(periods.c.period, func.count().label("there"))
        .select_from(periods.join(first, first.c.day < periods.c.until))
        .group_by(periods.c.period)
        .cte("features_there")
    )
    return select(*accounts.c, feature_counts.c.there).select_from(
        accounts.join(feature_counts, feature_counts.c.period == accounts.c.period)
    )


def _select_breadth(scope: Scope) -> Select[Any]:
    used = _select_feature_use(scope)
    return select_quotient(scope, used, used.c.features, used.c.there)


def _select_depth(scope: Scope) -> Select[Any]:
    used = _select_feature_use(scope)
    return select_quotient(scope, used, used.c.events, used.c.features)


FEATURES: tuple[Metric, ...] = (
    Metric(
        "feature_breadth", "Feature breadth", "ratio",
        "features an account used in the period ÷ features there are, mean over accounts that "
        "used any",
        ("J. York, Chaotic Flow",), _select_breadth, ("feature_day",), stage=("retention",),
        family="engagement", spread="ratio", divides=True, bounds=(0.0, 1.0),
        edge_cases="There are the features that any account has used before the period's end. "
        "All features or a few: the share tells.",
    ),
    Metric(
        "feature_depth", "Feature depth", "count",
        "events in features in the period ÷ pairs of account and feature used in it",
        ("J. York, Chaotic Flow",), _select_depth, ("feature_day",), stage=("retention",),
        family="engagement", spread="ratio", divides=True, bounds=(0.0, float("inf")),
        edge_cases="How heavily a feature is used by those who use it. Accounts that used none "
        "are left out.",
    ),
)  # fmt: skip
