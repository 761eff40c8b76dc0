"""Invoices from subscriptions: a line per item and period, proration at every change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Literal

from cs_sync_sandbox.world import catalog
from cs_sync_sandbox.world.calendar import iterate_periods
from cs_sync_sandbox.world.payments import Outcome, decide_outcome
from cs_sync_sandbox.world.records import (
    Company,
    Coupon,
    Invoice,
    InvoiceLine,
    ItemVersion,
    Price,
    Refund,
    Subscription,
)

Reason = Literal["subscription_create", "subscription_cycle", "subscription_update", "manual"]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Prices and coupons by id."""

    prices: dict[str, Price]
    coupons: dict[str, Coupon]


@dataclass(frozen=True, slots=True)
class _Bill:
    """Lines that become one invoice."""

    reason: Reason
    at: datetime
    period: tuple[datetime, datetime]
    lines: tuple[InvoiceLine, ...]


def make_invoices(
    seed: int, subscription: Subscription, company: Company, shop: Catalog, now: datetime
) -> list[Invoice]:
    """Return the subscription's invoices up to `now`, oldest first, carrying credit along."""
    rng = Random(f"{seed}:invoices:{subscription.id}")
    bills = sorted(_iterate_bills(rng, subscription, shop, now), key=lambda bill: bill.at)
    cycles = [bill.at for bill in bills if bill.reason != "subscription_update"]
    balance, invoices = 0, []
    for number, bill in enumerate(bills, start=1):
        late = len(cycles) - 1 - cycles.index(bill.at) if bill.at in cycles else None
        outcome = decide_outcome(rng, subscription, bill.at, late, now)
        invoice = _make_invoice(subscription, company, bill, number, balance, outcome)
        balance = min(0, balance + invoice.total) if invoice.status != "void" else balance
        invoices.append(invoice)
    return invoices


def make_workshop_invoice(
    seed: int, company: Company, shop: Catalog, now: datetime
) -> list[Invoice]:
    """Return the one-off invoice of an onboarding workshop, which some accounts bought."""
    rng = Random(f"{seed}:workshop:{company.number}")
    at = company.created_at + timedelta(days=20)
    if rng.random() > 0.08 or at > now - timedelta(days=3):
        return []
    price = shop.prices[f"price_workshop_{company.currency}"]
    cost = catalog.calculate_amount(price, 1)
    line = InvoiceLine(
        f"il_w{company.number:04d}", cost, "Onboarding workshop", at, at, price.id, 1, None,
        proration=False, discounts=(),
    )  # fmt: skip
    paid = at + timedelta(hours=1)
    return [
        Invoice(
            f"in_w{company.number:04d}", f"ACME{company.number:04d}-W001", company.key, None,
            company.currency, "paid", "manual", at, at, at, (line,), cost, cost, 0, paid, paid,
            None, None, 1,
        )
    ]  # fmt: skip


def make_refunds(seed: int, subscription: Subscription, invoices: list[Invoice]) -> list[Refund]:
    """Return the refunds of some who left within a period."""
    leaving = subscription.leaving
    paid = [i for i in invoices if i.status == "paid" and i.amount_due > 0]
    rng = Random(f"{seed}:refund:{subscription.id}")
    if leaving is None or leaving.how != "at_once" or not paid or rng.random() > 0.5:
        return []
    last = paid[-1]
    share = Decimal(rng.randrange(20, 90)) / 100
    amount = catalog.round_half_up(last.amount_due * share)
    number = int(subscription.id[4:])
    at = max(leaving.ends_at, last.paid_at or leaving.ends_at) + timedelta(minutes=5)
    return [Refund(number, last.id, amount, last.currency, at)]


def _iterate_bills(
    rng: Random, subscription: Subscription, shop: Catalog, now: datetime
) -> Iterator[_Bill]:
    stop = min(subscription.ended_at or now, now)
    if subscription.trial_end:
        period = (subscription.started_at, subscription.trial_end)
        lines = [
            _make_trial_line(v, period) for v in _find_valid(subscription, subscription.started_at)
        ]
        yield _Bill("subscription_create", subscription.started_at, period, tuple(lines))
    if subscription.status == "paused" or subscription.anchor >= stop:
        return
    previous: tuple[datetime, datetime] | None = None
    for period in iterate_periods(subscription.anchor, subscription.interval):
        if period[0] >= stop or _has_failed_before(subscription, period[0]):
            return
        lines = list(_iterate_recurring(rng, subscription, shop, period, previous))
        first = previous is None and subscription.trial_end is None
        reason: Reason = "subscription_create" if first else "subscription_cycle"
        yield _Bill(reason, period[0], previous or period, tuple(lines))
        yield from _iterate_prorations(subscription, shop, period, stop)
        previous = period


def _has_failed_before(subscription: Subscription, moment: datetime) -> bool:
    """Return whether a failed payment already stopped billing.

    No new cycle starts after it.
    """
    leaving = subscription.leaving
    if leaving is None or leaving.how != "payment_failed":
        return False
    return moment > leaving.asked_at


def _find_valid(subscription: Subscription, moment: datetime) -> list[ItemVersion]:
    return [
        v
        for v in subscription.items
        if v.valid_from <= moment and (v.valid_to is None or moment < v.valid_to)
    ]


def _make_trial_line(version: ItemVersion, period: tuple[datetime, datetime]) -> InvoiceLine:
    text = f"Trial period for {version.price_id}"
    return _make_line(version, 0, text, period, version.quantity or 0, proration=False)


