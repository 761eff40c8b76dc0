"""Fitting the models of what accounts do within a horizon, as a recorded run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from msgspec.structs import asdict
from sqlalchemy import Connection

from cs_sync.foresight.inputs import name_definition
from cs_sync.foresight.observations import Target
from cs_sync.foresight.stored_models import dump_model, list_inputs
from cs_sync.jobs.derive import update_mrr
from cs_sync.queries.backtest import (
    Backtest,
    choose_model,
    fit_subject,
    judge_target,
    list_bands_together,
    open_backtest,
)
from cs_sync.queries.expected_loss import SIGNAL, list_past_forecasts
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.report_money import build_converter
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.foresight import read_last_version, save_judgement, save_models

if TYPE_CHECKING:  # numpy comes with an extra
    from cs_sync.foresight.subjects import JudgedSubject

TARGETS: tuple[Target, ...] = get_args(Target)


def fit_models(workspace: Workspace, horizon_days: int | None = None) -> list[dict[str, Any]]:
    """Judge the health score, and fit a model per target.

    All complete horizons count. The judgement is stored, for the report. Nothing is fitted where
    too few accounts were seen leaving.

    Args:
        workspace: The workspace.
        horizon_days: Another horizon than the configured one.

    Returns:
        Rows of target, verdict, accepted, version, churned, needed_churned, data_cut, inputs,
        left_out, subject (model or challenger).

    Raises:
        ConfigError: There is no history, or what computes with it is not installed.
        LeaseHeld: Another run is in progress.
    """
    update_mrr(workspace)
    backtest = open_backtest(workspace, horizon_days)
    judged = judge_target(backtest, "churn")
    fitted = []
    for target in TARGETS:
        own = judged if target == "churn" else judge_target(backtest, target, ["model"])
        fitted.append(_fit_target(backtest, choose_model(own)))
    version = _save_fit(workspace, backtest, fitted, _build_judgement(workspace, backtest, judged))
    shared = {"data_cut": backtest.panel.days[-1], "left_out": _describe_left_out(backtest)}
    return [{**_summarize_fit(row, version), **shared} for row in fitted]


def _save_fit(
    workspace: Workspace,
    backtest: Backtest,
    fitted: Sequence[Mapping[str, Any]],
    judgement: Mapping[str, Any],
) -> int:
    """Store the fitted models and the judgement under one version.

    This is a recorded run.
    """
    with record_run(workspace, "analyse fit") as recorded:
        with workspace.store.read() as connection:
            version = read_last_version(connection) + 1
        now = workspace.clock()
        common = {
            "version": version,
            "run_id": recorded.id,
            "policy": get_mrr_policy(workspace).hash,
            "data_cut": backtest.panel.days[-1],
            "horizon_days": backtest.request.horizon_days,
            "lead_days": backtest.request.lead_days,
        }
        definition = name_definition(workspace.config.metrics.active_features)
        kept = [
            {**common, "fitted_at": now, "revision": definition, **row}
            for row in fitted
            if row["coefficients"] is not None
        ]

        def save(connection: Connection) -> None:
            save_models(connection, kept)
            save_judgement(connection, {**common, "judged_at": now, **judgement})

        recorded.transact(save)
        recorded.statuses.append("ok")
    return version


def _summarize_fit(row: Mapping[str, Any], version: int) -> dict[str, Any]:
    coefficients = row["coefficients"]
    return {
        "target": row["target"],
        "verdict": row["judgement"]["verdict"],
        "accepted": row["accepted"],
        "version": None if coefficients is None else version,
        "churned": row["judgement"]["churned"],
        "needed_churned": row["judgement"]["needed_churned"],
        "inputs": list_inputs(coefficients) if coefficients else [],
        "subject": row["judgement"]["subject"],
    }


def _build_judgement(
    workspace: Workspace, backtest: Backtest, judged: "Sequence[JudgedSubject]"
) -> dict[str, Any]:
    """Build what is stored of a backtest.

    These are its subjects, bands and past forecasts.
    """
    lead, chosen = backtest.request.lead_days, choose_model(judged)
    believed = chosen.ruling.verdict == SIGNAL
    past = list_past_forecasts(backtest, chosen.subject) if believed else {}
    return {
        "model": read_health_model(workspace).digest(),
        "subjects": [subject.build_row(lead) for subject in judged],
        "bands": list_bands_together(backtest, build_converter(workspace)),
        "forecasts": [
            {
                "cutoff": day.isoformat(),
                "currency": currency,
                **asdict(forecast.expected),
                "lost": forecast.lost,
            }
            for day, forecasts in past.items()
            for currency, forecast in forecasts.items()
        ],
    }


def _fit_target(backtest: Backtest, judged: "JudgedSubject") -> dict[str, Any]:
    """Fit what predicts a target, on the whole history."""
    coefficients = None
    if judged.ruling.verdict != "too little data":
        coefficients = dump_model(fit_subject(backtest, judged))
    return {
        "target": judged.course.target,
        "accepted": judged.ruling.verdict == SIGNAL,
        "coefficients": coefficients,
        "judgement": judged.build_row(backtest.request.lead_days),
    }


def _describe_left_out(backtest: Backtest) -> dict[str, str]:
    """Map input → why the model does without it."""
    import numpy as np

    from cs_sync.foresight.hazard import list_unusable
    from cs_sync.foresight.inputs import ALL_INPUTS

    panel = backtest.panel
    read = [item for item in ALL_INPUTS if item.name in panel.values]
    unusable = list_unusable(panel, np.arange(panel.size), read)
    hindsight = {leak.input: leak.reason for leak in backtest.leaks if leak.reason is not None}
    return {**unusable, **hindsight}
