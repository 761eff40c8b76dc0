"""The backtest: health score and model judged on the workspace's own history."""

from collections.abc import Iterable, Sequence
from datetime import date
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.contracts.errors import ConfigError
from cs_sync.foresight.inputs import REFUSED
from cs_sync.foresight.observations import Target
from cs_sync.queries.day import BANDS
from cs_sync.queries.observations import (
    ObservationRequest,
    build_request,
    has_hindsight,
    list_month_ends,
    read_history,
    read_month_end,
)
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.health import read_live_accounts

if TYPE_CHECKING:  # numpy comes with an extra; what needs it is imported where it is used
    from cs_sync.foresight.bands import BandCount
    from cs_sync.foresight.leaks import Leak
    from cs_sync.foresight.panel import Panel
    from cs_sync.foresight.stored_models import FittedModel
    from cs_sync.foresight.subjects import JudgedSubject
    from cs_sync.queries.report_money import MoneyConverter

MAIN_TARGETS: tuple[Target, ...] = ("churn", "contraction", "expansion")
CAUSES: tuple[Target, ...] = ("voluntary", "involuntary")
"""Ways to leave: of them the model alone is judged."""


class Backtest(Struct, frozen=True):
    """The history that was read, and what may be learnt from it."""

    request: ObservationRequest
    capacity: int
    panel: "Panel"
    leaks: "Sequence[Leak]"
    since: date | None = None

    @property
    def refused(self) -> dict[str, str]:
        """Value → why nothing may be learnt from it."""
        reasons = {leak.input: leak.reason for leak in self.leaks if leak.reason is not None}
        return {**_list_refused(self.request), **reasons}


def open_backtest(
    workspace: Workspace,
    horizon_days: int | None = None,
    since: date | None = None,
    *,
    scored: bool = True,
) -> Backtest:
    """Read the history of a backtest.

    Args:
        workspace: The workspace, its MRR up to date.
        horizon_days: Another horizon than the configured one.
        since: The first day of a judged month end.
        scored: Also score every month end.

    Raises:
        ConfigError: There is no history, or what computes with it is not installed.
    """
    check_installed()
    from cs_sync.foresight.leaks import measure_leaks
    from cs_sync.queries.panel import read_panel

    request = build_request(workspace, horizon_days, scored=scored)
    panel = read_panel(workspace, request)
    if not panel.size:
        raise ConfigError(
            "no customer has a whole horizon behind it",
            "wait until there is more history, or give a shorter horizon with --horizon",
        )
    if since is not None and since > panel.days[-1]:
        raise ConfigError(
            f"no month end from {since} on has a whole horizon",
            f"give a day up to {panel.days[-1]} with --since",
        )
    recorded = panel
    if has_hindsight(workspace):
        hindsight = replace(request, scored=False, hindsight=True)
        recorded = read_panel(workspace, hindsight)
    leaks = measure_leaks(panel, recorded, _list_refused(request))
    return Backtest(request, workspace.config.foresight.capacity, panel, leaks, since)


def _list_refused(request: ObservationRequest) -> dict[str, str]:
    """Map value → why nothing may be learnt from it.

    A signal that is read for observations has its past.
    """
    return {name: reason for name, reason in REFUSED.items() if name not in request.signals}


def check_installed() -> None:
    """Raise ConfigError if the libraries of the `analyse` extra are not installed."""
    for module, name in (("numpy", "numpy"), ("sklearn", "scikit-learn")):
        if find_spec(module) is None:
            raise ConfigError(
                f"learning from history needs {name}, which is not installed",
                "pip install 'customer-success-sync[analyse]'",
            )


def list_verdicts(backtest: Backtest) -> list[dict[str, Any]]:
    """List the judged subjects of every target, churn first."""
    lead = backtest.request.lead_days
    judged = [
        *(row for target in MAIN_TARGETS for row in judge_target(backtest, target)),
        *(row for target in CAUSES for row in judge_target(backtest, target, ["model"])),
    ]
    return [row.build_row(lead) for row in judged]


def judge_target(
    backtest: Backtest, target: Target, subjects: Sequence[Any] = ()
) -> "list[JudgedSubject]":
    """Judge what predicts a target, walk-forward.

    Args:
        backtest: The history.
        target: What is predicted.
        subjects: What to judge; by default score, model and their rivals.
    """
    from cs_sync.foresight.subjects import judge_subjects
    from cs_sync.foresight.walk_forward import SUBJECTS, Course

    request = backtest.request
    days = request.lead_days + request.horizon_days
    course = Course(target, days, backtest.since, frozenset(backtest.refused))
    return judge_subjects(backtest.panel, course, backtest.capacity, subjects or SUBJECTS)


