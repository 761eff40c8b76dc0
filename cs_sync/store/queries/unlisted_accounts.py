"""Customers known only by their subscriptions, absent from every list."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from cs_sync.store.upserts import split_chunks, upsert_rows
from cs_sync_schemas.tables import ACCOUNT_LINK, SOURCE_ACCOUNT, SUBSCRIPTION

CUSTOMER = SOURCE_ACCOUNT
LINK = ACCOUNT_LINK


def read_unlisted_customers(connection: Connection) -> dict[str, list[str]]:
    """Map source → unlisted customers with subscriptions.

    They have no record or link.
    """
    fields = SUBSCRIPTION.c
    conditions = (
        and_(table.c.source == fields.source, table.c.source_id == fields.account_source_id)
        for table in (CUSTOMER, LINK)
    )
    listed, linked = conditions
    statement = (
        select(fields.source, fields.account_source_id)
        .distinct()
        .select_from(SUBSCRIPTION.outerjoin(CUSTOMER, listed).outerjoin(LINK, linked))
        .where(
            fields.deleted_at.is_(None), CUSTOMER.c.source_id.is_(None), LINK.c.source_id.is_(None)
        )
        .order_by(fields.source, fields.account_source_id)
    )
    customers: dict[str, list[str]] = defaultdict(list)
    for source, source_id in connection.execute(statement):
        customers[source].append(source_id)
    return customers


def insert_unlisted_customers(
    connection: Connection, source: str, ids: Iterable[str], now: datetime
) -> None:
    """Insert soft-deleted records so that customers' money has an account.

    A record delivered later replaces it like any record that reappears.
    """
    from cs_sync_schemas import SourceAccount  # such customers are rare, and models take a while

    timestamps: dict[str, Any] = {"changed_at": now, "deleted_at": now}
    for chunk in split_chunks(ids):
        rows = (
            SourceAccount.model_construct(
                None, source=source, source_id=id, row_hash="", **timestamps
            )
            for id in chunk
        )
        names = [column.name for column in CUSTOMER.c]
        made = [row.model_dump() for row in rows]
        upsert_rows(connection, CUSTOMER, [{name: row[name] for name in names} for row in made])
