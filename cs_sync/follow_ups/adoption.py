"""Product adoption of an account: unused features, open onboarding steps."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from cs_sync.follow_ups.view import AccountView
from cs_sync.health.facts import StepFact

MIN_ACCOUNTS = 5
"""Accounts whose use of features must be known before one of them is called popular."""


def compute_popularity(accounts: Iterable[Collection[str]]) -> Mapping[str, float]:
    """Compute the share of accounts that use each feature.

    Use counts in the last 28 days.

    Args:
        accounts: The distinct features that each account used.

    Returns:
        Feature → share of the accounts with any use; empty below `MIN_ACCOUNTS` accounts.
    """
    users: Counter[str] = Counter()
    number = 0
    for features in accounts:
        number += bool(features)
        users.update(features)
    return {name: count / number for name, count in users.items()} if number >= MIN_ACCOUNTS else {}


def find_unused_features(view: AccountView, popular_from: float) -> list[str]:
    """Return the popular features this account does not use, most popular first.

    Args:
        view: The account.
        popular_from: The lowest share of accounts for a popular feature.
    """
    if not view.features:
        return []
    used = {fact.feature for fact in view.features if fact.recent_days}
    missing = [n for n, share in view.popular.items() if share >= popular_from and n not in used]
    return sorted(missing, key=lambda name: (-view.popular[name], name))


def list_open_steps(view: AccountView) -> list[StepFact]:
    """Return the required, unfinished onboarding steps in their order."""
    return [step for step in view.steps if step.required and step.done_at is None]


def get_stuck_since(view: AccountView, step: StepFact, after: timedelta) -> datetime | None:
    """Return when the account got stuck on a step.

    A step with a due date is stuck after that date, another one after `after` without
    progress on its checklist.

    Args:
        view: The account.
        step: The onboarding step.
        after: The time without progress.
    """
    if step.due_at is not None:
        return step.due_at if step.due_at <= view.now else None
    same = [s.done_at for s in view.steps if s.checklist == step.checklist and s.done_at]
    last = max(same, default=view.created_at)
    return last + after if last is not None and last + after <= view.now else None
