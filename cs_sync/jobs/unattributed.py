"""Money, tickets, answers and use that belong to no account: a share of each, and a list."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from cs_sync.contracts.events import Event
from cs_sync.jobs.workspace import Workspace
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import last_whole_period
from cs_sync.store.unattributed import Share, read_shares, read_without_account
from cs_sync_schemas.money import CURRENCY_EXPONENT

COMMAND = "cs-sync accounts --unattributed"


def unattributed(workspace: Workspace) -> list[dict[str, Any]]:
    """The records, the newest of each kind first; their shares are told."""
    with workspace.store.read() as connection:
        rows = list(read_without_account(connection, _scope(workspace)))
    for share in unattributed_shares(workspace):
        detail = {"step": "accounts", "message": f"without an account: {share_text(share)}"}
        workspace.emit(Event("step_ended", workspace.clock(), detail=detail))
    return rows


def unattributed_shares(workspace: Workspace) -> list[Share]:
    """What belongs to no account, of all that is stored."""
    with workspace.store.read() as connection:
        return read_shares(connection, _scope(workspace))


def newest_unattributed(workspace: Workspace, most: int) -> list[dict[str, Any]]:
    """So many of each kind."""
    with workspace.store.read() as connection:
        return list(read_without_account(connection, _scope(workspace), most))


def unattributed_note(shares: Iterable[Share]) -> list[str]:
    """One line, if there is anything."""
    some = [share_text(share) for share in shares if share.unattributed]
    return [f"without an account: {', '.join(some)}; list them with `{COMMAND}`"] if some else []


def share_text(share: Share) -> str:
    """Such as: 12 of 300 tickets (4.0 %)."""
    part, whole = f"{share.unattributed:,}", f"{share.total:,} {share.kind}"
    if share.currency:
        exponent = CURRENCY_EXPONENT[share.currency]
        amounts = (Decimal(n).scaleb(-exponent) for n in (share.unattributed, share.total))
        part, whole = (f"{amount:,} {share.currency}" for amount in amounts)
        whole += " of money"
    return f"{part} of {whole} ({(share.share or 0) * 100:.1f} %)"


def _scope(workspace: Workspace) -> Scope:
    zone = str(workspace.config.workspace.timezone)
    return Scope((last_whole_period(workspace.today, "month", zone),))
