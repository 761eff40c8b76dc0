"""Which records of the destination stand for our accounts and their owners."""

from sqlalchemy import Connection, and_, select

from cs_sync_schemas import AccountLink, Owner, SourceAccount, table_of

LINK, OWNER, RECORD = table_of(AccountLink), table_of(Owner), table_of(SourceAccount)


def remote_accounts(connection: Connection, destination: str) -> dict[str, list[tuple[str, str]]]:
    """Account id → (remote id, link to open) of its living records at the destination."""
    statement = (
        select(LINK.c.account_id, LINK.c.source_id, RECORD.c.url)
        .join_from(
            LINK,
            RECORD,
            and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id),
        )
        .where(LINK.c.source == destination, RECORD.c.deleted_at.is_(None))
        .order_by(LINK.c.account_id, LINK.c.source_id)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for account, remote_id, url in connection.execute(statement):
        found.setdefault(account, []).append((remote_id, url or ""))
    return found


def owners_by_email(connection: Connection, destination: str) -> dict[str, str]:
    """E-mail address in lower case → id of the destination's active owner who has it."""
    statement = (
        select(OWNER.c.email, OWNER.c.source_id)
        .where(OWNER.c.source == destination, OWNER.c.email.is_not(None))
        .where(OWNER.c.is_active.is_(True), OWNER.c.deleted_at.is_(None))
        .order_by(OWNER.c.source_id.desc())
    )
    return {email.lower(): owner for email, owner in connection.execute(statement)}


def active_owners(connection: Connection, destination: str) -> set[str]:
    """Ids of the destination's owners who can be given a follow-up."""
    statement = select(OWNER.c.source_id).where(
        OWNER.c.source == destination,
        OWNER.c.is_active.is_(True),
        OWNER.c.deleted_at.is_(None),
    )
    return set(connection.scalars(statement))
