"""Customers that only their subscriptions name: no list shows them any more, or none ever did."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from cs_sync.store.records import chunks, upsert
from cs_sync_schemas import AccountLink, SourceAccount, Subscription, table_of

SUBSCRIPTION, CUSTOMER = table_of(Subscription), table_of(SourceAccount)
LINK = table_of(AccountLink)


def read_unlisted(connection: Connection) -> dict[str, list[str]]:
    """Source → ids of customers that living subscriptions name and no record or link knows."""
    fields = SUBSCRIPTION.c
    theirs = (
        and_(table.c.source == fields.source, table.c.source_id == fields.account_source_id)
        for table in (CUSTOMER, LINK)
    )
    listed, linked = theirs
    statement = (
        select(fields.source, fields.account_source_id)
        .distinct()
        .select_from(SUBSCRIPTION.outerjoin(CUSTOMER, listed).outerjoin(LINK, linked))
        .where(
            fields.deleted_at.is_(None), CUSTOMER.c.source_id.is_(None), LINK.c.source_id.is_(None)
        )
        .order_by(fields.source, fields.account_source_id)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for source, source_id in connection.execute(statement):
        found[source].append(source_id)
    return found


def bury_unlisted(connection: Connection, source: str, ids: Iterable[str], now: datetime) -> None:
    """Give them records by their ids, marked as deleted, so that their money has an account.

    One that a list shows after all takes its place like any record that comes back.
    """
    seen: dict[str, Any] = {
        "first_seen_at": now,
        "last_seen_at": now,
        "changed_at": now,
        "deleted_at": now,
    }
    for some in chunks(ids):
        rows = (
            SourceAccount.model_construct(None, source=source, source_id=id, row_hash="", **seen)
            for id in some
        )
        names = [column.name for column in CUSTOMER.c]
        made = [row.model_dump() for row in rows]
        upsert(connection, CUSTOMER, [{name: row[name] for name in names} for row in made])
