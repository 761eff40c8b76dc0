"""Month closing: reported MRR is fixed, later knowledge becomes an explained restatement."""

from dataclasses import replace
from datetime import date, datetime

from cs_sync.contracts.errors import ConfigError, LeaseHeld
from cs_sync.contracts.events import Event
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import add_months, get_day_start
from cs_sync.queries.closed_months import CLOSING_GRAINS, apply_closed_months, index_totals
from cs_sync.queries.metric_rows import compute_bridge
from cs_sync.queries.metrics import build_scope, select_periods
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.run_session import RunSession, record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.derived_state import read_mrr_known_at
from cs_sync.store.queries.month_close import reopen_closed_months, save_month_closes


def close_shown_months(
    workspace: Workspace,
    *,
    since: date | None = None,
    until: date | None = None,
    grain: str = "month",
) -> None:
    """Close the finished months to be shown, as a run.

    While another run holds the lease they stay open, which is told as a warning.

    Args:
        workspace: The workspace.
        since: The first day of the shown range of periods.
        until: The day after the range.
        grain: day, week, month, quarter or year.

    Raises:
        ConfigError: The range has no whole period.
    """
    scope = _build_closing_scope(workspace, since, until, grain)
    if grain not in CLOSING_GRAINS or not _find_open_turns(workspace, scope):
        return
    try:
        with record_run(workspace, "close months") as recorded:
            close_months(recorded, since=since, until=until, grain=grain)
            recorded.statuses.append("ok")
    except LeaseHeld as error:
        detail = {"message": f"no month was closed: {error.message}"}
        workspace.emit(Event("warning", workspace.clock(), detail=detail))


def close_months(
    recorded: RunSession,
    *,
    since: date | None = None,
    until: date | None = None,
    grain: str = "month",
) -> None:
    """Close the finished months of a range within a run.

    A month can be closed once the MRR was updated after its end.
    """
    workspace = recorded.workspace
    scope = _build_closing_scope(workspace, since, until, grain)
    turns = _find_open_turns(workspace, scope)
    if not turns:
        return
    known_at = next(iter(turns.values()))
    as_closed = replace(scope, closed={**scope.closed, **turns})
    computed = index_totals(compute_bridge(workspace, as_closed))
    totals = {turn: computed[turn] for turn in turns if computed.get(turn)}
    policy, now = scope.policy.hash, workspace.clock()
    recorded.transact(lambda c: save_month_closes(c, policy, totals, known_at, now))


def _build_closing_scope(
    workspace: Workspace, since: date | None, until: date | None, grain: str
) -> Scope:
    periods = select_periods(workspace, None, since, until, grain)
    scope = build_scope(workspace, periods, get_mrr_policy(workspace))
    return apply_closed_months(workspace, scope, grain)


def _find_open_turns(workspace: Workspace, scope: Scope) -> dict[date, datetime]:
    """Map the turn of each closable month → its knowledge time."""
    with workspace.store.read() as connection:
        known_at = read_mrr_known_at(connection, scope.policy.hash)
    if known_at is None:
        return {}
    turns = {turn for period in scope.periods for turn in (period.start, period.end)}
    latest = max(scope.closed, default=date.min)
    return {
        turn: known_at
        for turn in sorted(turns)
        if turn > latest and get_day_start(turn, scope.policy.zone) <= known_at
    }


def reopen_months(workspace: Workspace, month: date, reason: str) -> list[date]:
    """Reopen a closed month and all later ones.

    Their next display closes them again, with the knowledge of that time.

    Args:
        workspace: The workspace.
        month: A day of the first month to reopen.
        reason: The reason; required.

    Returns:
        The first days of the reopened months.

    Raises:
        ConfigError: The reason is empty, or the month is not closed.
    """
    if not reason.strip():
        raise ConfigError("a closed month is not reopened without a reason", "give --reason TEXT")
    policy, start = get_mrr_policy(workspace).hash, month.replace(day=1)
    with record_run(workspace, "state reopen") as recorded:
        first, now = add_months(start, 1), workspace.clock()
        turns = recorded.transact(
            lambda c: reopen_closed_months(c, policy, first, reason.strip(), now)
        )
        if not turns:
            raise ConfigError(
                f"{start:%Y-%m} is not closed", "cs-sync state months lists the months that are"
            )
        recorded.statuses.append("ok")
    return [add_months(turn, -1) for turn in turns]
