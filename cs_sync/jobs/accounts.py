"""Who is who: the accounts with their links, or what could not be decided."""

from typing import Any

from sqlalchemy import and_, select

from cs_sync.jobs.workspace import Workspace
from cs_sync.store.answers import read_questions
from cs_sync_schemas import Account, AccountLink, SourceAccount, table_of

ACCOUNT, LINK = table_of(Account), table_of(AccountLink)
RECORD = table_of(SourceAccount)


def accounts(workspace: Workspace, *, conflicts: bool = False) -> list[dict[str, Any]]:
    """One row per account and record of it, or one per record that could be several accounts."""
    return _conflicts(workspace) if conflicts else _links(workspace)


def _links(workspace: Workspace) -> list[dict[str, Any]]:
    theirs = and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)
    statement = (
        select(
            ACCOUNT.c.id.label("account"),
            ACCOUNT.c.name,
            ACCOUNT.c.merged_into,
            LINK.c.source,
            LINK.c.source_id,
            LINK.c.rule,
            LINK.c.reason,
            LINK.c.decided_by,
            LINK.c.since,
            RECORD.c.deleted_at,
        )
        .select_from(ACCOUNT.outerjoin(LINK, LINK.c.account_id == ACCOUNT.c.id))
        .outerjoin(RECORD, theirs)
        .order_by(ACCOUNT.c.id, LINK.c.source, LINK.c.source_id)
    )
    with workspace.store.read() as connection:
        return [row._asdict() for row in connection.execute(statement)]


def _conflicts(workspace: Workspace) -> list[dict[str, Any]]:
    """The questions that were open when who is who was last resolved."""
    with workspace.store.read() as connection:
        return read_questions(connection)
