"""Records of the destination for our accounts and their owners."""

from sqlalchemy import Connection, and_, select

from cs_sync_schemas.tables import ACCOUNT_LINK, OWNER, SOURCE_ACCOUNT

LINK, RECORD = ACCOUNT_LINK, SOURCE_ACCOUNT


def read_remote_accounts(
    connection: Connection, destination: str
) -> dict[str, list[tuple[str, str]]]:
    """Map account id → (remote id, URL) of its live records."""
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
    records: dict[str, list[tuple[str, str]]] = {}
    for account, remote_id, url in connection.execute(statement):
        records.setdefault(account, []).append((remote_id, url or ""))
    return records


def read_owners_by_email(connection: Connection, destination: str) -> dict[str, str]:
    """Map lower-case e-mail address → id of the destination's active owner."""
    statement = (
        select(OWNER.c.email, OWNER.c.source_id)
        .where(OWNER.c.source == destination, OWNER.c.email.is_not(None))
        .where(OWNER.c.is_active.is_(True), OWNER.c.deleted_at.is_(None))
        .order_by(OWNER.c.source_id.desc())
    )
    return {email.lower(): owner for email, owner in connection.execute(statement)}


def read_active_owners(connection: Connection, destination: str) -> set[str]:
    """Return the ids of the destination's active owners: possible assignees."""
    statement = select(OWNER.c.source_id).where(
        OWNER.c.source == destination,
        OWNER.c.is_active.is_(True),
        OWNER.c.deleted_at.is_(None),
    )
    return set(connection.scalars(statement))


def read_owner_addresses(connection: Connection) -> list[tuple[str, str, str | None]]:
    """Return source, id and e-mail address of every owner."""
    statement = select(OWNER.c.source, OWNER.c.source_id, OWNER.c.email)
    rows = connection.execute(statement)
    return [(source, source_id, email) for source, source_id, email in rows]


def read_owner_names(connection: Connection) -> dict[tuple[str, str], str]:
    """Map (source, source id) → an active colleague's name, else e-mail address."""
    statement = select(OWNER.c.source, OWNER.c.source_id, OWNER.c.name, OWNER.c.email).where(
        OWNER.c.is_active.is_(True), OWNER.c.deleted_at.is_(None)
    )
    rows = connection.execute(statement)
    return {(source, id_): name or email or "" for source, id_, name, email in rows}
