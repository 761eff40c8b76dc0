"""The world as Stripe keeps it: records by id, and which vendor id belongs to which account."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from cs_sync_sandbox.world.calendar import iterate_periods
from cs_sync_sandbox.world.records import (
    Company,
    Coupon,
    Discount,
    Invoice,
    Price,
    Product,
    Refund,
    Subscription,
    World,
)


@dataclass(frozen=True, slots=True)
class Books:
    """Indexes over the world; Stripe ids are the keys."""

    world: World
    customers: dict[str, Company]
    products: dict[str, Product]
    prices: dict[str, Price]
    coupons: dict[str, Coupon]
    discounts: dict[str, tuple[Subscription, Discount]]
    subscriptions: dict[str, Subscription]
    invoices: dict[str, Invoice]
    refunds: dict[str, Refund]
    latest_invoice: dict[str, str]
    redemptions: dict[str, int]
    owing: frozenset[str]


def index_books(world: World) -> Books:
    """Index the world for Stripe."""
    latest: dict[str, str] = {}
    redemptions: dict[str, int] = defaultdict(int)
    for invoice in world.invoices:
        if invoice.subscription_id:
            latest[invoice.subscription_id] = invoice.id
    discounts = {d.id: (s, d) for s in world.subscriptions for d in s.discounts}
    for _, discount in discounts.values():
        redemptions[discount.coupon_id] += 1
    return Books(
        world=world,
        customers={get_customer_id(c.key): c for c in world.companies if c.signed_up},
        products={p.id: p for p in world.products},
        prices={p.id: p for p in world.prices},
        coupons={c.id: c for c in world.coupons},
        discounts=discounts,
        subscriptions={s.id: s for s in world.subscriptions},
        invoices={i.id: i for i in world.invoices},
        refunds={f"re_{r.number}": r for r in world.refunds},
        latest_invoice=latest,
        redemptions=dict(redemptions),
        owing=frozenset(i.account_key for i in world.invoices if i.status == "open"),
    )


def get_customer_id(account_key: str) -> str:
    """Return the Stripe customer of an account."""
    return f"cus_{account_key.removeprefix('acct_')}"


def find_current_period(subscription: Subscription, at: int) -> tuple[int, int]:
    """Find the period (unix seconds) that `at` falls into.

    The trial counts as one.
    """
    if subscription.trial_end and at < subscription.trial_end.timestamp():
        return int(subscription.started_at.timestamp()), int(subscription.trial_end.timestamp())
    ended = subscription.ended_at
    moment = min(at, int(ended.timestamp()) - 1) if ended else at
    for start, end in iterate_periods(subscription.anchor, subscription.interval):
        if moment < end.timestamp():
            return int(start.timestamp()), int(end.timestamp())
    raise AssertionError  # periods never ends
