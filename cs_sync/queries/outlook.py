"""Scores with what the last accepted model expects, and the money that is in question."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.foresight.inputs import name_definition
from cs_sync.foresight.observations import find_main_currency
from cs_sync.foresight.outlook import AlikeAccounts, Forecast
from cs_sync.foresight.stored_models import load_model
from cs_sync.health import build_day_scope
from cs_sync.health.money_at_risk import assess_risk
from cs_sync.queries.observations import build_request, read_customers, read_history
from cs_sync.queries.score import list_scores, resolve_day, resolve_day_knowledge
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import read_mrr_at
from cs_sync.store.queries.foresight import read_accepted_models
from cs_sync.store.queries.health import read_leaving_accounts


def list_scores_with_outlook(
    workspace: Workspace, *, as_of: date | None = None, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """List the scores with probabilities, their days, priority and its currency.

    Probabilities are None while no accepted model fits; the priority then rests on the score.
    For a past day they are None, as a model has learnt from what came after it.

    Args:
        workspace: The workspace.
        as_of: The day of the scores; today by default.
        known_at: Use only what was known at this time.

    Raises:
        ConfigError: The day is in the future.
    """
    day = resolve_day(workspace, as_of)
    known_at = resolve_day_knowledge(workspace, day, known_at)
    rows = list_scores(workspace, as_of=day, known_at=known_at)
    return add_outlook(workspace, rows, day, known_at)


def add_outlook(
    workspace: Workspace, rows: Sequence[dict[str, Any]], day: date, known_at: datetime | None
) -> list[dict[str, Any]]:
    """Add probabilities, priority, its basis and currency to scores.

    Args:
        workspace: The workspace.
        rows: Rows of `cs-sync score`.
        day: Their day.
        known_at: As of `list_scores_with_outlook`.
    """
    is_now = day == workspace.today and known_at is None
    forecast = predict_accounts(workspace, day) if is_now else Forecast()
    with workspace.store.read() as connection:
        scope = build_day_scope(day, str(workspace.config.workspace.timezone))
        at = workspace.clock() if known_at is None else min(known_at, scope.until)
        mrr = read_mrr_at(connection, at, get_mrr_policy(workspace).hash, known_at=known_at)
        leaving = read_leaving_accounts(connection, replace(scope, known_at=known_at))
    return [
        {**row, **forecast.row(id_), **_build_priority(row, mrr.get(id_, {}), forecast, leaving)}
        for row in rows
        for id_ in [row["account"]]
    ]


def predict_accounts(workspace: Workspace, day: date) -> Forecast:
    """Predict accounts at the end of a day.

    Empty while no model is accepted. Without a history to predict from it is empty, with a warning.
    """
    usable = _read_usable_models(workspace)
    if not usable:
        return Forecast()
    request = build_request(workspace)
    try:
        customers = read_customers(workspace, read_history(workspace), day, request)
    except ConfigError as error:
        _emit_warning(workspace, f"nothing is predicted: {error}")
        return Forecast()
    models = {target: load_model(row["coefficients"]) for target, row in usable.items()}
    chances = {
        customer.account: {
            target: model.calculate_probability(customer.values) for target, model in models.items()
        }
        for customer in customers
    }
    if "churn" not in usable:
        return Forecast(chances)
    opens = day + timedelta(days=usable["churn"]["lead_days"])
    closes = opens + timedelta(days=usable["churn"]["horizon_days"])
    alike = [
        AlikeAccounts(group["high"], group["n"], group["accounts"], group["observed"])
        for group in usable["churn"]["judgement"]["bins"]
    ]
    return Forecast(chances, opens + timedelta(days=1), closes, alike)


def _build_priority(
    row: Mapping[str, Any], mrr: Mapping[str, int], forecast: Forecast, leaving: Collection[str]
) -> dict[str, Any]:
    if not any(mrr.values()):
        return dict.fromkeys(("priority_minor", "priority_basis", "currency"))
    account, currency = row["account"], find_main_currency(mrr)
    churn = forecast.get_churn_probability(account)
    risk = assess_risk(row["score"], churn, leaving=account in leaving)
    return {
        "priority_minor": risk.apply(mrr[currency]),
        "priority_basis": risk.basis,
        "currency": currency,
    }


def _read_usable_models(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Map target → accepted model of this policy and these inputs.

    A row of `foresight_model`.
    """
    policy = get_mrr_policy(workspace).hash
    inputs = name_definition(workspace.config.metrics.active_features)
    with workspace.store.read() as connection:
        accepted = read_accepted_models(connection)
    usable: dict[str, dict[str, Any]] = {}
    for target, row in accepted.items():
        if (row["policy"], row["revision"]) == (policy, inputs):
            usable[target] = row
            continue
        what = "MRR policy" if row["policy"] != policy else "definition of its inputs"
        message = (
            f"the model of {target} (version {row['version']}) was fitted under another {what}"
            " and is not used: cs-sync analyse fit fits one anew"
        )
        _emit_warning(workspace, message)
    return usable


def _emit_warning(workspace: Workspace, message: str) -> None:
    workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
