"""URLs of an account's records in the sources."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from cs_sync.metrics.sql.time_travel import rewrite_as_of
from cs_sync_schemas.tables import ACCOUNT_LINK, SOURCE_ACCOUNT

LINK, RECORD = ACCOUNT_LINK, SOURCE_ACCOUNT


def read_source_links(
    connection: Connection, account: str, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """Return the non-deleted records of an account.

    Args:
        connection: A read connection.
        account: The account id.
        known_at: The knowledge time; None means now.

    Returns:
        Rows of source, source_id and url (None without one).
    """
    same = and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)
    statement = (
        select(LINK.c.source, LINK.c.source_id, RECORD.c.url)
        .join_from(LINK, RECORD, same)
        .where(LINK.c.account_id == account, RECORD.c.deleted_at.is_(None))
        .order_by(LINK.c.source, LINK.c.source_id)
    )
    then = statement if known_at is None else rewrite_as_of(statement, known_at)
    return [row._asdict() for row in connection.execute(then)]


def read_links_by_account(connection: Connection) -> dict[str, dict[str, str]]:
    """Map account id → source → URL.

    The first of several records counts.
    """
    same = and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)
    statement = (
        select(LINK.c.account_id, LINK.c.source, RECORD.c.url)
        .join_from(LINK, RECORD, same)
        .where(RECORD.c.url.is_not(None), RECORD.c.deleted_at.is_(None))
        .order_by(LINK.c.account_id, LINK.c.source, LINK.c.source_id)
    )
    links: dict[str, dict[str, str]] = {}
    for account, source, url in connection.execute(statement):
        links.setdefault(account, {}).setdefault(source, url)
    return links
