"""Fitting the models of what accounts do within a horizon, as a recorded run."""

from collections.abc import Mapping
from typing import Any, get_args

from cs_sync.foresight.model import dump_model
from cs_sync.foresight.observations import Target
from cs_sync.jobs.derive import update_mrr
from cs_sync.queries.backtest import Backtest, judge_target, open_backtest
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.run_session import record_run
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.foresight import read_last_version, save_models
from cs_sync_schemas.migrations import HEAD

TARGETS: tuple[Target, ...] = get_args(Target)


def fit_models(workspace: Workspace, horizon_days: int | None = None) -> list[dict[str, Any]]:
    """Fit a model per target on all complete horizons.

    Nothing is fitted where too few accounts were seen leaving.

    Args:
        workspace: The workspace.
        horizon_days: Another horizon than the configured one.

    Returns:
        Rows of target, verdict, accepted, version, churned, needed_churned, data_cut, inputs,
        left_out.

    Raises:
        ConfigError: There is no history, or what computes with it is not installed.
        LeaseHeld: Another run is in progress.
    """
    update_mrr(workspace)
    backtest = open_backtest(workspace, horizon_days, scored=False)
    fitted = [_fit_target(backtest, target) for target in TARGETS]
    with record_run(workspace, "analyse fit") as recorded:
        with workspace.store.read() as connection:
            version = read_last_version(connection) + 1
        common = {
            "version": version,
            "run_id": recorded.id,
            "fitted_at": workspace.clock(),
            "policy": get_mrr_policy(workspace).hash,
            "revision": HEAD,
            "data_cut": backtest.panel.days[-1],
            "horizon_days": backtest.request.horizon_days,
            "lead_days": backtest.request.lead_days,
        }
        kept = [{**common, **row} for row in fitted if row["coefficients"] is not None]
        recorded.transact(lambda connection: save_models(connection, kept))
        recorded.statuses.append("ok")
    shared = {"data_cut": common["data_cut"], "left_out": _describe_left_out(backtest)}
    return [{**_summarize_fit(row, version), **shared} for row in fitted]


def _summarize_fit(row: Mapping[str, Any], version: int) -> dict[str, Any]:
    coefficients = row["coefficients"]
    return {
        "target": row["target"],
        "verdict": row["judgement"]["verdict"],
        "accepted": row["accepted"],
        "version": None if coefficients is None else version,
        "churned": row["judgement"]["churned"],
        "needed_churned": row["judgement"]["needed_churned"],
        "inputs": [term["input"] for term in coefficients["terms"]] if coefficients else [],
    }


def _fit_target(backtest: Backtest, target: Target) -> dict[str, Any]:
    """Judge a target's model, and fit it on the whole history."""
    import numpy as np

    from cs_sync.foresight.hazard import fit_hazard
    from cs_sync.foresight.walk_forward import choose_inputs

    judged = judge_target(backtest, target, ["model"])[0]
    row = judged.build_row(backtest.request.lead_days)
    coefficients = None
    if judged.ruling.verdict != "too little data":
        panel, event = backtest.panel, backtest.panel.flag(target)
        churned = panel.count_accounts(np.flatnonzero(event))
        inputs = choose_inputs(panel, churned, backtest.refused)
        model = fit_hazard(panel, np.arange(panel.size), event, inputs)
        coefficients = dump_model(model)
    return {
        "target": target,
        "accepted": judged.ruling.verdict == "signal",
        "coefficients": coefficients,
        "judgement": row,
    }


def _describe_left_out(backtest: Backtest) -> dict[str, str]:
    """Map input → why the model does without it."""
    import numpy as np

    from cs_sync.foresight.hazard import list_unusable
    from cs_sync.foresight.inputs import INPUTS

    panel = backtest.panel
    read = [item for item in INPUTS if item.name in panel.values]
    unusable = list_unusable(panel, np.arange(panel.size), read)
    hindsight = {leak.input: leak.reason for leak in backtest.leaks if leak.reason is not None}
    return {**unusable, **hindsight}
