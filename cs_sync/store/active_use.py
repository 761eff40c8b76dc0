"""What a list of features by which one is active leaves untold."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, select

from cs_sync_schemas import FeatureDay, UsageDay, table_of

FEATURE, USE = table_of(FeatureDay), table_of(UsageDay)


def unseen_features(connection: Connection, features: Sequence[str]) -> list[str]:
    """The features that no source has ever seen."""
    seen = select(FEATURE.c.feature).where(_seen(features)).distinct()
    found = set(connection.scalars(seen))
    return [feature for feature in features if feature not in found]


def totals_only(connection: Connection, features: Sequence[str]) -> list[str]:
    """The sources of usage that do not tell who used these features."""
    telling = select(FEATURE.c.source).where(_seen(features))
    others = select(USE.c.source).where(USE.c.deleted_at.is_(None), USE.c.source.not_in(telling))
    return list(connection.scalars(others.distinct().order_by(USE.c.source)))


def _seen(features: Sequence[str]) -> ColumnElement[bool]:
    return and_(FEATURE.c.feature.in_(features), FEATURE.c.deleted_at.is_(None))
