"""The course of each account: when it starts, pays, changes, tires and leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Literal

from cs_sync_sandbox.world import words
from cs_sync_sandbox.world.calendar import add_months, choose_between
from cs_sync_sandbox.world.records import Company, Leaving

MONTHLY_HAZARD = 0.032
YEARLY_HAZARD = 0.22
FADING_SHARE = 0.7
HORIZON = timedelta(days=75)  # who leaves this soon after `now` already shows it


@dataclass(frozen=True, slots=True)
class Life:
    """What will happen to an account, including what lies beyond the world's `now`."""

    company: Company
    start: datetime
    trial_end: datetime | None
    interval: Literal["month", "year"]
    leaving: Leaving | None
    back_at: datetime | None
    fade_from: date | None
    dip: tuple[date, date] | None
    payment: Literal["fine", "past_due", "unpaid", "paused"]

    @property
    def pays_from(self) -> datetime:
        """When the first paid period starts, if one does."""
        return self.trial_end or self.start

    @property
    def converted(self) -> bool:
        """Whether the account ever paid."""
        return self.leaving is None or self.leaving.ends_at > self.pays_from

    def present(self, moment: datetime) -> bool:
        """Whether the account is a customer or on trial at `moment`."""
        left = self.leaving is not None and self.leaving.ends_at <= moment
        back = self.back_at is not None and self.back_at <= moment
        return self.start <= moment and (not left or back)


def make_life(seed: int, company: Company, now: datetime) -> Life:
    """Return the life of one account that signed up."""
    rng = Random(f"{seed}:life:{company.number}")
    start = company.created_at + timedelta(minutes=rng.randrange(5, 600))
    trial = company.created_at > now - timedelta(days=14) or rng.random() < 0.65
    trial_end = start + timedelta(days=14) if trial else None
    interval: Literal["month", "year"] = "year" if rng.random() < 0.3 else "month"
    leaving = _choose_leaving(rng, start, trial_end, interval, now)
    back_at = _choose_return(rng, leaving, trial_end or start, now)
    payment = _choose_payment(rng) if interval == "month" and leaving is None else "fine"
    return Life(
        company, start, trial_end, interval, leaving, back_at,
        _choose_fade(rng, leaving), _choose_dip(rng, leaving, now), payment,
    )  # fmt: skip


def _choose_leaving(
    rng: Random,
    start: datetime,
    trial_end: datetime | None,
    interval: Literal["month", "year"],
    now: datetime,
) -> Leaving | None:
    feedback, comment = rng.choice(words.FAREWELLS)
    if trial_end and rng.random() < 0.3:
        return Leaving(trial_end, trial_end, "trial_ended", feedback, comment)
    anchor, step = trial_end or start, 12 if interval == "year" else 1
    hazard = YEARLY_HAZARD if interval == "year" else MONTHLY_HAZARD
    for count in range(1, 40):
        end = add_months(anchor, count * step)
        if end > now + HORIZON:
            return None
        if rng.random() < hazard:
            return _choose_cancellation(rng, add_months(anchor, (count - 1) * step), end)
    return None


def _choose_cancellation(rng: Random, period_start: datetime, period_end: datetime) -> Leaving:
    feedback, comment = rng.choice(words.FAREWELLS)
    roll = rng.random()
    if roll < 0.14:
        return Leaving(period_end, period_end + timedelta(days=21), "payment_failed")
    if roll < 0.32 and period_end - period_start < timedelta(days=32):
        moment = choose_between(
            rng, period_start + timedelta(days=4), period_end - timedelta(days=2)
        )
        return Leaving(moment, moment, "at_once", feedback, comment)
    notice = timedelta(days=rng.randrange(3, 26), seconds=rng.randrange(86400))
    return Leaving(period_end - notice, period_end, "period_end", feedback, comment)


def _choose_return(
    rng: Random, leaving: Leaving | None, pays_from: datetime, now: datetime
) -> datetime | None:
    if leaving is None or leaving.ends_at <= pays_from or rng.random() > 0.25:
        return None
    back = leaving.ends_at + timedelta(days=rng.randrange(35, 160), seconds=rng.randrange(86400))
    return back if back < now - timedelta(days=5) else None


def _choose_payment(rng: Random) -> Literal["fine", "past_due", "unpaid", "paused"]:
    roll = rng.random()
    if roll < 0.04:
        return "past_due"
    if roll < 0.06:
        return "unpaid"
    return "paused" if roll < 0.085 else "fine"


def _choose_fade(rng: Random, leaving: Leaving | None) -> date | None:
    """Return the day usage starts to fade: before most, not all, cancellations."""
    if leaving is None or leaving.how == "trial_ended" or rng.random() > FADING_SHARE:
        return None
    return (leaving.asked_at - timedelta(days=rng.randrange(35, 80))).date()


def _choose_dip(rng: Random, leaving: Leaving | None, now: datetime) -> tuple[date, date] | None:
    """Return a quiet spell of a healthy account, such as holidays."""
    if leaving is not None or rng.random() > 0.1:
        return None
    first = (now - timedelta(days=rng.randrange(20, 160))).date()
    return first, first + timedelta(days=rng.randrange(14, 28))
