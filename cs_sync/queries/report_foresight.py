"""Predictions of the report: the kept backtest, and the expected churn of today's customers."""

from collections.abc import Iterable, Mapping
from typing import Any

from cs_sync.foresight.expected_loss import (
    AccountRisk,
    LossMoments,
    PastForecast,
    convert_forecast,
    count_overlap,
    estimate_loss,
)
from cs_sync.queries.day import DayView
from cs_sync.queries.health_model import read_health_model
from cs_sync.queries.report_money import MoneyConverter
from cs_sync.report import BacktestResult, ExpectedChurn
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.foresight import read_accepted_models, read_last_judgement


def read_backtest(workspace: Workspace) -> BacktestResult | None:
    """Return the last kept backtest; None before the first."""
    with workspace.store.read() as connection:
        row = read_last_judgement(connection)
    if row is None:
        return None
    now = (get_mrr_policy(workspace).hash, read_health_model(workspace).digest())
    return BacktestResult(
        judged_on=row["judged_at"].astimezone(workspace.config.workspace.timezone).date(),
        data_cut=row["data_cut"],
        horizon_days=row["horizon_days"],
        lead_days=row["lead_days"],
        subjects=row["subjects"],
        bands=row["bands"],
        outdated=(row["policy"], row["model"]) != now,
    )


def estimate_expected_churn(
    workspace: Workspace, day: DayView, money: MoneyConverter
) -> ExpectedChurn | None:
    """Estimate the MRR that today's customers take with them.

    None while no model is accepted. MRR without an exchange rate is left out.

    Args:
        workspace: The workspace.
        day: The accounts of today, with what the accepted model expects of them.
        money: Converts into the report's currency.
    """
    forecast = day.forecast
    if forecast.churn_from is None or forecast.churn_until is None:
        return None
    with workspace.store.read() as connection:
        model = read_accepted_models(connection)["churn"]
        judged = read_last_judgement(connection, model["version"])
    risks = [
        AccountRisk(chances["churn"], money.add_up(day.get_mrr(account)))
        for account, chances in forecast.chances.items()
    ]
    past = _convert_forecasts(judged["forecasts"] if judged else (), money)
    loss = estimate_loss(risks, past, count_overlap(model["horizon_days"]))
    return ExpectedChurn(
        first=forecast.churn_from,
        last=forecast.churn_until,
        accounts=len(risks),
        expected=round(loss.expected),
        low=None if loss.low is None else round(loss.low),
        high=None if loss.high is None else round(loss.high),
        covered=loss.covered,
        judged=loss.judged,
    )


def _convert_forecasts(
    rows: Iterable[Mapping[str, Any]], money: MoneyConverter
) -> list[PastForecast]:
    """Convert the stored forecasts at today's rates, oldest first.

    There is one per month end.
    """
    months: dict[str, dict[str, PastForecast]] = {}
    for row in rows:
        expected = LossMoments(row["mean"], row["variance"], row["third"])
        own = months.setdefault(row["cutoff"], {})
        own[row["currency"]] = PastForecast(expected, row["lost"])
    rates = {
        code: float(rate)
        for code in {row["currency"] for row in rows}
        if (rate := money.find_rate(code)) is not None
    }
    return [convert_forecast(months[cutoff], rates) for cutoff in sorted(months)]
