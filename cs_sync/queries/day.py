"""The accounts of a day with their scores and MRR, computed once for all that need them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from cs_sync.foresight.outlook import Forecast
from cs_sync.health import is_leaving
from cs_sync.health.money_at_risk import RiskBasis, RiskShare, assess_risk
from cs_sync.queries.kept_results import Refreshed, keep_results
from cs_sync.queries.outlook import predict_accounts
from cs_sync.queries.score import AccountResult, ScoredAccount, refresh_scores
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.accounts import read_mrr_at

BANDS = ("red", "yellow", "green", "excellent", "insufficient")
"""Worst first; those without a score last."""


@dataclass(frozen=True, slots=True)
class DayView:
    """The scored accounts of a day, and their MRR under the configured policy."""

    day: date
    scored: Sequence[ScoredAccount]
    mrr: Mapping[str, Mapping[str, int]]
    """Account id → currency → minor units."""
    forecast: Forecast = field(default_factory=Forecast)

    @property
    def customers(self) -> list[ScoredAccount]:
        """The scored accounts that are customers."""
        return [item for item in self.scored if item.is_customer]

    @property
    def band_counts(self) -> dict[str, int]:
        """The number of customers per band, worst band first, insufficient ones last."""
        counts = Counter(item.score.band for item in self.customers)
        return {band: counts[band] for band in BANDS if counts[band]}

    @property
    def priority_basis(self) -> RiskBasis:
        """What the order of accounts rests on: that of who has not given notice."""
        return "churn_probability" if self.forecast.is_churn_known else "missing_health"

    def assess_risk(self, item: ScoredAccount) -> RiskShare:
        """Assess which share of an account's MRR is at risk."""
        score, churn = item.score.score, self.forecast.get_churn_probability(item.account["id"])
        return assess_risk(
            None if score is None else float(score), churn, leaving=is_leaving(item.evidence)
        )

    def get_mrr(self, account: str) -> Mapping[str, int]:
        """Return an account's MRR by currency, in minor units; empty without any."""
        return self.mrr.get(account, {})


def build_day_view(workspace: Workspace) -> DayView:
    """Score today's accounts, read their MRR and predict what they do."""
    day, refreshed = refresh_day_view(workspace)
    keep_results(workspace, refreshed)
    return day


def refresh_day_view(workspace: Workspace) -> tuple[DayView, Refreshed[AccountResult]]:
    """Build today's view, and what a run is to keep of it."""
    scored, refreshed = refresh_scores(workspace)
    with workspace.store.read() as connection:
        mrr = read_mrr_at(connection, workspace.clock(), get_mrr_policy(workspace).hash)
    forecast = predict_accounts(workspace, workspace.today)
    return DayView(workspace.today, scored, mrr, forecast), refreshed
