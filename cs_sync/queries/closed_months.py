"""Closed months, and what was learnt about them later."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import add_months, find_period
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.month_close import (
    Restatement,
    count_reconstructed_accounts,
    find_differing_months,
    has_mrr_changed_after,
    read_closed_months,
    read_closed_totals,
    read_month_history,
    read_restatements,
)
from cs_sync_schemas.money import to_major_units

CLOSING_GRAINS = ("month", "quarter", "year")
"""Days and weeks do not close."""
MAX_NAMED_ACCOUNTS = 5
"""Maximum of accounts that are named with their restatements."""


def apply_closed_months(workspace: Workspace, scope: Scope, grain: str) -> Scope:
    """Return the scope with its closed months; days and weeks have none.

    Args:
        workspace: The workspace.
        scope: The periods and the MRR policy.
        grain: The length of the periods.
    """
    if grain not in CLOSING_GRAINS:
        return scope
    with workspace.store.read() as connection:
        return replace(scope, closed=read_closed_months(connection, scope.policy.hash))


def index_totals(rows: Iterable[BridgeRow]) -> dict[date, dict[str, int]]:
    """Map each month's turn → currency → MRR in minor units."""
    totals: dict[date, dict[str, int]] = {}
    for row in rows:
        for turn, amount in ((row.period_start, row.opening), (row.period_end, row.closing)):
            if amount:
                totals.setdefault(turn, {})[row.currency] = amount
    return totals


def list_closed_months(workspace: Workspace) -> list[dict[str, Any]]:
    """List the closed and the reopened months, oldest first."""
    with workspace.store.read() as connection:
        history = read_month_history(connection, get_mrr_policy(workspace).hash)
    return [
        {"month": f"{add_months(row['turn'], -1):%Y-%m}"}
        | {name: row[name] for name in ("known_at", "closed_at", "totals", "reopened_at", "reason")}
        for row in history
    ]


def find_restatements(workspace: Workspace, scope: Scope) -> list[Restatement]:
    """Return the restatements in a scope's periods.

    Those of the running month have the index after the last period.
    """
    if not scope.closed:
        return []
    periods = scope.periods
    if max(scope.closed) == periods[-1].end:
        periods = (*periods, find_period(periods[-1].end, "month", periods[-1].zone))
    with workspace.store.read() as connection:
        if not has_mrr_changed_after(connection, scope.policy.hash, min(scope.closed.values())):
            return []
        return read_restatements(
            connection, replace(scope, periods=periods, by=(), conversion=None)
        )


def describe_bridge(
    workspace: Workspace, scope: Scope, restated: Sequence[Restatement], plain: Sequence[BridgeRow]
) -> list[str]:
    """Describe the restatements, estimates and differences behind the bridge's rows.

    Args:
        workspace: The workspace.
        scope: The periods, with their closed months.
        restated: The restatements to describe.
        plain: The rows of whole currencies, if requested; they are compared with the closed
            totals.
    """
    notes = [
        _describe_restatement(scope, restatement) for restatement in restated[:MAX_NAMED_ACCOUNTS]
    ]
    if len(restated) > MAX_NAMED_ACCOUNTS:
        notes.append(f"{len(restated) - MAX_NAMED_ACCOUNTS} more accounts are restated")
    with workspace.store.read() as connection:
        closed = read_closed_totals(connection, scope.policy.hash) if scope.closed else {}
        rebuilt = count_reconstructed_accounts(connection, scope)
    if rebuilt:
        notes.append(f"the MRR of {rebuilt} accounts is partly estimated")
    notes.extend(
        f"what was closed before {turn} no longer adds up to what it did then: accounts were "
        "erased, or declared to be tests, or their MRR was changed by hand"
        for turn in sorted(find_differing_months(closed, index_totals(plain)))
    )
    return notes


def _describe_restatement(scope: Scope, restatement: Restatement) -> str:
    amount = to_major_units(restatement.amount, restatement.currency)
    what = f"{amount:+} {restatement.currency} of {restatement.account} ({restatement.cause})"
    if restatement.period < len(scope.periods):
        return f"restated in the period from {scope.periods[restatement.period].start}: {what}"
    return (
        f"learnt since {scope.periods[-1].end} was closed: {what}; it will stand in the running "
        "month as restatement"
    )
