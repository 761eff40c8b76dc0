"""In which segment an account was: the values of its attributes at an instant."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, FromClause, and_, or_

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.portable import instant
from cs_sync_schemas import AccountAttribute, table_of

ATTRIBUTE = table_of(AccountAttribute)
ITSELF = "account"
"""Where attributes are asked for, the account's id may be, too."""


def seen_at(moment: datetime, known_at: datetime | None) -> datetime:
    """The instant to look at: what changed after one knew is not known to have changed."""
    return moment if known_at is None else min(moment, known_at + timedelta(microseconds=1))


def with_segments(
    scope: Scope,
    joined: FromClause,
    account_id: ColumnElement[str],
    moment: ColumnElement[datetime] | datetime,
    *,
    label: str = "segment",
    known_at: ColumnElement[datetime] | None = None,
) -> tuple[FromClause, Sequence[ColumnElement[str]]]:
    """`joined` with the scope's attributes as they were just before a moment, and their columns.

    The columns are labelled segment_0, segment_1, …; without such an attribute they are None, and
    by `account` every account is a segment of its own. The
    moment must not be later than `known_at` (the scope's, unless given) allows: see `seen_at`.
    """
    if isinstance(moment, datetime):
        moment = instant(seen_at(moment, scope.known_at))
    if known_at is None and scope.known_at is not None:
        known_at = instant(scope.known_at)
    columns: list[ColumnElement[str]] = []
    for index, name in enumerate(scope.by):
        if name == ITSELF:
            columns.append(account_id.label(f"{label}_{index}"))
            continue
        held = ATTRIBUTE.alias(f"{label}_held_{index}")
        then = and_(
            held.c.account_id == account_id,
            held.c.name == name,
            held.c.valid_from < moment,
            or_(held.c.valid_to.is_(None), held.c.valid_to >= moment),
        )
        if known_at is None:
            then = and_(then, held.c.known_to.is_(None))
        else:
            unlearnt = or_(held.c.known_to.is_(None), held.c.known_to > known_at)
            then = and_(then, held.c.known_from <= known_at, unlearnt)
        joined = joined.outerjoin(held, then)
        columns.append(held.c.value.label(f"{label}_{index}"))
    return joined, columns