def _iterate_recurring(
    rng: Random,
    subscription: Subscription,
    shop: Catalog,
    period: tuple[datetime, datetime],
    previous: tuple[datetime, datetime] | None,
) -> Iterator[InvoiceLine]:
    """Yield licensed items in advance and metered ones in arrears."""
    for version in _find_valid(subscription, period[0]):
        price = shop.prices[version.price_id]
        if price.metered:
            if previous:
                calls = rng.randrange(2000, 60000)
                cost = catalog.calculate_amount(price, calls)
                yield _make_line(version, cost, "API calls", previous, calls, proration=False)
            continue
        quantity = version.quantity or 0
        line = _make_line(
            version, catalog.calculate_amount(price, quantity), f"{quantity} × {price.product_id}",
            period, quantity, proration=False,
        )  # fmt: skip
        yield _apply_discounts(line, price, subscription, shop, period[0])


def _iterate_prorations(
    subscription: Subscription, shop: Catalog, period: tuple[datetime, datetime], stop: datetime
) -> Iterator[_Bill]:
    """Yield a bill per change inside the period.

    Unused time back, remaining time charged.
    """
    changes: dict[datetime, list[InvoiceLine]] = defaultdict(list)
    for old, new in _find_successors(subscription):
        at = new.valid_from
        if period[0] < at < min(period[1], stop):
            for version, sign, word in ((old, -1, "Unused"), (new, 1, "Remaining")):
                price = shop.prices[version.price_id]
                full = catalog.calculate_amount(price, version.quantity or 0)
                share = Decimal((period[1] - at) // timedelta(seconds=1)) / Decimal(
                    (period[1] - period[0]) // timedelta(seconds=1)
                )
                line = _make_line(
                    version, sign * catalog.round_half_up(full * share),
                    f"{word} time on {version.quantity} × {price.product_id}",
                    (at, period[1]), version.quantity or 0, proration=True,
                )  # fmt: skip
                changes[at].append(_apply_discounts(line, price, subscription, shop, at))
    for at, lines in changes.items():
        yield _Bill("subscription_update", at, period, tuple(lines))


def _find_successors(subscription: Subscription) -> Iterator[tuple[ItemVersion, ItemVersion]]:
    last: dict[str, ItemVersion] = {}
    for version in subscription.items:
        if version.item_id in last:
            yield last[version.item_id], version
        last[version.item_id] = version


def _make_line(
    version: ItemVersion,
    amount: int,
    text: str,
    period: tuple[datetime, datetime],
    quantity: int,
    *,
    proration: bool,
) -> InvoiceLine:
    return InvoiceLine(
        "", amount, text, period[0], period[1], version.price_id, quantity, version.item_id,
        proration, (),
    )  # fmt: skip


def _apply_discounts(
    line: InvoiceLine, price: Price, subscription: Subscription, shop: Catalog, at: datetime
) -> InvoiceLine:
    """Apply each discount to a line, in minor units.

    A fixed amount comes off the plan's line alone, and only in full invoices.
    """
    taken = []
    for discount in subscription.discounts:
        coupon = shop.coupons[discount.coupon_id]
        if at < discount.start or (discount.end and at >= discount.end):
            continue
        if discount.item_id not in {None, line.item_id}:
            continue
        if coupon.duration == "once" and at > discount.start:
            continue
        if coupon.product_ids and price.product_id not in coupon.product_ids:
            continue
        off = _calculate_discount(coupon, line)
        if off:
            taken.append((discount.id, off))
    return InvoiceLine(
        line.id, line.amount, line.description, line.start, line.end, line.price_id,
        line.quantity, line.item_id, line.proration, tuple(taken),
    )  # fmt: skip


def _calculate_discount(coupon: Coupon, line: InvoiceLine) -> int:
    if coupon.percent_off is not None:
        return catalog.round_half_up(line.amount * coupon.percent_off / 100)
    if line.proration or not line.item_id or not line.item_id.endswith("plan"):
        return 0
    return min(line.amount, coupon.amount_off or 0)


def _make_invoice(
    subscription: Subscription,
    company: Company,
    bill: _Bill,
    number: int,
    balance: int,
    outcome: Outcome,
) -> Invoice:
    lines = tuple(
        InvoiceLine(
            f"il_{subscription.id[4:]}{number:03d}{index:02d}", line.amount, line.description,
            line.start, line.end, line.price_id, line.quantity, line.item_id, line.proration,
            line.discounts,
        )
        for index, line in enumerate(bill.lines, start=1)
    )  # fmt: skip
    subtotal = sum(line.amount for line in lines)
    off = sum(amount for line in lines for _, amount in line.discounts)
    name = f"ACME{company.number:04d}-{subscription.id[-1]}{number:03d}"
    return Invoice(
        id=f"in_{subscription.id[4:]}{number:03d}",
        number=None if outcome.status == "draft" else name,
        account_key=company.key,
        subscription_id=subscription.id,
        currency=subscription.currency,
        status=outcome.status,
        reason=bill.reason,
        created_at=bill.at,
        period_start=bill.period[0],
        period_end=bill.period[1],
        lines=lines,
        subtotal=subtotal,
        total=subtotal - off,
        starting_balance=balance,
        finalized_at=outcome.finalized_at,
        paid_at=outcome.paid_at,
        closed_at=outcome.closed_at,
        due_at=outcome.due_at,
        attempts=outcome.attempts,
    )
