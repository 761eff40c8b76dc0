"""The signal of contact: days since the CRM logged a call, an e-mail or a meeting."""

from typing import Any

from sqlalchemy import Select, and_, func, select

from cs_sync.health.relations import is_scored
from cs_sync.health.scope import SignalScope
from cs_sync.metrics.ownership import LINK
from cs_sync.metrics.sql.chosen_accounts import is_chosen
from cs_sync.metrics.sql.relations import is_present
from cs_sync_schemas.tables import ACCOUNT, SOURCE_ACCOUNT

RECORD = SOURCE_ACCOUNT


def last_contact(scope: SignalScope) -> Select[Any]:
    """Select the last logged contact as `value`.

    The CRM tells only the last one: for a day before it nothing is known.
    """
    linked = and_(LINK.c.source == RECORD.c.source, LINK.c.source_id == RECORD.c.source_id)
    newest = func.max(RECORD.c.last_contacted_at)
    return (
        select(
            LINK.c.account_id,
            newest.label("value"),
            newest.label("observed_at"),
            func.count().label("n"),
        )
        .select_from(RECORD.join(LINK, linked).join(ACCOUNT, ACCOUNT.c.id == LINK.c.account_id))
        .where(is_present(RECORD, scope.known_at), is_scored(scope))
        .where(RECORD.c.last_contacted_at.is_not(None))
        .where(is_chosen(LINK.c.account_id, scope.accounts))
        .group_by(LINK.c.account_id)
        .having(newest < scope.until)
    )
