"""How an invoice ends: paid at once or late, open, given up, void or still a draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from cs_sync_sandbox.world.records import Subscription

FINALIZES_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of an invoice at the world's `now`."""

    status: Literal["draft", "open", "paid", "uncollectible", "void"]
    finalized_at: datetime | None = None
    paid_at: datetime | None = None
    closed_at: datetime | None = None
    due_at: datetime | None = None
    attempts: int = 0


def decide_outcome(
    rng: Random, subscription: Subscription, at: datetime, late: int | None, now: datetime
) -> Outcome:
    """Decide what became of the invoice created `at`.

    `late` counts the cycles after it.
    """
    finalized = at + FINALIZES_AFTER
    if finalized > now or (subscription.status == "unpaid" and late == 0):
        return Outcome("draft")
    if subscription.paused_at and at >= subscription.paused_at:
        return Outcome("void", finalized, closed_at=finalized)
    if late is not None and _does_fail(subscription, at, late):
        return _make_failed(subscription, finalized)
    if subscription.send_invoice:
        return _pay_by_transfer(rng, finalized, now)
    second_try = finalized + timedelta(days=3)
    if rng.random() < 0.04 and second_try <= now:
        return Outcome("paid", finalized, paid_at=second_try, attempts=2)
    return Outcome("paid", finalized, paid_at=finalized + timedelta(seconds=5), attempts=1)


def _does_fail(subscription: Subscription, at: datetime, late: int) -> bool:
    leaving = subscription.leaving
    if leaving and leaving.how == "payment_failed":
        return at >= leaving.asked_at
    return (subscription.status, late) in {("past_due", 0), ("unpaid", 1)}


def _make_failed(subscription: Subscription, finalized: datetime) -> Outcome:
    if subscription.ended_at:
        closed = subscription.ended_at
        return Outcome("uncollectible", finalized, closed_at=closed, attempts=4)
    return Outcome("open", finalized, attempts=2 if subscription.status == "past_due" else 4)


def _pay_by_transfer(rng: Random, finalized: datetime, now: datetime) -> Outcome:
    due = finalized + timedelta(days=30)
    paid = due + timedelta(days=rng.randrange(-22, 14))
    if paid > now:
        return Outcome("open", finalized, due_at=due)
    return Outcome("paid", finalized, paid_at=paid, due_at=due)