def choose_model(judged: Iterable["JudgedSubject"]) -> "JudgedSubject":
    """Choose who predicts: the model, or its challenger once promoted and believed.

    Args:
        judged: What was judged for one target; the model among it.
    """
    by_name = {subject.subject: subject for subject in judged}
    challenger = by_name.get("challenger")
    if challenger and challenger.promoted and challenger.ruling.verdict == "signal":
        return challenger
    return by_name["model"]


def list_bands(backtest: Backtest) -> list[dict[str, Any]]:
    """List accounts and MRR per band, and what of them left.

    There is a row per month end and band. The rows without a cutoff count all month ends together.
    """
    import numpy as np

    from cs_sync.foresight.bands import count_bands

    panel = backtest.panel
    judged = np.array([backtest.since is None or day >= backtest.since for day in panel.days])
    rows: list[dict[str, Any]] = []
    for code, currency in enumerate(panel.currencies):
        own = np.flatnonzero((panel.currency == code) & judged[panel.cutoff])
        rows += [_build_band_row(count, currency) for count in count_bands(panel, own, BANDS)]
    return rows


def list_bands_together(backtest: Backtest, money: "MoneyConverter") -> list[dict[str, Any]]:
    """List accounts and MRR per band, and what of them left.

    All month ends count.

    Args:
        backtest: The history, its accounts scored.
        money: Converts into the currency of the rows; MRR without a rate counts as 0.
    """
    import numpy as np

    from cs_sync.foresight.bands import count_bands_together

    panel = backtest.panel
    mrr = panel.mrr.copy()
    for code, currency in enumerate(panel.currencies):
        rate = money.find_rate(currency)
        own = panel.currency == code
        mrr[own] = 0 if rate is None else np.rint(mrr[own] * float(rate))
    converted = replace(panel, mrr=mrr)
    counts = count_bands_together(converted, np.arange(panel.size), BANDS)
    return [_build_band_row(count, money.currency) for count in counts]


def _build_band_row(count: "BandCount", currency: str) -> dict[str, Any]:
    """Build a row of `cs-sync backtest --bands`."""
    low, high = count.interval or (None, None)
    mrr_low, mrr_high = count.mrr_interval or (None, None)
    return {
        "cutoff": count.cutoff,
        "band": count.band,
        "accounts": count.accounts,
        "churned": count.churned,
        "rate": count.churned / count.accounts,
        "low": low,
        "high": high,
        "mrr": count.mrr,
        "mrr_churned": count.mrr_churned,
        "currency": currency,
        "mrr_low": mrr_low,
        "mrr_high": mrr_high,
    }


def fit_subject(backtest: Backtest, judged: "JudgedSubject") -> "FittedModel":
    """Fit a judged target's model or challenger on the whole history."""
    import numpy as np

    from cs_sync.foresight.challenger import fit_trees
    from cs_sync.foresight.hazard import fit_hazard
    from cs_sync.foresight.walk_forward import choose_inputs

    panel, event = backtest.panel, backtest.panel.flag(judged.course.target)
    churned = panel.count_accounts(np.flatnonzero(event))
    inputs = choose_inputs(panel, churned, frozenset(backtest.refused))
    fit = fit_trees if judged.subject == "challenger" else fit_hazard
    return fit(panel, np.arange(panel.size), event, inputs)


def list_leaks(backtest: Backtest) -> list[dict[str, Any]]:
    """List inputs as known then and as recorded today."""
    return [
        {
            "input": leak.input,
            "n": leak.n,
            "auc_known": leak.auc_known,
            "auc_recorded": leak.auc_recorded,
            "difference": leak.difference,
            "verdict": "used" if leak.reason is None else "refused",
            "reason": leak.reason,
        }
        for leak in backtest.leaks
    ]


def list_red_accounts(
    workspace: Workspace, horizon_days: int | None = None
) -> list[dict[str, Any]]:
    """List the last judged month's red accounts, and their fate.

    They are in order of their names.

    Raises:
        ConfigError: There is no history.
    """
    request = build_request(workspace, horizon_days, scored=True)
    history = read_history(workspace)
    window = list_month_ends(workspace, history, request)[-1]
    observed = read_month_end(workspace, history, window, request)
    with workspace.store.read() as connection:
        names = {account["id"]: account["name"] for account in read_live_accounts(connection)}
    red = sorted(
        (item for item in observed if item.band == "red"),
        key=lambda item: (item.left_at is None, -item.mrr, item.account),
    )
    return [
        {
            "cutoff": item.cutoff,
            "account": item.account,
            "name": names.get(item.account),
            "score": item.score,
            "mrr": item.mrr,
            "currency": item.currency,
            "outcome": item.outcome,
            "left_at": item.left_at,
        }
        for item in red
    ]
