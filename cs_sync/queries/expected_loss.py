"""Expected loss of MRR within the next horizon, if predictions can be believed."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cs_sync.foresight.expected_loss import (
    AccountRisk,
    ExpectedLoss,
    PastForecast,
    calculate_moments,
    count_overlap,
    estimate_loss,
)
from cs_sync.foresight.observations import Observation, build_window, find_main_currency
from cs_sync.queries.backtest import (
    Backtest,
    choose_model,
    fit_subject,
    judge_target,
    open_backtest,
)
from cs_sync.queries.observations import read_customers, read_history
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import read_mrr_at
from cs_sync.store.queries.health import read_live_accounts

if TYPE_CHECKING:  # numpy comes with an extra
    from cs_sync.foresight.stored_models import FittedModel
    from cs_sync.foresight.subjects import JudgedSubject
    from cs_sync.foresight.walk_forward import Subject

SIGNAL = "signal"


class _Forecast(Struct, frozen=True):
    """What a fitted model says of today's customers, and said of earlier months."""

    model: "FittedModel"
    past: Mapping[str, Sequence[PastForecast]]
    """Currency → the walk-forward forecasts, oldest first."""


def list_expected_loss(
    workspace: Workspace, horizon_days: int | None = None
) -> list[dict[str, Any]]:
    """List the MRR expected to be lost, by currency.

    It may be lost within the next horizon. The figures are None unless the backtest finds a signal.
    Who has given notice for all it pays is not a prediction: its MRR is counted apart.

    Args:
        workspace: The workspace, its MRR up to date.
        horizon_days: Another horizon than the configured one.

    Raises:
        ConfigError: There is no history, or what computes with it is not installed.
    """
    backtest = open_backtest(workspace, horizon_days, scored=False)
    request, today = backtest.request, workspace.today
    chosen = choose_model(judge_target(backtest, "churn", ["model"]))
    ruling = chosen.ruling
    customers = read_customers(workspace, read_history(workspace), today, request)
    window = build_window(
        today,
        str(workspace.config.workspace.timezone),
        timedelta(days=request.lead_days),
        timedelta(days=request.horizon_days),
    )
    forecast = _forecast(backtest, chosen) if ruling.verdict == SIGNAL else None
    overlap = count_overlap(request.horizon_days)
    mrr, zone = _read_mrr(workspace), workspace.config.workspace.timezone
    rows = []
    for currency in sorted(mrr):
        own = [item for item in customers if item.currency == currency]
        loss = None if forecast is None else _estimate(forecast, own, currency, overlap)
        rows.append(
            {
                "currency": currency,
                "start": window.opens_at.astimezone(zone).date(),
                "end": window.closes_at.astimezone(zone).date(),
                "accounts": len(own),
                "mrr": sum(item.mrr for item in own),
                **_format_loss(loss),
                "given_notice": mrr[currency] - sum(item.mrr for item in own),
                "verdict": ruling.verdict,
                "needed_churned": ruling.needed_churned,
            }
        )
    return rows


def _format_loss(loss: ExpectedLoss | None) -> dict[str, Any]:
    """Format an expected loss in whole minor units.

    Without one all is None.
    """
    if loss is None:
        return dict.fromkeys(("expected", "low", "high", "coverage", "covered", "judged"))
    return {
        "expected": round(loss.expected),
        "low": None if loss.low is None else round(loss.low),
        "high": None if loss.high is None else round(loss.high),
        "coverage": loss.coverage,
        "covered": loss.covered,
        "judged": loss.judged,
    }


def _read_mrr(workspace: Workspace) -> dict[str, int]:
    """Read today's MRR by currency.

    Of accounts with several, the largest one.
    """
    with workspace.store.read() as connection:
        paid = read_mrr_at(connection, workspace.clock(), get_mrr_policy(workspace).hash)
        live = {account["id"] for account in read_live_accounts(connection)}
    totals: dict[str, int] = {}
    for account, amounts in paid.items():
        if account in live and any(amounts.values()):
            currency = find_main_currency(amounts)
            totals[currency] = totals.get(currency, 0) + amounts[currency]
    return totals


def _forecast(backtest: Backtest, judged: "JudgedSubject") -> _Forecast:
    """Fit the chosen model, and forecast every judged month end.

    A month end is forecast from its own past alone.
    """
    panel, past = backtest.panel, list_past_forecasts(backtest, judged.subject)
    by_currency = {
        currency: [forecasts[currency] for forecasts in past.values()]
        for currency in panel.currencies
    }
    return _Forecast(fit_subject(backtest, judged), by_currency)


def list_past_forecasts(
    backtest: Backtest, subject: "Subject" = "model"
) -> dict[date, dict[str, PastForecast]]:
    """Map judged month end → currency → its past forecast.

    A forecast rests on what was before it.

    Args:
        backtest: The history, with month ends that can be judged.
        subject: Who predicts.
    """
    import numpy as np

    from cs_sync.foresight.walk_forward import Course, list_folds, walk_forward

    panel, request = backtest.panel, backtest.request
    course = Course(
        "churn", request.lead_days + request.horizon_days, None, frozenset(backtest.refused)
    )
    event = panel.flag("churn")
    rows = np.concatenate([fold.judged for fold in list_folds(panel, course)])
    probability = walk_forward(panel, course, [subject])[subject].probability
    past: dict[date, dict[str, PastForecast]] = {}
    for cutoff in np.unique(panel.cutoff[rows]):
        for code, currency in enumerate(panel.currencies):
            place = np.flatnonzero((panel.cutoff[rows] == cutoff) & (panel.currency[rows] == code))
            own = rows[place]
            risks = map(AccountRisk, probability[place].tolist(), panel.mrr[own].tolist())
            lost = int(panel.mrr[own][event[own]].sum())
            forecast = PastForecast(calculate_moments(risks), lost)
            past.setdefault(panel.days[cutoff], {})[currency] = forecast
    return past


def _estimate(
    forecast: _Forecast, customers: Sequence[Observation], currency: str, overlap: int
) -> ExpectedLoss:
    model = forecast.model
    risks = [AccountRisk(model.calculate_probability(item.values), item.mrr) for item in customers]
    return estimate_loss(risks, forecast.past.get(currency, ()), overlap)
