"""Drawing histories: what customers and the company do with subscriptions over some years."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.histories.agreed import Coupon, Subscription
from tests.histories.prices import INTERVALS, PRODUCTS, price_of
from tests.histories.simulated import Act, Stripe

START = datetime(2024, 1, 1, tzinfo=UTC)
END = datetime(2026, 11, 20, tzinfo=UTC)
KINDS = (
    "seats", "reprice", "swap", "items", "rebase", "pause", "free month", "trial", "coupons",
    "later coupons", "schedule", "refund", "cancel", "again", "several intervals",
)  # fmt: skip
"""What may happen in a history, besides that a subscription begins and is renewed."""
MODES = ("create_prorations", "always_invoice", "none")
PLANS = ("basic", "team", "pro")


def draw_history(rng: Random, customer: str, kinds: Collection[str] = KINDS) -> list[Act]:
    """What happens to one customer, each act possible when its turn comes."""
    begins = START + timedelta(days=rng.randrange(0, 500), minutes=rng.randrange(1, 1440))
    acts = [Act(begins, "customer", (customer,))]
    stripe = Stripe(START)
    stripe.do(acts[0])
    acts.append(_creation(rng, begins + timedelta(minutes=3), customer, 1, kinds))
    stripe.do(acts[1])
    while True:
        at = stripe.now + timedelta(days=rng.choice((2, 9, 25, 60, 130)) + rng.random())
        at = at.replace(second=rng.randrange(60), microsecond=0)
        if at >= END:
            return acts
        stripe.pass_until(at)
        act = _next(rng, stripe, customer, kinds)
        if act is not None:
            acts.append(act)
            stripe.do(act)


def _creation(rng: Random, at: datetime, customer: str, turn: int, kinds: Collection[str]) -> Act:
    interval, count = rng.choice(INTERVALS) if "several intervals" in kinds else ("month", 1)
    bought = [(price_of(rng.choice(PLANS), interval, count), rng.choice((1, 1, 3, 12)))]
    if "items" in kinds and rng.random() < 0.3:
        bought.append((price_of("addon", interval, count), rng.randrange(1, 5)))
    days = rng.choice((7, 14, 30)) if "trial" in kinds and rng.random() < 0.4 else 0
    coupons = []
    if "coupons" in kinds and rng.random() < 0.7:
        coupons = [draw_coupon(rng, percent=True)]
        if rng.random() < 0.3:
            coupons.append(draw_coupon(rng, percent=False))
    return Act(at, "create", (f"sub_{customer}_{turn}", customer, tuple(bought), days, coupons))


def draw_coupon(rng: Random, *, percent: bool) -> Coupon:
    """A coupon of any duration."""
    duration = rng.choice(("once", "repeating", "repeating", "forever"))
    months = rng.choice((1, 2, 3, 6, 12)) if duration == "repeating" else None
    value = rng.choice((10, 15, 25, 33, 50)) if percent else rng.choice((300, 1000))
    id_ = f"{'P' if percent else 'A'}{value}_{duration}{months or ''}"
    return Coupon(id_, duration, months, *((value, None) if percent else (None, value)))


def _next(rng: Random, stripe: Stripe, customer: str, kinds: Collection[str]) -> Act | None:
    """One of the things that may happen now, every kind as likely as another."""
    own = [s for s in stripe.subscriptions.values() if s.customer == customer]
    live = [s for s in own if s.live]
    possible: list[tuple[str, tuple[Any, ...]]] = []
    for sub in live:
        possible += [(kind, given) for kind, given in _acts(rng, sub) if kind in kinds]
    if "again" in kinds and (not live or (len(live) < 2 and rng.random() < 0.1)):
        act = _creation(rng, stripe.now, customer, len(own) + 1, kinds)
        possible.append(("again", (act.verb, *act.given)))
    if not possible:
        return None
    kind = rng.choice(sorted({kind for kind, _ in possible}))
    verb, *given = rng.choice([given for item, given in possible if item == kind])
    return Act(stripe.now, verb, tuple(given))


def _acts(rng: Random, sub: Subscription) -> list[tuple[str, tuple[Any, ...]]]:
    """Kind → verb and what it is given, for everything that makes sense on a subscription now."""
    id_, mode = sub.id, rng.choice(MODES)
    actual: list[tuple[str, tuple[Any, ...]]] = []
    if sub.plain:
        actual = _changes(rng, sub, mode)
        actual += [("pause", ("pause", id_, rng.choice((None, 20, 45))))]
        actual += [("free month", ("free_month", id_, rng.choice((14, 30))))]
        actual += [("cancel", ("cancel_later", id_)), ("schedule", ("schedule", id_, 20))]
        actual += [("refund", ("refund", id_, rng.choice((1, 2, 5))))]
        actual += _coupons(rng, sub)
    if sub.pause and sub.resumes_at is None:
        actual += [("pause", ("resume", id_))]
    if sub.ends_with_period:
        actual += [("cancel", ("stay", id_))]
    return [*actual, ("cancel", ("cancel", id_))]


def _changes(rng: Random, sub: Subscription, mode: str) -> list[tuple[str, tuple[Any, ...]]]:
    id_, first = sub.id, sub.items[0].price.product
    other = rng.choice([plan for plan in PLANS if plan != first])
    seats = rng.choice([n for n in (1, 2, 5, 8, 20) if n != sub.items[0].quantity])
    actual: list[tuple[str, tuple[Any, ...]]] = [
        ("seats", ("seats", id_, 0, seats, mode)),
        ("reprice", ("reprice", id_, 0, other, mode)),
        ("swap", ("swap", id_, 0, other, mode)),
    ]
    if len(sub.items) > 1:
        actual.append(("items", ("remove", id_, 1, mode)))
    else:
        actual.append(("items", ("add", id_, "addon", rng.randrange(1, 5), mode)))
    target = rng.choice([item for item in INTERVALS if item != sub.interval])
    return [*actual, ("rebase", ("rebase", id_, *target))]


def _coupons(rng: Random, sub: Subscription) -> list[tuple[str, tuple[Any, ...]]]:
    if sub.discounts:
        return [("later coupons", ("take_back", sub.id))]
    percent = rng.random() < 0.7
    coupon = draw_coupon(rng, percent=percent)
    place = 0 if percent and rng.random() < 0.4 else None
    return [("later coupons", ("give", sub.id, coupon, place))]


def describe(acts: list[Act]) -> str:
    """A history for people to read."""
    return "\n".join(map(str, acts))


assert set(PLANS) < set(PRODUCTS)
