"""Observations of every month end, read as they were known then."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from msgspec import Struct, structs
from sqlalchemy import Connection

from cs_sync.contracts.errors import ConfigError
from cs_sync.foresight.inputs import CONTACT
from cs_sync.foresight.observations import (
    DAYS_PER_MONTH,
    TENURE,
    History,
    Observation,
    Outcome,
    Window,
    classify_outcome,
    find_main_currency,
    list_windows,
)
from cs_sync.health import SignalScope, build_day_scope, score_account
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.model_choice import select_model
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.known_at import has_history_since
from cs_sync.store.queries.accounts import read_mrr_at
from cs_sync.store.queries.foresight import (
    read_churn,
    read_first_mrr,
    read_first_mrr_time,
    read_first_read_time,
    read_newest_fact_time,
    tells_contacts,
)
from cs_sync.store.queries.health import (
    read_leaving_accounts,
    read_live_accounts,
    read_signals,
)

PREDICTIVE_SIGNALS = (
    "days_since_use",
    "usage_trend_28",
    "active_days_28",
    "mrr_change_90",
    "tickets_30",
    "nps",
    "csat_90",
)
"""Signals of dated facts whose past versions are kept: none changes with what comes after."""


class ObservationRequest(Struct, frozen=True):
    """What to read of each month end.

    `scored` adds the health score of that day; `hindsight` reads the values as recorded today
    instead of as known then, to measure how much they owe to it.
    """

    horizon_days: int
    lead_days: int
    signals: Sequence[str] = PREDICTIVE_SIGNALS
    scored: bool = False
    hindsight: bool = False


def build_request(
    workspace: Workspace, horizon_days: int | None = None, *, scored: bool = False
) -> ObservationRequest:
    """Build a request of the signals whose past is known.

    Args:
        workspace: The workspace.
        horizon_days: Another horizon than the configured one.
        scored: Also score the accounts of every month end.
    """
    settings = workspace.config.foresight
    horizon = settings.horizon_days if horizon_days is None else horizon_days
    with workspace.store.read() as connection:
        has_contacts = tells_contacts(connection)
    signals = (*PREDICTIVE_SIGNALS, CONTACT) if has_contacts else PREDICTIVE_SIGNALS
    return ObservationRequest(horizon, settings.lead_days, signals, scored=scored)


def read_history(workspace: Workspace) -> History:
    """Return the time that can be judged.

    Raises:
        ConfigError: No MRR is known.
    """
    policy = get_mrr_policy(workspace).hash
    sources = list(workspace.config.connectors.types)
    with workspace.store.read() as connection:
        read_at = read_first_read_time(connection, sources, policy)
        first = read_at and read_first_mrr_time(connection, policy, read_at)
        newest = read_newest_fact_time(connection, workspace.clock())
    if read_at is None or first is None or newest is None:
        raise ConfigError(
            "there is no history of customers: no account has MRR",
            "connect billing and run cs-sync sync; cs-sync check names what is missing",
        )
    return History(first.astimezone(workspace.config.workspace.timezone).date(), newest, read_at)


def has_hindsight(workspace: Workspace) -> bool:
    """Return whether records changed after all sources had been read once."""
    read_at = read_history(workspace).read_at
    with workspace.store.read() as connection:
        return has_history_since(connection, read_at)


def list_month_ends(
    workspace: Workspace, history: History, request: ObservationRequest
) -> list[Window]:
    """List the month ends with a complete horizon.

    Raises:
        ConfigError: There is none.
    """
    zone = workspace.config.workspace.timezone
    lead, horizon = timedelta(days=request.lead_days), timedelta(days=request.horizon_days)
    windows = list_windows(history, str(zone), lead, horizon)
    if not windows:
        last = history.ends_at.astimezone(zone).date()
        raise ConfigError(
            f"the history from {history.first} to {last}, the day of the newest record, has no "
            f"month end with a whole horizon of {request.horizon_days} days after "
            f"{request.lead_days} days of lead",
            "give a shorter horizon with --horizon, bring newer records (use, invoices, tickets), "
            "or wait",
        )
    return windows


def read_month_end(
    workspace: Workspace, history: History, window: Window, request: ObservationRequest
) -> list[Observation]:
    """Read the paying accounts of a month end, and their outcomes.

    Everything is read as known at the month end, or at the first read of all sources where
    that came later; the outcome as known at the end of the horizon. So what arrives later
    changes nothing. `read_panel` says the same of all month ends.
    """
    outcomes = _read_outcomes(workspace, history, window)
    return [
        structs.replace(item, outcome=outcome[0], left_at=outcome[1])
        for item in read_customers(workspace, history, window.cutoff, request)
        for outcome in [outcomes.get(item.account)]
        if outcome is not None
    ]


def read_customers(
    workspace: Workspace, history: History, day: date, request: ObservationRequest
) -> list[Observation]:
    """Read the paying accounts of a day as known then, by id.

    Who has given notice for all it pays is left out: that it leaves is not a prediction. Their
    outcome is `stayed` until somebody says otherwise.
    """
    until = build_day_scope(day, str(workspace.config.workspace.timezone)).until
    known_at = history.find_knowledge_time(until)
    scope = build_scope(workspace, day, known_at, request)
    model = read_health_model(workspace, known_at)
    signals = dict.fromkeys([*request.signals, *(model.list_signals() if request.scored else ())])
    with workspace.store.read() as connection:
        accounts = read_live_accounts(connection, known_at)
        first = read_first_mrr(connection, scope.policy, known_at)
        mrr = read_mrr_at(connection, scope.until, scope.policy, known_at=known_at)
        changed = has_changed(connection, scope)
        readings = read_signals(connection, signals, scope, rewritten=changed)
        leaving = read_leaving_accounts(connection, scope, rewritten=changed)
    observations = []
    for account in accounts:
        id_ = account["id"]
        paid = {currency: amount for currency, amount in mrr.get(id_, {}).items() if amount > 0}
        if not paid or id_ not in first or id_ in leaving:
            continue
        own, currency = readings.get(id_, {}), find_main_currency(paid)
        values: dict[str, float | None] = {
            name: own[name].value if name in own else None for name in signals
        }
        values[TENURE] = (scope.until - first[id_]) / timedelta(days=1) / DAYS_PER_MONTH
        item = Observation(id_, day, "stayed", paid[currency], currency, values)
        if request.scored:
            score = score_account(own, select_model(account, model, scope), scope)
            points = None if score.score is None else float(score.score)
            item = structs.replace(item, score=points, band=score.band)
        observations.append(item)
    return observations


def has_changed(connection: Connection, scope: SignalScope) -> bool:
    """Return whether records changed since the time of knowledge."""
    return scope.known_at is not None and has_history_since(connection, scope.known_at)


def build_scope(
    workspace: Workspace, day: date, known_at: datetime, request: ObservationRequest
) -> SignalScope:
    """Build the scope of a day's signals, known then or with hindsight."""
    return replace(
        build_day_scope(day, str(workspace.config.workspace.timezone)),
        known_at=None if request.hindsight else known_at,
        active_features=workspace.config.metrics.active_features,
        policy=get_mrr_policy(workspace).hash,
    )


def _read_outcomes(
    workspace: Workspace, history: History, window: Window
) -> Mapping[str, tuple[Outcome, datetime | None]]:
    """Map account → outcome and departure, as known at the horizon.

    Who left during the lead is not in it.
    """
    policy = get_mrr_policy(workspace).hash
    known_at = history.find_knowledge_time(window.closes_at)
    with workspace.store.read() as connection:
        left = read_churn(connection, policy, window.until, window.closes_at, known_at)
        before, after = (
            read_mrr_at(connection, at, policy, known_at=known_at)
            for at in (window.opens_at, window.closes_at)
        )
    outcomes: dict[str, tuple[Outcome, datetime | None]] = {}
    for account in {**before, **left}:
        leaving = left.get(account, [])
        if leaving and leaving[0][0] <= window.opens_at:
            continue
        outcome = classify_outcome(
            [reason for _, reason in leaving], before.get(account, {}), after.get(account, {})
        )
        if outcome is not None:
            outcomes[account] = outcome, leaving[0][0] if leaving else None
    return outcomes
