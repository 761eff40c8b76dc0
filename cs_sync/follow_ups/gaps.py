"""What an account does not know of the product yet: features unused, steps not done."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from cs_sync.follow_ups.view import AccountView
from cs_sync.health.facts import FeatureFact, StepFact

FEWEST = 5
"""Accounts whose use of features must be known before one of them is called popular."""


def popularity(accounts: Iterable[Iterable[FeatureFact]]) -> Mapping[str, float]:
    """Feature → share of the accounts using any that used it in the last 28 days."""
    users: Counter[str] = Counter()
    number = 0
    for features in accounts:
        recent = {fact.feature for fact in features if fact.recent_days}
        number += bool(recent)
        users.update(recent)
    return {name: count / number for name, count in users.items()} if number >= FEWEST else {}


def unused_features(view: AccountView, popular_from: float) -> list[str]:
    """Features that at least this share of accounts uses and this one does not, best first."""
    if not view.features:
        return []
    used = {fact.feature for fact in view.features if fact.recent_days}
    missing = [n for n, share in view.popular.items() if share >= popular_from and n not in used]
    return sorted(missing, key=lambda name: (-view.popular[name], name))


def open_steps(view: AccountView) -> list[StepFact]:
    """The required steps of its checklists that are not done, in their order."""
    return [step for step in view.steps if step.required and step.done_at is None]


def stuck_since(view: AccountView, step: StepFact, after: timedelta) -> datetime | None:
    """Since when the account is stuck on a step; None while it is not, or nobody can know.

    A step with a due date is stuck once it has passed, another one when nothing of its checklist
    was done for so long.
    """
    if step.due_at is not None:
        return step.due_at if step.due_at <= view.now else None
    same = [s.done_at for s in view.steps if s.checklist == step.checklist and s.done_at]
    last = max(same, default=view.created_at)
    return last + after if last is not None and last + after <= view.now else None
