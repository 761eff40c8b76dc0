"""What a list of features by which one is active leaves untold."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, select

from cs_sync_schemas.tables import FEATURE_DAY, USAGE_DAY

FEATURE, USE = FEATURE_DAY, USAGE_DAY


def find_unseen_features(connection: Connection, features: Sequence[str]) -> list[str]:
    """Return the features that no source has ever reported."""
    query = select(FEATURE.c.feature).where(_match_features(features)).distinct()
    observed = set(connection.scalars(query))
    return [feature for feature in features if feature not in observed]


def find_totals_only_sources(connection: Connection, features: Sequence[str]) -> list[str]:
    """Find the sources of usage that only give totals.

    They do not record who used these features.
    """
    telling = select(FEATURE.c.source).where(_match_features(features))
    others = select(USE.c.source).where(USE.c.deleted_at.is_(None), USE.c.source.not_in(telling))
    return list(connection.scalars(others.distinct().order_by(USE.c.source)))


def _match_features(features: Sequence[str]) -> ColumnElement[bool]:
    return and_(FEATURE.c.feature.in_(features), FEATURE.c.deleted_at.is_(None))
