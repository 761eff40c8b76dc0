"""The health of every account on a day, and why."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from cs_sync.contracts.errors import ConfigError
from cs_sync.health import (
    AccountEvidence,
    Reason,
    Score,
    SignalScope,
    end_of,
    reasons_of,
    score_account,
    score_row,
)
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.health import live_accounts, read_evidence, read_signals
from cs_sync.store.lookup import find_account, mrr_at

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


def score(workspace: Workspace, *, as_of: date | None = None) -> list[dict[str, Any]]:
    """One row per account: customers before others, the worst first, the unscored last."""
    day = as_of or workspace.today
    return [one.row(day) for one in sorted(score_all(workspace, day), key=_urgency)]


def score_all(workspace: Workspace, day: date) -> list[Scored]:
    """Every live account's score at the end of a day, with evidence and 30-day change."""
    config, zone = workspace.config.health, str(workspace.config.workspace.timezone)
    now, before = end_of(day, zone), end_of(day - TREND, zone)
    with workspace.store.read() as connection:
        accounts = live_accounts(connection)
        readings = read_signals(connection, config.signals(), now)
        earlier = read_signals(connection, config.signals(), before)
        evidence = read_evidence(connection, now)
    billed = any(facts.subscriptions for facts in evidence.values())
    return [
        _scored(
            account,
            score_account(readings.get(account["id"], {}), config, now),
            score_account(earlier.get(account["id"], {}), config, before),
            evidence.get(account["id"], _NONE),
            now,
            billed=billed,
        )
        for account in accounts
    ]


def explain(
    workspace: Workspace, account: str, *, as_of: date | None = None, since: date | None = None
) -> dict[str, Any]:
    """One account's score with all that stands behind it. Raises ConfigError when unknown."""
    day = as_of or workspace.today
    with workspace.store.read() as connection:
        found = find_account(connection, account)
        if len(found) != 1:
            told = "no account" if not found else f"{len(found)} accounts"
            known = ", ".join(found[:5]) or "`cs-sync accounts` lists them"
            raise ConfigError(f"{told} answers to {account!r}", f"give its id: {known}")
        mrr = mrr_at(connection, workspace.clock(), found)
    wanted = [s for s in score_all(workspace, day) if s.account["id"] == found[0]]
    if not wanted:
        raise ConfigError(f"{account!r} is a test account", "test accounts are not scored")
    detail = wanted[0].row(day)
    detail["mrr"] = mrr.get(found[0], {})
    if since is not None:
        earlier = [s for s in score_all(workspace, since) if s.account["id"] == found[0]]
        was = earlier[0].row(since)
        detail["since"] = f"{since}: {was['band']}, " + "; ".join(was["reasons"])
    return detail


def _urgency(scored: Scored) -> tuple[bool, bool, Fraction, str]:
    found = scored.score.score
    return (not scored.is_customer, found is None, found or Fraction(0), scored.account["id"])


def _scored(
    account: dict[str, Any],
    score: Score,
    earlier: Score,
    evidence: AccountEvidence,
    scope: SignalScope,
    *,
    billed: bool,
) -> Scored:
    both = score.score is not None and earlier.score is not None
    change = score.score - earlier.score if both else None  # type: ignore[operator]
    reasons = tuple(reasons_of(score, evidence, scope))
    is_customer = bool(evidence.subscriptions) or not billed
    return Scored(account, score, evidence, reasons, change, is_customer)
