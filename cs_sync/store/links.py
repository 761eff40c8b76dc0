"""Where a person can open what the sources know of an account."""

from typing import Any

from sqlalchemy import Connection, and_, select

from cs_sync_schemas import AccountLink, SourceAccount, table_of

LINK, RECORD = table_of(AccountLink), table_of(SourceAccount)


def source_links(connection: Connection, account: str) -> list[dict[str, Any]]:
    """The living records that are this account: source, source_id, url (None without one)."""
    same = and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)
    statement = (
        select(LINK.c.source, LINK.c.source_id, RECORD.c.url)
        .join_from(LINK, RECORD, same)
        .where(LINK.c.account_id == account, RECORD.c.deleted_at.is_(None))
        .order_by(LINK.c.source, LINK.c.source_id)
    )
    return [row._asdict() for row in connection.execute(statement)]
