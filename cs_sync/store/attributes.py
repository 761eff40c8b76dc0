"""Which attributes accounts have."""

from sqlalchemy import Connection, select

from cs_sync_schemas import Account, table_of

ACCOUNT = table_of(Account)


def known_attributes(connection: Connection) -> set[str]:
    """Every attribute name that any account carries."""
    return {
        name
        for attributes in connection.scalars(select(ACCOUNT.c.attributes))
        for name in attributes or {}
    }
