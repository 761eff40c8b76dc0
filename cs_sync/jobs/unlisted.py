"""No subscription is dropped for want of its customer: it is kept, or said to be missing."""

from collections.abc import Sequence

from sqlalchemy import Connection

from cs_sync.jobs.recording import Recorded
from cs_sync.store.leases import check_lease
from cs_sync.store.unlisted import bury_unlisted, read_unlisted
from cs_sync_schemas import SourceAccount, table_of

CUSTOMERS = table_of(SourceAccount).name
_BY_NAME = 3


def keep_unlisted(recorded: Recorded) -> list[str]:
    """Keep customers that were deleted at the source by what they subscribed to; what to say.

    Only where this run read a source's customers whole: else they are not deleted but unread.
    """
    workspace, now = recorded.workspace, recorded.workspace.clock()
    with workspace.store.read() as connection:
        unlisted = read_unlisted(connection)
    said = []
    for source, ids in unlisted.items():
        mine = [one for one in recorded.outcomes if one.source == source]
        streams = [one for one in mine if CUSTOMERS in one.tables]
        if streams and all(one.status == "ok" for one in streams):

            def save(
                connection: Connection, source: str = source, ids: Sequence[str] = ids
            ) -> None:
                check_lease(connection, recorded.held)
                bury_unlisted(connection, source, ids, now)

            workspace.store.transact(save)
            said.append(
                f"{source}: {_named(ids)} no longer listed, but named by subscriptions;"
                " kept by id, as deleted"
            )
        elif mine:
            said.append(
                f"{source}: {_named(ids)} not known, so the MRR of their subscriptions is"
                " missing until their stream comes through"
            )
    return said


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _BY_NAME} more" if len(ids) > _BY_NAME else ""
    return f"customer{'s' if len(ids) > 1 else ''} {', '.join(ids[:_BY_NAME])}{more}"
