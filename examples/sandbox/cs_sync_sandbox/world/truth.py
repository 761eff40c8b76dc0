"""What the answers should lead to: each account's MRR at an instant, from the world itself.

A check for whoever computes MRR from the vendors' answers: licensed items at what their prices
say, a year as twelve months, repeating and endless discounts taken off, trials and metered items
nothing. A paused collection changes nothing here; whether it should is a policy of the reader.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from fractions import Fraction

from cs_sync_sandbox.world import catalog
from cs_sync_sandbox.world.records import (
    Coupon,
    Discount,
    ItemVersion,
    Price,
    Subscription,
    World,
)


def calculate_mrr(world: World, at: datetime) -> dict[str, Fraction]:
    """Return MRR in minor units by account key, paying accounts only.

    A subscription that is unpaid now counts as if it had been so all along.
    """
    prices = {price.id: price for price in world.prices}
    coupons = {coupon.id: coupon for coupon in world.coupons}
    amounts: dict[str, Fraction] = defaultdict(Fraction)
    for subscription in world.subscriptions:
        if _is_paying(subscription, at):
            for version in _list_current(subscription, at):
                price = prices[version.price_id]
                value = _calculate_monthly(price, version)
                for discount in subscription.discounts:
                    coupon = coupons[discount.coupon_id]
                    if _does_reduce(discount, coupon, version, price, at):
                        value = _reduce_amount(value, coupon, price, version)
                amounts[subscription.account_key] += value
    return dict(amounts)


def _is_paying(subscription: Subscription, at: datetime) -> bool:
    ended = subscription.ended_at
    started = subscription.anchor <= at and (ended is None or at < ended)
    return started and subscription.status not in {"paused", "unpaid"}


def _list_current(subscription: Subscription, at: datetime) -> list[ItemVersion]:
    return [
        version
        for version in subscription.items
        if version.quantity is not None
        and version.valid_from <= at
        and (version.valid_to is None or at < version.valid_to)
    ]


def _calculate_monthly(price: Price, version: ItemVersion) -> Fraction:
    amount = Fraction(catalog.calculate_amount(price, version.quantity or 0))
    return amount / 12 if price.interval == "year" else amount


def _does_reduce(
    discount: Discount, coupon: Coupon, version: ItemVersion, price: Price, at: datetime
) -> bool:
    running = discount.start <= at and (discount.end is None or at < discount.end)
    on_item = discount.item_id in {None, version.item_id}
    on_product = not coupon.product_ids or price.product_id in coupon.product_ids
    return running and on_item and on_product and coupon.duration != "once"


def _reduce_amount(value: Fraction, coupon: Coupon, price: Price, version: ItemVersion) -> Fraction:
    if coupon.percent_off is not None:
        return value * (1 - Fraction(coupon.percent_off) / 100)
    if not version.item_id.endswith("plan"):  # a fixed amount comes off the plan's line
        return value
    off = Fraction(coupon.amount_off or 0)
    return max(Fraction(), value - (off / 12 if price.interval == "year" else off))
