"""The signal of one action: how often an account used a feature, or made an event happen."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from cs_sync.health.relations import known_to, owned, present
from cs_sync.health.scope import SignalScope
from cs_sync_schemas import FeatureDay, table_of

FEATURE = table_of(FeatureDay)
_SEEN = FEATURE.alias("seen")


def feature_28(scope: SignalScope, feature: str) -> Select[Any]:
    """How often the account used the feature in the last 28 days.

    Nought where a source that has seen the feature knows the account; a feature that no source has
    ever seen is a name that nobody uses, and is missing.
    """
    within = and_(FEATURE.c.day >= scope.first_day(28), FEATURE.c.day <= scope.day)
    # Who only counts people has seen each of them use it at least once.
    times = case((FEATURE.c.events > 0, FEATURE.c.events), else_=FEATURE.c.users)
    where = and_(within, FEATURE.c.feature == feature)
    days = owned(scope, FEATURE, times.label("times"), where=where)
    sums = (
        select(days.c.account_id, func.sum(days.c.times).label("times"))
        .group_by(days.c.account_id)
        .cte("sums")
    )
    known = known_to(scope, (FEATURE, FEATURE.c.day), where=saw(scope, [feature]))
    found = func.coalesce(sums.c.times, 0)
    return select(
        known.c.account_id, found.label("value"), known.c.observed_at, found.label("n")
    ).select_from(known.outerjoin(sums, sums.c.account_id == known.c.account_id))


def saw(scope: SignalScope, features: Sequence[str]) -> ColumnElement[bool]:
    """Rows of sources that have seen one of the features by the scope's day."""
    seen = select(_SEEN.c.source).where(
        _SEEN.c.feature.in_(features), _SEEN.c.day <= scope.day, present(scope, _SEEN)
    )
    return FEATURE.c.source.in_(seen)
