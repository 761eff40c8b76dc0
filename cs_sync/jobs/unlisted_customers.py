"""Customers named by subscriptions but missing from their source: kept or reported."""

from collections.abc import Sequence

from sqlalchemy import Connection

from cs_sync.runtime.run_session import RunSession
from cs_sync.store.queries.unlisted_accounts import (
    insert_unlisted_customers,
    read_unlisted_customers,
)
from cs_sync_schemas.tables import SOURCE_ACCOUNT

CUSTOMERS = SOURCE_ACCOUNT.name
_MAX_NAMED = 3


def keep_unlisted_customers(recorded: RunSession) -> list[str]:
    """Store customers deleted at the source but named by subscriptions.

    Only after a complete read of the source's customers: otherwise they are unread, not
    deleted.

    Returns:
        The messages of the run.
    """
    workspace, now = recorded.workspace, recorded.workspace.clock()
    with workspace.store.read() as connection:
        unlisted = read_unlisted_customers(connection)
    messages = []
    for source, ids in unlisted.items():
        own = [outcome for outcome in recorded.outcomes if outcome.source == source]
        streams = [outcome for outcome in own if CUSTOMERS in outcome.tables]
        if streams and all(outcome.status == "ok" for outcome in streams):

            def save(
                connection: Connection, source: str = source, ids: Sequence[str] = ids
            ) -> None:
                insert_unlisted_customers(connection, source, ids, now)

            recorded.transact(save)
            messages.append(
                f"{source}: {_format_customers(ids)} no longer listed, but named by subscriptions;"
                " kept by id, as deleted"
            )
        elif own:
            messages.append(
                f"{source}: {_format_customers(ids)} not known, so the MRR of their "
                "subscriptions is missing until their stream comes through"
            )
    return messages


def _format_customers(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _MAX_NAMED} more" if len(ids) > _MAX_NAMED else ""
    return f"customer{'s' if len(ids) > 1 else ''} {', '.join(ids[:_MAX_NAMED])}{more}"
