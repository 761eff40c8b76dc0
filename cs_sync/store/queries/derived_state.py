"""How far the derived data follow the records: cursors of accounts and of MRR."""

from datetime import datetime

from sqlalchemy import Connection, select

from cs_sync.store.records.stream_state import CURSOR_PARTITION
from cs_sync_schemas.tables import STREAM_STATE

DERIVED_SOURCE = "cs-sync"
"""What is derived has a cursor of its own: how far the records have been taken into account."""
ACCOUNTS_STREAM = "accounts"

STATE = STREAM_STATE


def get_mrr_stream(policy: str) -> str:
    """Return the stream name of a policy's MRR.

    Args:
        policy: Hash of the MRR policy.
    """
    return f"mrr {policy}"


def read_mrr_known_at(connection: Connection, policy: str) -> datetime | None:
    """Return the instant up to which a policy's MRR covers records.

    Args:
        connection: A read connection.
        policy: Hash of the MRR policy.
    """
    cursor = read_derived_cursor(connection, get_mrr_stream(policy))
    return None if cursor is None else datetime.fromisoformat(cursor)


def read_derived_cursor(connection: Connection, stream: str) -> str | None:
    """Return the cursor of a derived stream, or None."""
    statement = select(STATE.c.cursor).where(
        STATE.c.source == DERIVED_SOURCE,
        STATE.c.stream == stream,
        STATE.c.partition == CURSOR_PARTITION,
    )
    return connection.scalar(statement)
