"""The health of every account on a day, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.contracts.events import Event
from cs_sync.health import (
    AccountEvidence,
    HealthConfig,
    Reason,
    Score,
    SignalScope,
    end_of,
    reasons_of,
    score_account,
    score_row,
)
from cs_sync.jobs.left_out import IMPOSSIBLE
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.health import band_changes, live_accounts, read_evidence, read_signals
from cs_sync.words import Words

TREND = timedelta(days=30)
_NONE = AccountEvidence()


@dataclass(frozen=True, slots=True)
class Scored:
    """One account on one day."""

    account: dict[str, Any]
    score: Score
    evidence: AccountEvidence
    reasons: tuple[Reason, ...]
    change_30d: Fraction | None
    is_customer: bool
    """Whether a subscription of it runs; where no source knows subscriptions, every account is."""

    def row(self, day: date) -> dict[str, Any]:
        """As `cs-sync score` prints it."""
        account, name = self.account["id"], self.account["name"]
        return score_row(account, name, day, self.score, self.reasons, self.change_30d)


def score(
    workspace: Workspace, *, as_of: date | None = None, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """One row per account: customers before others, the worst first, the unscored last.

    Raises ConfigError for a day that lies ahead.
    """
    day = day_of(workspace, as_of)
    return [one.row(day) for one in sorted(score_all(workspace, day, known_at), key=_urgency)]


def day_of(workspace: Workspace, as_of: date | None) -> date:
    """The day to judge, by default today. Raises ConfigError for one that lies ahead.

    Nothing has happened on it yet, and everybody would look as if they had left.
    """
    if as_of is not None and as_of > workspace.today:
        raise ConfigError(f"{as_of} lies ahead", "give today or an earlier day with --as-of")
    return as_of or workspace.today


def migrations(workspace: Workspace, *, since: date) -> list[dict[str, Any]]:
    """One row per change of band that is on record since a day, the newest first."""
    with workspace.store.read() as connection:
        names = {account["id"]: account["name"] for account in live_accounts(connection)}
        found = band_changes(connection, workspace.config.health.mode, since)
    return [{**row, "name": names[row["account"]]} for row in found if row["account"] in names]


def score_all(workspace: Workspace, day: date, known_at: datetime | None = None) -> list[Scored]:
    """Every live account's score at the end of a day, with evidence and 30-day change.

    `known_at` asks what would have been said then, of the accounts that were known then.
    """
    config, zone = workspace.config.health, str(workspace.config.workspace.timezone)
    asked: Any = {
        "known_at": known_at,
        "active_features": workspace.config.metrics.active_features,
    }
    now, before = (replace(end_of(at, zone), **asked) for at in (day, day - TREND))
    with workspace.store.read() as connection:
        accounts = live_accounts(connection, known_at)
        readings = read_signals(connection, config.signals(), now)
        earlier = read_signals(connection, config.signals(), before)
        evidence = read_evidence(connection, now)
    billed = any(facts.subscriptions for facts in evidence.values())

    def one(account: dict[str, Any]) -> Scored:
        id_ = account["id"]
        return _scored(
            account,
            score_account(readings.get(id_, {}), model_of(account, config, now), now),
            score_account(earlier.get(id_, {}), model_of(account, config, before), before),
            evidence.get(id_, _NONE),
            now,
            workspace.words,
            billed=billed,
        )

    scored: list[Scored] = []
    for account in accounts:
        try:
            scored.append(one(account))
        except IMPOSSIBLE as error:  # one account's facts must not cost all others their score
            message = f"{account['id']} is not scored: {type(error).__name__}: {error}"
            workspace.emit(Event("warning", workspace.clock(), detail={"message": message}))
    return scored


def model_of(account: Mapping[str, Any], config: HealthConfig, scope: SignalScope) -> HealthConfig:
    """The model by which an account is scored on a scope's day: its segment's or its stage's."""
    created = account["created_at"]
    age = None if created is None else (scope.day - scope.local_day(created)).days
    return config.model_for(account["attributes"], age)


def _urgency(scored: Scored) -> tuple[bool, bool, Fraction, str]:
    found = scored.score.score
    return (not scored.is_customer, found is None, found or Fraction(0), scored.account["id"])


def _scored(
    account: dict[str, Any],
    score: Score,
    earlier: Score,
    evidence: AccountEvidence,
    scope: SignalScope,
    words: Words,
    *,
    billed: bool,
) -> Scored:
    both = score.score is not None and earlier.score is not None
    change = score.score - earlier.score if both else None  # type: ignore[operator]
    reasons = tuple(reasons_of(score, evidence, scope, words))
    is_customer = bool(evidence.subscriptions) or not billed
    return Scored(account, score, evidence, reasons, change, is_customer)
