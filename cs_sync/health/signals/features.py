"""The signal of one action: uses of a feature, or occurrences of an event."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from cs_sync.health.relations import select_covered_accounts, select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.metrics.sql.relations import is_present
from cs_sync_schemas.tables import FEATURE_DAY

FEATURE = FEATURE_DAY
_SEEN = FEATURE.alias("seen")


def feature_28(scope: SignalScope, feature: str) -> Select[Any]:
    """Select how often the account used the feature in 28 days.

    0 if a source that has reported the feature covers the account. A feature that no source has
    ever reported has no rows.
    """
    within = and_(FEATURE.c.day >= scope.first_day(28), FEATURE.c.day <= scope.day)
    # Who only counts people has seen each of them use it at least once.
    times = case((FEATURE.c.events > 0, FEATURE.c.events), else_=FEATURE.c.users)
    where = and_(within, FEATURE.c.feature == feature)
    days = select_owned(scope, FEATURE, times.label("times"), where=where)
    sums = (
        select(days.c.account_id, func.sum(days.c.times).label("times"))
        .group_by(days.c.account_id)
        .cte("sums")
    )
    covered = select_covered_accounts(
        scope, (FEATURE, FEATURE.c.day), where=is_from_reporting_source(scope, [feature])
    )
    uses = func.coalesce(sums.c.times, 0)
    return select(
        covered.c.account_id, uses.label("value"), covered.c.observed_at, uses.label("n")
    ).select_from(covered.outerjoin(sums, sums.c.account_id == covered.c.account_id))


def is_from_reporting_source(scope: SignalScope, features: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition for rows of sources that report the features."""
    sources = select(_SEEN.c.source).where(
        _SEEN.c.feature.in_(features), _SEEN.c.day <= scope.day, is_present(_SEEN, scope.known_at)
    )
    return FEATURE.c.source.in_(sources)
