"""Follow-ups, kept by their key."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cs_sync.follow_ups import OwnerFact
from cs_sync_schemas import Account, FollowUp, Owner, table_of

FOLLOW_UP, ACCOUNT, OWNER = table_of(FollowUp), table_of(Account), table_of(Owner)


def keep_follow_ups(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store new ones; one that exists stays as it was first written."""
    if not rows:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(FOLLOW_UP).on_conflict_do_nothing(index_elements=["key"])
    connection.execute(statement, list(rows))


def change_follow_up(connection: Connection, key: str, values: Mapping[str, Any]) -> None:
    """Note what became of one."""
    connection.execute(update(FOLLOW_UP).where(FOLLOW_UP.c.key == key).values(dict(values)))


def rename_follow_ups(connection: Connection, keys: Mapping[str, str]) -> None:
    """Give follow-ups other keys: `keys` maps the one that each has to the new one."""
    for old, new in keys.items():
        connection.execute(update(FOLLOW_UP).where(FOLLOW_UP.c.key == old).values(key=new))


def read_follow_ups(connection: Connection) -> list[dict[str, Any]]:
    """Every follow-up, the most urgent first, with the account that it lives on in."""
    merged = _merged(connection)
    ordered = select(FOLLOW_UP).order_by(FOLLOW_UP.c.due_at, FOLLOW_UP.c.key)
    rows = [row._asdict() for row in connection.execute(ordered)]
    return [{**row, "account_id": _survivor(row["account_id"], merged)} for row in rows]


def read_owners(connection: Connection) -> dict[tuple[str, str], OwnerFact]:
    """(source, source id) → the colleague."""
    statement = select(
        OWNER.c.source, OWNER.c.source_id, OWNER.c.email, OWNER.c.is_active, OWNER.c.deleted_at
    )
    return {
        (source, source_id): OwnerFact(email, active and deleted_at is None)
        for source, source_id, email, active, deleted_at in connection.execute(statement)
    }


def _merged(connection: Connection) -> dict[str, str]:
    statement = select(ACCOUNT.c.id, ACCOUNT.c.merged_into).where(
        ACCOUNT.c.merged_into.is_not(None)
    )
    return {row.id: row.merged_into for row in connection.execute(statement)}


def _survivor(account: str, merged: Mapping[str, str]) -> str:
    """The end of the chain of merges; one that bites its tail ends where it was entered."""
    seen = {account}
    while (following := merged.get(account)) and following not in seen:
        seen.add(following)
        account = following
    return account
