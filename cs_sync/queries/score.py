"""Health scores of all accounts on a day, with reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.health import (
    AccountEvidence,
    HealthConfig,
    HealthScore,
    ScoreReason,
    SignalScope,
    build_day_scope,
    build_reasons,
    build_score_row,
    list_urgent_reasons,
    score_account,
)
from cs_sync.jobs.mrr_exclusions import COMPUTATION_ERRORS
from cs_sync.queries.health_model import read_health_model
from cs_sync.runtime.mrr_policy import get_mrr_policy
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.queries.health import (
    read_band_changes,
    read_evidence,
    read_live_accounts,
    read_signals,
)

CHANGE_PERIOD = timedelta(days=30)
_NO_EVIDENCE = AccountEvidence()


@dataclass(frozen=True, slots=True)
class ScoredAccount:
    """The score of one account on one day."""

    account: dict[str, Any]
    model: HealthConfig
    score: HealthScore
    evidence: AccountEvidence
    reasons: tuple[ScoreReason, ...]
    change_30d: Fraction | None
    is_customer: bool
    """Whether a subscription of it runs; where no source knows subscriptions, every account is."""
    urgent: tuple[str, ...] = ()
    """What asks for a call whatever the score: an unpaid invoice, a scheduled cancellation."""

    def row(self, day: date) -> dict[str, Any]:
        """Return the row of `cs-sync score`."""
        account, name = self.account["id"], self.account["name"]
        row = build_score_row(account, name, day, self.score, self.reasons, self.change_30d)
        return {**row, "left_out": list(self.model.left_out)}


def list_scores(
    workspace: Workspace, *, as_of: date | None = None, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """List the scores: customers first, lowest score first, unscored accounts last.

    Args:
        workspace: The workspace.
        as_of: The day of the scores; today by default.
        known_at: Use only what was known at this time.

    Raises:
        ConfigError: The day is in the future.
    """
    day = resolve_day(workspace, as_of)
    return [
        item.row(day) for item in sorted(score_accounts(workspace, day, known_at), key=_get_urgency)
    ]


def resolve_day(workspace: Workspace, as_of: date | None) -> date:
    """Return the day to score, today by default.

    A future day has no events yet, so every account would look lost.

    Raises:
        ConfigError: The day is in the future.
    """
    if as_of is not None and as_of > workspace.today:
        raise ConfigError(f"{as_of} lies ahead", "give today or an earlier day with --as-of")
    return as_of or workspace.today


def list_band_changes(workspace: Workspace, *, since: date) -> list[dict[str, Any]]:
    """List the stored changes of band since a day, newest first."""
    with workspace.store.read() as connection:
        names = {account["id"]: account["name"] for account in read_live_accounts(connection)}
        changes = read_band_changes(connection, workspace.config.health.mode, since)
    return [{**row, "name": names[row["account"]]} for row in changes if row["account"] in names]


def score_accounts(
    workspace: Workspace,
    day: date,
    known_at: datetime | None = None,
    accounts: Sequence[str] = (),
) -> list[ScoredAccount]:
    """Score the live accounts at the end of a day, with evidence and 30-day change.

    Args:
        workspace: The workspace.
        day: The day of the scores.
        known_at: Use only what was known at this time, and the accounts known then.
        accounts: Only these account ids; empty means all.
    """
    config = read_health_model(workspace, known_at)
    zone = str(workspace.config.workspace.timezone)
    options: Any = {
        "known_at": known_at,
        "accounts": accounts,
        "active_features": workspace.config.metrics.active_features,
        "policy": get_mrr_policy(workspace).hash,
    }
    now, before = (
        replace(build_day_scope(at, zone), **options) for at in (day, day - CHANGE_PERIOD)
    )
    with workspace.store.read() as connection:
        live = read_live_accounts(connection, known_at, accounts)
        readings = read_signals(connection, config.list_signals(), now)
        earlier = read_signals(connection, config.list_signals(), before)
        evidence = read_evidence(connection, now)
    billed = any(facts.subscriptions for facts in evidence.values())

    def build_scored(account: dict[str, Any]) -> ScoredAccount:
        id_ = account["id"]
        facts, words = evidence.get(id_, _NO_EVIDENCE), workspace.words
        model = select_model(account, config, now)
        score = score_account(readings.get(id_, {}), model, now)
        then = score_account(earlier.get(id_, {}), select_model(account, config, before), before)
        return ScoredAccount(
            account,
            model,
            score,
            facts,
            tuple(build_reasons(score, facts, now, words)),
            _get_change(then, score),
            is_customer=bool(facts.subscriptions) or not billed,
            urgent=tuple(list_urgent_reasons(facts, now, words)),
        )

    scored: list[ScoredAccount] = []
    for account in live:
        try:
            scored.append(build_scored(account))
        except (
            COMPUTATION_ERRORS
        ) as error:  # one account's facts must not cost all others their score
            message = f"{account['id']} is not scored: {type(error).__name__}: {error}"
            workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
    return scored


def select_model(
    account: Mapping[str, Any], config: HealthConfig, scope: SignalScope
) -> HealthConfig:
    """Return the health model of an account on a scope's day: by segment or stage."""
    created = account["created_at"]
    age = None if created is None else (scope.day - scope.to_local_day(created)).days
    return config.select_model(account["attributes"], age)


def _get_urgency(scored: ScoredAccount) -> tuple[bool, bool, Fraction, str]:
    score = scored.score.score
    return (not scored.is_customer, score is None, score or Fraction(0), scored.account["id"])


def _get_change(earlier: HealthScore, now: HealthScore) -> Fraction | None:
    """Return the change of a score; None if either is unknown."""
    if now.score is None or earlier.score is None:
        return None
    return now.score - earlier.score
