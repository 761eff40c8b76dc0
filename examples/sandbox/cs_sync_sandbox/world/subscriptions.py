"""Subscriptions from lives: items that change plan, seats and add-ons, discounts, status."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from cs_sync_sandbox.world import catalog
from cs_sync_sandbox.world.calendar import add_months, choose_between
from cs_sync_sandbox.world.lives import Life
from cs_sync_sandbox.world.records import Coupon, Discount, ItemVersion, Leaving, Status
from cs_sync_sandbox.world.records import Subscription as Record

PAUSED_BY = "unused"  # the feedback after which a trial ends paused instead of canceled
SECOND_WORKSPACE = 3  # one account in fifty has two subscriptions at once
MANY_ITEMS = 7  # the account with more items than an API embeds


@dataclass
class _Draft:
    """A subscription being lived through: current items and the versions they leave behind."""

    id: str
    interval: str
    currency: str
    start: datetime
    current: dict[str, ItemVersion] = field(default_factory=dict)
    past: list[ItemVersion] = field(default_factory=list)

    def set(self, slot: str, price_id: str, quantity: int | None, at: datetime) -> None:
        """Give the item in a slot a new version, same id.

        A slot is plan, contacts, ….
        """
        item_id = f"si_{self.id[4:]}{slot.replace('_', '')}"
        old = self.current.get(slot)
        if old and (old.price_id, old.quantity) == (price_id, quantity):
            return
        if old:
            self.past.append(_close_versions(old, at))
        self.current[slot] = ItemVersion(item_id, price_id, quantity, at, None)

    def versions(self, end: datetime | None) -> tuple[ItemVersion, ...]:
        """Return all versions by time, the last closed at the end."""
        last = [_close_versions(v, end) if end else v for v in self.current.values()]
        return tuple(sorted((*self.past, *last), key=lambda v: (v.valid_from, v.item_id)))


def make_subscriptions(
    seed: int, life: Life, coupons: tuple[Coupon, ...], now: datetime
) -> list[Record]:
    """Return the account's subscription and, where it came back, its second one."""
    rng = Random(f"{seed}:subscriptions:{life.company.number}")
    choice = _make_first_choice(rng, life)
    until = life.leaving.ends_at if life.leaving else now
    first = _simulate_life(rng, life, 1, life.start, min(until, now), choice)
    subscriptions = [_record(rng, life, first, life.leaving, coupons, now)]
    if life.back_at:
        second = _simulate_life(
            rng, life, 2, life.back_at, now, ("starter", max(1, choice[1] // 2))
        )
        subscriptions.append(_record(rng, life, second, None, coupons, now))
    if life.company.number % 50 == SECOND_WORKSPACE:
        subscriptions += _make_second_workspace(rng, life, until, coupons, now)
    return subscriptions


def _make_second_workspace(
    rng: Random, life: Life, until: datetime, coupons: tuple[Coupon, ...], now: datetime
) -> list[Record]:
    """Return a subscription beside the main one; every other ends alone."""
    start, alone = life.pays_from + timedelta(days=45), life.pays_from + timedelta(days=160)
    if start >= min(until, now):
        return []
    leaving = life.leaving
    if life.company.number % 100 == SECOND_WORKSPACE and alone < min(until, now):
        leaving = Leaving(alone, alone, "at_once", "other", "We merged our two workspaces.")
    end = min(leaving.ends_at if leaving else now, now)
    draft = _simulate_life(rng, life, 3, start, end, ("starter", 2))
    return [_record(rng, life, draft, leaving, coupons, now)]


def _make_first_choice(rng: Random, life: Life) -> tuple[str, int]:
    size = life.company.size
    plan = "starter" if size < 15 else "team" if size < 60 else "business"
    if rng.random() < 0.2:
        plan = rng.choice(catalog.PLANS)
    return plan, max(1, round(size * rng.uniform(0.15, 0.5)))


def _simulate_life(
    rng: Random, life: Life, turn: int, start: datetime, until: datetime, choice: tuple[str, int]
) -> _Draft:
    """Walk through the months from `start` to `until`.

    Plan and seats change from `choice` on.
    """
    company, (plan, seats) = life.company, choice
    draft = _Draft(f"sub_{company.number:04d}{turn}", life.interval, company.currency, start)
    old = company.currency == "eur" and life.interval == "month" and plan == "team"
    price = catalog.plan_price(plan, life.interval, company.currency)
    draft.set("plan", catalog.OLD_TEAM if old and rng.random() < 0.15 else price, seats, start)
    if life.interval == "month":
        _add_ons(rng, draft, company.number, start)
    fading = life.fade_from is not None
    month = 0
    while (opened := add_months(start, month)) < until:
        closing = min(add_months(start, month + 1), until) - timedelta(days=2)
        if closing > opened + timedelta(days=2) and (month or not life.trial_end):
            moment = choose_between(rng, opened + timedelta(days=2), closing)
            tired = fading and life.fade_from is not None and moment.date() >= life.fade_from
            _change(rng, draft, moment, tired=tired)
        month += 1
    return draft


def _add_ons(rng: Random, draft: _Draft, number: int, start: datetime) -> None:
    if rng.random() < 0.18:
        draft.set("contacts", f"price_contacts_month_{draft.currency}", rng.randrange(3, 60), start)
    if rng.random() < 0.12:
        draft.set("api", f"price_api_month_{draft.currency}", None, start)
    if number % 100 == MANY_ITEMS and draft.currency == "eur":
        for pack in catalog.PACKS:
            draft.set(f"pack_{pack}", f"price_pack_{pack}_month_eur", 1, start)


def _change(rng: Random, draft: _Draft, at: datetime, *, tired: bool) -> None:
    """Maybe change seats, plan or contacts; tired accounts only ever shrink."""
    plan = draft.current["plan"]
    seats, roll = plan.quantity or 1, rng.random()
    if tired:
        if roll < 0.15 and seats > 1:
            draft.set("plan", plan.price_id, max(1, int(seats * rng.uniform(0.4, 0.8))), at)
    elif roll < 0.07:
        draft.set("plan", plan.price_id, seats + rng.randrange(1, 2 + seats // 3 + 1), at)
    elif roll < 0.09 and seats > 2:
        draft.set("plan", plan.price_id, seats - rng.randrange(1, 1 + seats // 3 + 1), at)
    elif roll < 0.125:
        draft.set("plan", _choose_other_plan(draft, plan.price_id, up=roll < 0.115), seats, at)
    elif roll < 0.14 and "contacts" in draft.current:
        packs = draft.current["contacts"]
        draft.set("contacts", packs.price_id, (packs.quantity or 0) + rng.randrange(2, 12), at)


def _choose_other_plan(draft: _Draft, price_id: str, *, up: bool) -> str:
    plan = price_id.split("_")[1]
    index = catalog.PLANS.index(plan) + (1 if up else -1)
    target = catalog.PLANS[min(max(index, 0), len(catalog.PLANS) - 1)]
    if target == plan:
        return price_id
    return catalog.plan_price(target, draft.interval, draft.currency)


def _record(
    rng: Random,
    life: Life,
    draft: _Draft,
    leaving: Leaving | None,
    coupons: tuple[Coupon, ...],
    now: datetime,
) -> Record:
    start = draft.start
    announced = leaving if leaving and leaving.asked_at <= now else None
    if announced and announced.how == "trial_ended" and announced.feedback == PAUSED_BY:
        announced = None  # kept, without a payment method, in case they come back
    ended = announced.ends_at if announced and announced.ends_at <= now else None
    trial_end = life.trial_end if start == life.start else None
    paused = life.payment == "paused" and leaving is None
    return Record(
        id=draft.id,
        account_key=life.company.key,
        status=_get_status(life, start, announced, ended, now),
        currency=draft.currency,
        interval=life.interval,
        started_at=start,
        trial_end=trial_end,
        anchor=trial_end or start,
        items=draft.versions(ended),
        discounts=_make_discounts(rng, draft, trial_end or start, coupons, now),
        leaving=announced,
        pause_behavior="void" if paused else None,
        paused_at=now - timedelta(days=40) if paused else None,
        send_invoice=life.interval == "year" and rng.random() < 0.4,
    )


def _get_status(
    life: Life, start: datetime, leaving: Leaving | None, ended: datetime | None, now: datetime
) -> Status:
    if ended:
        return "canceled"
    if not life.converted and life.pays_from <= now:
        return "paused"
    if leaving and leaving.how == "payment_failed":
        return "past_due"
    if start == life.start and life.trial_end and life.trial_end > now:
        return "trialing"
    if life.payment in {"past_due", "unpaid"} and (now - life.pays_from).days > 70:
        return "past_due" if life.payment == "past_due" else "unpaid"
    return "active"


def _make_discounts(
    rng: Random, draft: _Draft, start: datetime, coupons: tuple[Coupon, ...], now: datetime
) -> tuple[Discount, ...]:
    fitting = [c for c in coupons if c.currency in {None, draft.currency}]
    if rng.random() > 0.22:
        return ()
    coupon = rng.choice(fitting)
    begins = start
    if coupon.id == "STAY15":
        begins = choose_between(rng, start, max(start + timedelta(days=1), now))
    end = add_months(begins, coupon.months) if coupon.months else None
    item = draft.current["plan"].item_id if rng.random() < 0.15 else None
    return (Discount(f"di_{draft.id[4:]}", coupon.id, begins, end, item),)


def _close_versions(version: ItemVersion, at: datetime) -> ItemVersion:
    return ItemVersion(version.item_id, version.price_id, version.quantity, version.valid_from, at)
