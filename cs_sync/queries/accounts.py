"""Resolved accounts with their source records, or the unresolved conflicts."""

from typing import Any

from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.account_answers import read_questions
from cs_sync.store.queries.accounts import read_linked_records


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
    with workspace.store.read() as connection:
        return read_linked_records(connection)


def _read_conflicts(workspace: Workspace) -> list[dict[str, Any]]:
    """Read the questions left open by the last identity resolution."""
    with workspace.store.read() as connection:
        return read_questions(connection)
