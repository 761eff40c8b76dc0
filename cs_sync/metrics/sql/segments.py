"""Segments of accounts: the values of their attributes at an instant."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, FromClause, and_, or_

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync.metrics.sql.relations import is_known_at
from cs_sync_schemas.tables import ACCOUNT_ATTRIBUTE

ATTRIBUTE = ACCOUNT_ATTRIBUTE
ACCOUNT_SEGMENT = "account"
"""Where attributes are asked for, the account's id may be, too."""


def clamp_to_known(moment: datetime, known_at: datetime | None) -> datetime:
    """Clamp `moment` to `known_at`: later changes were unknown then."""
    return moment if known_at is None else min(moment, known_at + timedelta(microseconds=1))


def join_segments(
    scope: Scope,
    joined: FromClause,
    account_id: ColumnElement[str],
    moment: ColumnElement[datetime] | datetime,
    *,
    label: str = "segment",
    known_at: ColumnElement[datetime] | None = None,
) -> tuple[FromClause, Sequence[ColumnElement[str]]]:
    """Join the scope's attributes just before a moment.

    The columns are labelled segment_0, segment_1, …; a missing attribute is null, and with
    `account` every account is a segment of its own.

    Args:
        scope: The scope with the attributes.
        joined: The relation to join to.
        account_id: Its column with the account id.
        moment: The moment; not later than `known_at` allows, see `clamp_to_known`.
        label: The prefix of the columns.
        known_at: The time of knowledge; by default the scope's.

    Returns:
        The relation, and the columns of the segments.
    """
    if isinstance(moment, datetime):
        moment = bind_instant(clamp_to_known(moment, scope.known_at))
    if known_at is None and scope.known_at is not None:
        known_at = bind_instant(scope.known_at)
    columns: list[ColumnElement[str]] = []
    for index, name in enumerate(scope.by):
        if name == ACCOUNT_SEGMENT:
            columns.append(account_id.label(f"{label}_{index}"))
            continue
        attribute = ATTRIBUTE.alias(f"{label}_held_{index}")
        then = and_(
            attribute.c.account_id == account_id,
            attribute.c.name == name,
            attribute.c.valid_from < moment,
            or_(attribute.c.valid_to.is_(None), attribute.c.valid_to >= moment),
        )
        joined = joined.outerjoin(attribute, and_(then, is_known_at(attribute, known_at)))
        columns.append(attribute.c.value.label(f"{label}_{index}"))
    return joined, columns
