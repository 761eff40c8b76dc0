"""Where a person can open what the sources know of an account."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from cs_sync.metrics.as_known import as_known
from cs_sync_schemas import AccountLink, SourceAccount, table_of

LINK, RECORD = table_of(AccountLink), table_of(SourceAccount)


def source_links(
    connection: Connection, account: str, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """The living records that are this account, or were as known then.

    Each has source, source_id and url (None without one).
    """
    same = and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)
    statement = (
        select(LINK.c.source, LINK.c.source_id, RECORD.c.url)
        .join_from(LINK, RECORD, same)
        .where(LINK.c.account_id == account, RECORD.c.deleted_at.is_(None))
        .order_by(LINK.c.source, LINK.c.source_id)
    )
    then = statement if known_at is None else as_known(statement, known_at)
    return [row._asdict() for row in connection.execute(then)]


def links_by_account(connection: Connection) -> dict[str, dict[str, str]]:
    """Account id → source → where to open it there; the first of several records."""
    same = and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)
    statement = (
        select(LINK.c.account_id, LINK.c.source, RECORD.c.url)
        .join_from(LINK, RECORD, same)
        .where(RECORD.c.url.is_not(None), RECORD.c.deleted_at.is_(None))
        .order_by(LINK.c.account_id, LINK.c.source, LINK.c.source_id)
    )
    found: dict[str, dict[str, str]] = {}
    for account, source, url in connection.execute(statement):
        found.setdefault(account, {}).setdefault(source, url)
    return found
