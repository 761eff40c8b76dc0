"""The signal of contact: days since the CRM logged a call, an e-mail or a meeting."""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    func,
    select,
    union_all,
)

from cs_sync.health.relations import is_scored
from cs_sync.health.scope import SignalScope
from cs_sync.metrics.ownership import LINK
from cs_sync.metrics.sql.chosen_accounts import is_chosen
from cs_sync.metrics.sql.dialects import bind_instant
from cs_sync.metrics.sql.relations import is_present
from cs_sync_schemas.tables import ACCOUNT, ACCOUNT_CHANGE, SOURCE_ACCOUNT
from cs_sync_schemas.values import CONTACT_FIELD

RECORD, CHANGE = SOURCE_ACCOUNT, ACCOUNT_CHANGE


def last_contact(scope: SignalScope) -> Select[Any]:
    """Select the last contact that was logged until a day's end.

    A CRM that tells no past has the last one only: for a day before it nothing is known.
    """
    moments = _rank_moments(scope)
    until = bind_instant(scope.until)
    newest = func.max(moments.c.value)
    unknown = func.sum(case((moments.c.at >= until, 1), else_=0))
    return (
        select(
            moments.c.account_id,
            newest.label("value"),
            newest.label("observed_at"),
            func.count().label("n"),
        )
        .select_from(moments.join(ACCOUNT, ACCOUNT.c.id == moments.c.account_id))
        .where(moments.c.place == 1, is_scored(scope))
        .group_by(moments.c.account_id)
        .having(and_(newest < until, unknown == 0))
    )


def _rank_moments(scope: SignalScope) -> CTE:
    """Rank what was logged of each record; 1 is what counts.

    It is what the record showed at the end of the day; if it showed nothing yet, something later.
    """
    of = and_(CHANGE.c.source == RECORD.c.source, CHANGE.c.account_source_id == RECORD.c.source_id)
    shown = _select_logged(scope, RECORD, RECORD.c.last_contacted_at, RECORD.c.last_contacted_at)
    changed = _select_logged(
        scope, RECORD.join(CHANGE, of), CHANGE.c.happened_at, CHANGE.c.value_at
    )
    logged = union_all(
        shown.where(RECORD.c.last_contacted_at.is_not(None)),
        changed.where(is_present(CHANGE, scope.known_at), CHANGE.c.field == CONTACT_FIELD),
    ).cte("logged")
    is_later = case((logged.c.at >= bind_instant(scope.until), 1), else_=0)
    place = func.row_number().over(
        partition_by=(logged.c.source, logged.c.source_id),
        order_by=(is_later, logged.c.at.desc(), logged.c.value.desc()),
    )
    return select(logged, place.label("place")).cte("ranked")


def _select_logged(
    scope: SignalScope, rows: FromClause, at: ColumnElement[Any], value: ColumnElement[Any]
) -> Select[Any]:
    """Select when each record took on which last contact."""
    linked = and_(LINK.c.source == RECORD.c.source, LINK.c.source_id == RECORD.c.source_id)
    return (
        select(
            LINK.c.account_id,
            RECORD.c.source,
            RECORD.c.source_id,
            at.label("at"),
            value.label("value"),
        )
        .select_from(rows.join(LINK, linked))
        .where(is_present(RECORD, scope.known_at), is_chosen(LINK.c.account_id, scope.accounts))
    )
