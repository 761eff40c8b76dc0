"""Money, tickets, answers and usage without an account: shares and records."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from cs_sync.contracts.events import Event
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import find_last_whole_period
from cs_sync.queries.kept_rows import keep_rows
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.unattributed import (
    UnattributedShare,
    list_read_tables,
    read_unattributed_records,
    read_unattributed_shares,
)
from cs_sync_schemas.money import format_amount

COMMAND = "cs-sync accounts --unattributed"
_NAMES = ("kind", "currency", "source", "source_id", "contact_source_id", "account_source_id")


def list_unattributed(workspace: Workspace) -> list[dict[str, Any]]:
    """List records without an account, and emit their shares."""
    with workspace.store.read() as connection:
        rows = list(read_unattributed_records(connection, _build_scope(workspace)))
    for share in list_unattributed_shares(workspace):
        detail = {"step": "accounts", "message": f"without an account: {format_share(share)}"}
        workspace.emit(Event("step_ended", workspace.clock(), detail=detail))
    return rows


def list_unattributed_shares(workspace: Workspace) -> list[UnattributedShare]:
    """Return the share of stored records without an account, by kind."""
    scope = _build_scope(workspace)

    def compute() -> list[dict[str, Any]]:
        with workspace.store.read() as connection:
            return [asdict(share) for share in read_unattributed_shares(connection, scope)]

    question = ("unattributed shares", *asdict(scope.periods[0]).values())
    rows = keep_rows(workspace, question, list_read_tables(scope), compute)
    return [UnattributedShare(**row) for row in rows]


def list_newest_unattributed(workspace: Workspace, most: int) -> list[dict[str, Any]]:
    """List the newest records without an account, as the source names them.

    Args:
        workspace: The workspace.
        most: The number of records per kind.
    """
    scope = _build_scope(workspace)

    def compute() -> list[dict[str, Any]]:
        with workspace.store.read() as connection:
            return [
                {name: row[name] for name in _NAMES}
                for row in read_unattributed_records(connection, scope, most)
            ]

    question = ("unattributed records", most, *asdict(scope.periods[0]).values())
    return keep_rows(workspace, question, list_read_tables(scope), compute)


def describe_unattributed(shares: Iterable[UnattributedShare]) -> list[str]:
    """Return one line about the records without an account; empty without any."""
    parts = [format_share(share) for share in shares if share.unattributed]
    return [f"without an account: {', '.join(parts)}; list them with `{COMMAND}`"] if parts else []


def format_share(share: UnattributedShare) -> str:
    """Format a share: 12 of 300 tickets (4.0 %)."""
    part, whole = f"{share.unattributed:,}", f"{share.total:,} {share.kind}"
    if share.currency:
        part = format_amount(share.unattributed, share.currency)
        whole = f"{format_amount(share.total, share.currency)} of money"
    return f"{part} of {whole} ({(share.share or 0) * 100:.1f} %)"


def _build_scope(workspace: Workspace) -> Scope:
    zone = str(workspace.config.workspace.timezone)
    return Scope((find_last_whole_period(workspace.today, "month", zone),))
