"""Resolved accounts with their source records, or the unresolved conflicts."""

from typing import Any

from sqlalchemy import and_, select

from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.account_answers import read_questions
from cs_sync_schemas import Account, AccountLink, SourceAccount, get_table

ACCOUNT, LINK = get_table(Account), get_table(AccountLink)
RECORD = get_table(SourceAccount)


def list_accounts(workspace: Workspace, *, conflicts: bool = False) -> list[dict[str, Any]]:
    """List the accounts with their records, or the records with several candidates.

    Args:
        workspace: The workspace.
        conflicts: List the unresolved records instead.

    Returns:
        One row per account and record, or per record with several candidate accounts.
    """
    return _read_conflicts(workspace) if conflicts else _read_links(workspace)


def _read_links(workspace: Workspace) -> list[dict[str, Any]]:
    same_record = and_(RECORD.c.source == LINK.c.source, RECORD.c.source_id == LINK.c.source_id)
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
        .outerjoin(RECORD, same_record)
        .order_by(ACCOUNT.c.id, LINK.c.source, LINK.c.source_id)
    )
    with workspace.store.read() as connection:
        return [row._asdict() for row in connection.execute(statement)]


def _read_conflicts(workspace: Workspace) -> list[dict[str, Any]]:
    """Read the questions left open by the last identity resolution."""
    with workspace.store.read() as connection:
        return read_questions(connection)
