"""Follow-ups in the database, by their key."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select, update

from cs_sync.follow_ups import OwnerFact
from cs_sync.store.inserts import build_insert
from cs_sync_schemas import get_history_table
from cs_sync_schemas.tables import ACCOUNT, ACCOUNT_LINK, FOLLOW_UP, OWNER, RUN, RUN_STREAM

LINK, STREAM = ACCOUNT_LINK, RUN_STREAM
ACTIVE_STATES = ("open", "waiting")


def insert_follow_ups(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert new follow-ups; existing ones stay unchanged."""
    if not rows:
        return
    statement = build_insert(connection.dialect, FOLLOW_UP).on_conflict_do_nothing(
        index_elements=["key"]
    )
    connection.execute(statement, list(rows))


def update_follow_up(connection: Connection, key: str, values: Mapping[str, Any]) -> None:
    """Update columns of one follow-up."""
    connection.execute(update(FOLLOW_UP).where(FOLLOW_UP.c.key == key).values(dict(values)))


def rename_follow_ups(connection: Connection, keys: Mapping[str, str]) -> None:
    """Replace the keys of follow-ups, also where others name them.

    As their task.

    Args:
        connection: A write transaction.
        keys: Old key → new key.
    """
    for old, new in keys.items():
        for column in (FOLLOW_UP.c.lead, FOLLOW_UP.c.key):
            connection.execute(update(FOLLOW_UP).where(column == old).values({column.name: new}))


def read_follow_ups(connection: Connection) -> list[dict[str, Any]]:
    """Return all follow-ups, most urgent first, each with its account's surviving id."""
    return _fetch_follow_ups(connection, select(FOLLOW_UP), _read_merges(connection))


def read_active_follow_ups(connection: Connection, account: str) -> list[dict[str, Any]]:
    """Return an account's open and waiting follow-ups, most urgent first."""
    merged = _read_merges(connection)
    names = [account, *(name for name in merged if _find_survivor(name, merged) == account)]
    own = select(FOLLOW_UP).where(
        FOLLOW_UP.c.account_id.in_(names), FOLLOW_UP.c.state.in_(ACTIVE_STATES)
    )
    return _fetch_follow_ups(connection, own, merged)


def _fetch_follow_ups(
    connection: Connection, statement: Select[Any], merged: Mapping[str, str]
) -> list[dict[str, Any]]:
    ordered = statement.order_by(FOLLOW_UP.c.due_at, FOLLOW_UP.c.key)
    rows = [row._asdict() for row in connection.execute(ordered)]
    return [{**row, "account_id": _find_survivor(row["account_id"], merged)} for row in rows]


def read_owners(connection: Connection) -> dict[tuple[str, str], OwnerFact]:
    """Map (source, source id) → the colleague."""
    statement = select(
        OWNER.c.source, OWNER.c.source_id, OWNER.c.email, OWNER.c.is_active, OWNER.c.deleted_at
    )
    return {
        (source, source_id): OwnerFact(email, active and deleted_at is None)
        for source, source_id, email, active, deleted_at in connection.execute(statement)
    }


def read_parted_accounts(connection: Connection) -> dict[str, set[str]]:
    """Map account → the accounts of records once in it."""
    past = get_history_table(LINK)
    assert past is not None  # noqa: S101 - links are remembered
    merged = _read_merges(connection)
    same = and_(past.c.source == LINK.c.source, past.c.source_id == LINK.c.source_id)
    moves = select(past.c.account_id, LINK.c.account_id).join_from(past, LINK, same).distinct()
    parted: dict[str, set[str]] = defaultdict(set)
    for before, now in connection.execute(moves):
        account = _find_survivor(before, merged)
        if account != now:
            parted[account].add(now)
    return parted


def read_first_syncs(connection: Connection) -> dict[str, datetime]:
    """Map source → the start of its first complete stream read."""
    statement = (
        select(STREAM.c.source, func.min(RUN.c.started_at))
        .join_from(STREAM, RUN, RUN.c.id == STREAM.c.run_id)
        .where(STREAM.c.status == "ok")
        .group_by(STREAM.c.source)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def _read_merges(connection: Connection) -> dict[str, str]:
    statement = select(ACCOUNT.c.id, ACCOUNT.c.merged_into).where(
        ACCOUNT.c.merged_into.is_not(None)
    )
    return {row.id: row.merged_into for row in connection.execute(statement)}


def _find_survivor(account: str, merged: Mapping[str, str]) -> str:
    """Follow merges to the surviving id; a cycle stops at its entry."""
    visited = {account}
    while (following := merged.get(account)) and following not in visited:
        visited.add(following)
        account = following
    return account
