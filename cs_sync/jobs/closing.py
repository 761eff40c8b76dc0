"""Closing months: what was reported stays, what is learnt later stands apart and is explained."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.jobs.derive import mrr_known_at, policy_of
from cs_sync.jobs.figures import bridged
from cs_sync.jobs.recording import recorded_run
from cs_sync.jobs.workspace import Workspace
from cs_sync.metrics.bridge import BridgeRow
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import add_months, midnight, period_of
from cs_sync.store.closings import (
    Restated,
    changed_after,
    differing,
    read_closings,
    read_months,
    read_restated,
    read_totals,
    rebuilt_accounts,
    reopen_closings,
    save_closings,
)
from cs_sync.store.leases import check_lease
from cs_sync_schemas.money import CURRENCY_EXPONENT

BY_NAME = 5
"""How many accounts' restatements are told by name."""
_CALENDAR = ("month", "quarter", "year")


def close_months(workspace: Workspace, scope: Scope, grain: str) -> Scope:
    """The scope with its closed months; those that are over and fully known are closed now.

    A month is known when the MRR was brought up to date after its end. Days and weeks do not close.
    """
    if grain not in _CALENDAR:
        return scope
    with workspace.store.read() as connection:
        closed = read_closings(connection, scope.policy.hash)
        known_at = mrr_known_at(connection, scope.policy)
    turns = {turn for period in scope.periods for turn in (period.start, period.end)}
    latest = max(closed, default=date.min)
    fresh = [
        turn
        for turn in sorted(turns)
        if known_at and turn > latest and midnight(turn, scope.policy.zone) <= known_at
    ]
    if fresh and known_at:
        scope = replace(scope, closed=closed | dict.fromkeys(fresh, known_at))
        found = _totals(bridged(workspace, replace(scope, by=(), conversion=None)))
        totals = {turn: found[turn] for turn in fresh if found.get(turn)}
        with workspace.store.write() as connection:
            save_closings(connection, scope.policy.hash, totals, known_at, workspace.clock())
        closed |= dict.fromkeys(totals, known_at)
    return replace(scope, closed=closed)


def _totals(rows: Iterable[BridgeRow]) -> dict[date, dict[str, int]]:
    """First day after each month → currency → MRR just before it."""
    found: dict[date, dict[str, int]] = {}
    for row in rows:
        for turn, amount in ((row.period_start, row.opening), (row.period_end, row.closing)):
            if amount:
                found.setdefault(turn, {})[row.currency] = amount
    return found


def reopen(workspace: Workspace, month: date, reason: str) -> list[date]:
    """Take back that a month is closed, and with it every later one; their first days.

    They are closed anew, with what is known then, when they are shown. Raises ConfigError.
    """
    if not reason.strip():
        raise ConfigError("a closed month is not reopened without a reason", "give --reason TEXT")
    policy, start = policy_of(workspace).hash, month.replace(day=1)
    with recorded_run(workspace, "state reopen") as recorded:
        with workspace.store.write() as connection:
            check_lease(connection, recorded.held)
            turns = reopen_closings(
                connection, policy, add_months(start, 1), reason.strip(), workspace.clock()
            )
        if not turns:
            raise ConfigError(
                f"{start:%Y-%m} is not closed", "cs-sync state months lists the months that are"
            )
        recorded.statuses.append("ok")
    return [add_months(turn, -1) for turn in turns]


def months(workspace: Workspace) -> list[dict[str, Any]]:
    """One row per month that is closed, or was and is reopened, oldest first."""
    with workspace.store.read() as connection:
        found = read_months(connection, policy_of(workspace).hash)
    return [
        {"month": f"{add_months(row['turn'], -1):%Y-%m}"}
        | {name: row[name] for name in ("known_at", "closed_at", "totals", "reopened_at", "reason")}
        for row in found
    ]


def restatements(workspace: Workspace, scope: Scope) -> list[Restated]:
    """What the scope's periods restate; of the running month under the index after the last."""
    if not scope.closed:
        return []
    periods = scope.periods
    if max(scope.closed) == periods[-1].end:
        periods = (*periods, period_of(periods[-1].end, "month", periods[-1].zone))
    with workspace.store.read() as connection:
        if not changed_after(connection, scope.policy.hash, min(scope.closed.values())):
            return []
        return read_restated(connection, replace(scope, periods=periods, by=(), conversion=None))


def notes(
    workspace: Workspace, scope: Scope, restated: Sequence[Restated], plain: Sequence[BridgeRow]
) -> list[str]:
    """What stands behind the bridge's rows, in words.

    `plain`: its rows of whole currencies, when these were asked for; they are held against what
    was closed.
    """
    told = [_note(scope, one) for one in restated[:BY_NAME]]
    if len(restated) > BY_NAME:
        told.append(f"{len(restated) - BY_NAME} more accounts are restated")
    with workspace.store.read() as connection:
        closed = read_totals(connection, scope.policy.hash) if scope.closed else {}
        rebuilt = rebuilt_accounts(connection, scope)
    if rebuilt:
        told.append(f"the MRR of {rebuilt} accounts is partly rebuilt, not proven by the source")
    told.extend(
        f"what was closed before {turn} no longer adds up to what it did then: accounts were "
        "erased, or declared to be tests, or their MRR was changed by hand"
        for turn in sorted(differing(closed, _totals(plain)))
    )
    return told


def _note(scope: Scope, one: Restated) -> str:
    amount = Decimal(one.amount).scaleb(-CURRENCY_EXPONENT[one.currency])
    what = f"{amount:+} {one.currency} of {one.account} ({one.cause})"
    if one.period < len(scope.periods):
        return f"restated in the period from {scope.periods[one.period].start}: {what}"
    return (
        f"learnt since {scope.periods[-1].end} was closed: {what}; it will stand in the running "
        "month as restatement"
    )
