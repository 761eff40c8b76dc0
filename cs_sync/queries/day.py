"""The accounts of a day with their scores and MRR, computed once for all that need them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from msgspec import Struct, field

from cs_sync.follow_ups import PersonFact
from cs_sync.foresight.outlook import Forecast
from cs_sync.health import build_day_scope
from cs_sync.health.facts import sum_owed
from cs_sync.health.money_at_risk import (
    RiskBasis,
    RiskShare,
    assess_risk,
    calculate_money_at_risk,
)
from cs_sync.queries.account_batches import AccountBatch
from cs_sync.queries.kept_results import (
    Refreshed,
    WrittenResults,
    hash_parts,
    keep_results,
    refresh_results,
)
from cs_sync.queries.kept_use import KeptUse
from cs_sync.queries.outlook import predict_accounts
from cs_sync.queries.score import AccountResult, ScoredAccount, TakeResults, refresh_scores
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.fast.kept_results import KeptUpdate
from cs_sync.store.fast.packed_json import PackedJson
from cs_sync.store.queries.accounts import read_mrr_at
from cs_sync.store.queries.health import read_uncounted_accounts
from cs_sync.store.queries.people import read_people

BANDS = ("red", "yellow", "green", "excellent", "insufficient")
"""Worst first; those without a score last."""
PEOPLE = ("people", PackedJson[tuple[PersonFact, ...]](tuple[PersonFact, ...]))


class DayView(Struct, frozen=True):
    """The scored accounts of a day, and their MRR under the configured policy."""

    day: date
    scored: Sequence[ScoredAccount]
    results: WrittenResults[AccountResult]
    """What the scores are read from."""
    mrr: Mapping[str, Mapping[str, int]]
    """Account id → currency → minor units."""
    people: WrittenResults[tuple[PersonFact, ...]]
    """Account id → its people, with their use of the product."""
    forecast: Forecast = field(default_factory=Forecast)

    @property
    def customers(self) -> list[ScoredAccount]:
        """The scored accounts that are customers."""
        return [item for item in self.scored if item.is_customer]

    @property
    def band_counts(self) -> dict[str, int]:
        """The number of customers per band, worst band first, insufficient ones last."""
        counts = Counter(item.band for item in self.customers)
        return {band: counts[band] for band in BANDS if counts[band]}

    @property
    def priority_basis(self) -> RiskBasis:
        """What the order of accounts rests on.

        It is that of who has not given notice.
        """
        return "churn_probability" if self.forecast.is_churn_known else "missing_health"

    def assess_risk(self, item: ScoredAccount) -> RiskShare:
        """Assess which share of an account's MRR is at risk."""
        score, churn = item.points, self.forecast.get_churn_probability(item.account["id"])
        return assess_risk(
            None if score is None else float(score), churn, leaving=item.head.is_leaving
        )

    def calculate_money_at_risk(self, item: ScoredAccount) -> float:
        """Calculate an account's money at risk, in currency units."""
        owed = sum_owed(item.evidence.invoices if item.head.is_on_agenda else ())
        return calculate_money_at_risk(
            self.get_mrr(item.account["id"]), self.assess_risk(item), owed
        )

    def get_mrr(self, account: str) -> Mapping[str, int]:
        """Return an account's MRR by currency, in minor units; empty without any."""
        return self.mrr.get(account, {})


def build_day_view(workspace: Workspace) -> DayView:
    """Score today's accounts, read their MRR and predict what they do."""
    refreshed = refresh_day_view(workspace)
    keep_results(workspace, refreshed.scores)
    keep_results(workspace, refreshed.people)
    refreshed.use.keep_new_use()
    return refreshed.day


class RefreshedDay(Struct, frozen=True):
    """The view of today, and what of it a run is to keep."""

    day: DayView
    scores: Refreshed[AccountResult]
    people: Refreshed[tuple[PersonFact, ...]]
    use: KeptUse

    def list_updates(self) -> list[KeptUpdate]:
        """List what is new."""
        return [*filter(None, (self.scores.update, self.people.update, self.use.update))]


def refresh_day_view(workspace: Workspace, take: TakeResults = lambda *_: None) -> RefreshedDay:
    """Build the view of today.

    Args:
        workspace: The workspace.
        take: Gets new results while they are at hand as objects.
    """
    scored, scores, use = refresh_scores(workspace, take)
    people = _refresh_people(workspace, [item.account["id"] for item in scored], use)
    with workspace.store.read() as connection:
        mrr = read_mrr_at(connection, workspace.clock(), get_mrr_policy(workspace).hash)
    forecast = predict_accounts(workspace, workspace.today)
    today, results = workspace.today, scores.results
    day = DayView(today, scored, results, mrr, people.results, forecast)
    return RefreshedDay(day, scores, people, use)


def _refresh_people(
    workspace: Workspace, accounts: Sequence[str], use: KeptUse
) -> Refreshed[tuple[PersonFact, ...]]:
    """Read the people of accounts with their use.

    Kept ones, where nothing of the accounts changed.
    """
    zone = str(workspace.config.workspace.timezone)
    features = workspace.config.metrics.active_features
    scope = replace(build_day_scope(workspace.today, zone), active_features=features)
    with workspace.store.read() as connection:
        # Whose use at another account counts depends on that one.
        uncounted = read_uncounted_accounts(connection)

    def compute(batch: AccountBatch) -> dict[str, tuple[PersonFact, ...]]:
        uses = use.list_uses_of_people(batch)
        with workspace.store.read() as connection:
            people = read_people(connection, scope, batch.chosen, uses)
        return {account: people.get(account, ()) for account in batch.ids}

    basis = hash_parts([scope.day, zone, features, uncounted])
    return refresh_results(workspace, PEOPLE, basis, accounts, compute)
