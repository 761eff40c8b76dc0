"""A Stripe in which things happen: what is done to it, and what it does by itself as time goes on.

It keeps the objects, invoices and events that Stripe would show, and beside them what every
subscription was really worth (`truth.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.histories import shown
from tests.histories.agreed import Coupon, Discount, Item, Subscription
from tests.histories.lines import bill_period, prorate_item
from tests.histories.prices import Json, Price, price_of
from tests.histories.records import Records
from tests.histories.truth import NEVER, Step


@dataclass(frozen=True)
class Act:
    """Something that somebody does: a method of `Stripe` by name, with what it is given."""

    at: datetime
    verb: str
    given: tuple[Any, ...] = ()

    def __str__(self) -> str:
        given = ", ".join(map(str, self.given))
        return f"{self.at:%Y-%m-%d %H:%M} {self.verb}({given})"


class Stripe:
    """Objects as they are at `now`, and the subscriptions behind them."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self.records = Records(lambda: self.now)
        self.subscriptions: dict[str, Subscription] = {}

    def play(self, acts: Sequence[Act], until: datetime) -> None:
        """Do what is to be done up to an instant, and let time pass until then."""
        for act in [act for act in acts if self.now < act.at <= until]:
            self.do(act)
        self.pass_until(until)

    def do(self, act: Act) -> None:
        """Let time pass until an act, and do it."""
        self.pass_until(act.at)
        getattr(self, act.verb)(*act.given)

    def pass_until(self, until: datetime) -> None:
        """Everything that happens by itself up to an instant, in its order."""
        while True:
            due = [(at, s.id) for s in self.subscriptions.values() for at in s.due()]
            at, id_ = min(due, default=(NEVER, ""))
            if at > until:
                break
            self.now = at
            self._happen(self.subscriptions[id_])
        self.now = until

    def _happen(self, sub: Subscription) -> None:
        """One thing that is due: a discount runs out, a pause is over, a period ends."""
        expired = [d for d in sub.discounts if d.end is not None and d.end <= self.now]
        if expired:
            self._drop_discounts(sub, expired)
        elif sub.resumes_at is not None and sub.resumes_at <= self.now:
            self.resume(sub.id)
        elif sub.ends_with_period:
            self._end(sub)
        else:
            self._renew(sub)

    # What people do.

    def customer(self, id_: str) -> None:
        """A customer signs up."""
        self.records.books.put("customers", **shown.customer(id_, self.now))
        self.records.tell("customer.created", self.records.books.objects["customers"][id_])

    def create(
        self, id_: str, customer: str, bought: Sequence[tuple[Price, int]], trial_days: int,
        coupons: Sequence[Coupon],
    ) -> None:  # fmt: skip
        """A subscription begins, maybe with a trial, maybe with coupons."""
        first = bought[0][0]
        items = [self.records.create_item(price, quantity) for price, quantity in bought]
        now = self.now
        sub = Subscription(id_, customer, now, (first.interval, first.count), items, (now, now))
        for coupon in coupons:
            sub.add_discount(self.records.create_discount(coupon))
        self.subscriptions[id_] = sub
        if trial_days:
            self._begin_trial(sub, now + timedelta(days=trial_days))
        else:
            sub.begin_periods(now)
        self.records.publish(sub, "customer.subscription.created")
        if trial_days:
            self._trial_invoice(sub)
        else:
            sub.charge(now)
            self._bill(sub, bill_period(self.records, sub))
        self._note(sub, "start")

    def seats(self, id_: str, place: int, quantity: int, mode: str) -> None:
        """Another number of seats of one item."""
        sub, item = self._found(id_, place)
        before = Item(item.id, item.price, item.quantity, item.created, item.discounts)
        item.quantity = quantity
        self._changed(sub, [before], [item], mode, "seats")

    def reprice(self, id_: str, place: int, product: str, mode: str) -> None:
        """The item stays and gets another price."""
        sub, item = self._found(id_, place)
        before = Item(item.id, item.price, item.quantity, item.created, item.discounts)
        item.price = self.records.list_price(price_of(product, *sub.interval))
        self._changed(sub, [before], [item], mode, "plan of the same item")

    def swap(self, id_: str, place: int, product: str, mode: str) -> None:
        """The item is deleted and another one takes its place."""
        sub, old = self._found(id_, place)
        new = self.records.create_item(price_of(product, *sub.interval), old.quantity)
        self._replace(sub, old, new)
        since = max(old.created, sub.period[0])
        others = [i.began for i in sub.items if i.began is not None and since < i.created]
        self._changed(sub, [old], [new], mode, "item replaced").instead = others

    def add(self, id_: str, product: str, quantity: int, mode: str) -> None:
        """One more item."""
        sub = self.subscriptions[id_]
        new = self.records.create_item(price_of(product, *sub.interval), quantity)
        sub.items.append(new)
        self._changed(sub, [], [new], mode, "item added")

    def remove(self, id_: str, place: int, mode: str) -> None:
        """One item less."""
        sub, old = self._found(id_, place)
        sub.items.remove(old)
        self._changed(sub, [old], [], mode, "item removed")

    def rebase(self, id_: str, interval: str, count: int) -> None:
        """From monthly to yearly or back: the rest is credited, a new period is charged at once."""
        sub = self.subscriptions[id_]
        credits = [prorate_item(self.records, sub, old, -1) for old in sub.items]
        sub.interval = (interval, count)
        for old in list(sub.items):
            price = price_of(old.price.product, interval, count)
            self._replace(sub, old, self.records.create_item(price, old.quantity))
        self._settle(sub, charged=True)
        sub.begin_periods(self.now)
        sub.charge(self.now)
        self._bill(sub, [*self._pending(sub), *credits, *bill_period(self.records, sub)])
        self.records.publish(sub)
        self._note(sub, "interval")

    def pause(self, id_: str, days: int | None) -> None:
        """Collection is paused, invoices are voided; for some days or until further notice."""
        sub = self.subscriptions[id_]
        sub.resumes_at = None if days is None else self.now + timedelta(days=days)
        sub.pause = {"behavior": "void", "resumes_at": shown.moment(sub.resumes_at)}
        self.records.publish(sub)
        step = self._note(sub, "pause", traced=False)
        step.after, step.before = sub.period

    def resume(self, id_: str) -> None:
        """Collection goes on."""
        sub = self.subscriptions[id_]
        sub.pause = sub.resumes_at = None
        self.records.publish(sub)
        paused = next(step for step in reversed(sub.curve.steps) if step.cause == "pause")
        voided = sub.period[0] > paused.at
        paused.before = min(paused.before, self.now)
        step = self._note(sub, "resume", traced=False)
        step.after, step.before = sub.period[0] if voided else paused.at, sub.period[1]

    def free_month(self, id_: str, days: int) -> None:
        """A trial on a running subscription: nothing is charged until it is over."""
        sub = self.subscriptions[id_]
        self._settle(sub, charged=False)
        for step in sub.curve.steps:
            if step.cause == "coupon taken back" and step.before == sub.period[1]:
                step.before = self.now + timedelta(days=days)  # nothing is charged until then
        self._begin_trial(sub, self.now + timedelta(days=days))
        self.records.publish(sub)
        self._trial_invoice(sub)
        self._note(sub, "free month")

    def give(self, id_: str, coupon: Coupon, place: int | None) -> None:
        """A coupon for a running subscription, or for one of its items: from the next invoice."""
        sub = self.subscriptions[id_]
        item = None if place is None else sub.items[place % len(sub.items)].id
        given = self.records.create_discount(coupon, item)
        sub.add_discount(given)
        sub.discounts.sort(key=lambda d: (d.item is None, d.coupon.percent is None))
        self.records.tell("customer.discount.created", shown.discount(given, sub))
        self.records.publish(sub)
        if not sub.long:
            sub.charge(self.now)
            given.given = self._note(sub, "coupon given")

    def take_back(self, id_: str) -> None:
        """The discounts of a subscription are removed by hand."""
        sub = self.subscriptions[id_]
        self._drop_discounts(sub, list(sub.discounts), traced=False)

    def schedule(self, id_: str, percent: int) -> None:
        """The price rises at the next renewal."""
        sub = self.subscriptions[id_]
        sub.increase = percent
        self.records.publish(sub)

    def refund(self, id_: str, share: int) -> None:
        """Part of the last invoice is given back."""
        sub = self.subscriptions[id_]
        total = self.records.books.objects["invoices"][sub.latest_invoice or ""]["total"]
        if total > 0:
            made = shown.refund(
                self.records.create_id("re"), sub.customer, max(1, total // share), self.now
            )
            self.records.books.put("refunds", **made)
            self.records.tell("refund.created", made)

    def cancel(self, id_: str) -> None:
        """It ends now."""
        sub = self.subscriptions[id_]
        sub.canceled_at = self.now
        self._end(sub)

    def cancel_later(self, id_: str) -> None:
        """It is to end with the period."""
        sub = self.subscriptions[id_]
        sub.canceled_at, sub.ends_with_period = self.now, True
        self.records.publish(sub)

    def stay(self, id_: str) -> None:
        """The end is called off."""
        sub = self.subscriptions[id_]
        sub.canceled_at, sub.ends_with_period = None, False
        self.records.publish(sub)

    # What Stripe does.

    def _renew(self, sub: Subscription) -> None:
        if sub.status == "trialing":
            sub.status = "active"
        if sub.increase is not None:
            self._increase(sub)
        sub.next_period()
        sub.charge(self.now)
        self._bill(sub, [*self._pending(sub), *bill_period(self.records, sub)])
        self.records.publish(sub)
        self._note(sub, "renewal")

    def _pending(self, sub: Subscription) -> list[Json]:
        """Prorations that waited for an invoice, and with it their changes for a trace."""
        lines, sub.pending = sub.pending, []
        for step in sub.untraced:
            step.dated.append((self.now, NEVER))
            step.prorated = True
        sub.untraced = []
        return lines

    def _settle(self, sub: Subscription, *, charged: bool) -> None:
        """A bill of everything that is there shows what changed before it; coupons if charged."""
        for step in sub.curve.steps:
            if charged or not step.cause.startswith("coupon"):
                step.before = min(step.before, self.now)

    def _increase(self, sub: Subscription) -> None:
        percent, sub.increase = sub.increase or 0, None
        for old in list(sub.items):
            dearer = old.price.increased(percent, sub.id)
            self._replace(sub, old, self.records.create_item(dearer, old.quantity))

    def _begin_trial(self, sub: Subscription, until: datetime) -> None:
        sub.trial, sub.status = (self.now, until), "trialing"
        sub.begin_periods(self.now, until)

    def _trial_invoice(self, sub: Subscription) -> None:
        self._bill(
            sub,
            [shown.line(self.records.create_id("il"), sub, i, 0, sub.period) for i in sub.items],
        )

    def _end(self, sub: Subscription) -> None:
        sub.status, sub.ended_at, sub.pause, sub.resumes_at = "canceled", self.now, None, None
        self.records.publish(sub, "customer.subscription.deleted")
        self._note(sub, "end")

    def _changed(
        self, sub: Subscription, old: list[Item], new: list[Item], mode: str, cause: str
    ) -> Step:
        """Items changed within a period: it is prorated at once, with the next invoice, or not."""
        for item in new:
            sub.charge(self.now, item)
        step = self._note(sub, cause, traced=False)
        step.after, step.before = sub.period
        for item in new:
            if item.created == self.now:
                item.began = step
                step.dated.append((self.now, NEVER))
        for item in old:
            self._hide(sub, item)
        if mode != "none" and sub.status == "active" and not sub.pause:
            lines = [prorate_item(self.records, sub, item, -1) for item in old]
            lines += [prorate_item(self.records, sub, item, 1) for item in new]
            if mode == "always_invoice":
                self._bill(sub, lines)
                step.dated.append((self.now, NEVER))
                step.prorated = bool(new)
            else:
                sub.pending += lines
                sub.untraced.append(step)
        self.records.publish(sub)
        return step

    def _bill(self, sub: Subscription, lines: list[Json]) -> None:
        status = "void" if sub.pause else "paid"
        made = shown.invoice(self.records.create_id("in"), sub, lines, self.now, status)
        cuts = {cut["discount"] for line in lines for cut in line["discount_amounts"]}
        made["discounts"] = [
            shown.discount(d, sub) for d in sub.discounts if d.id in cuts and d.item is None
        ]
        sub.latest_invoice = made["id"]
        self.records.books.put("invoices", **made)
        for what in ("created", "finalized", "voided" if sub.pause else "paid"):
            self.records.tell(f"invoice.{what}", made)
        self._drop_discounts(sub, [d for d in sub.discounts if d.used])

    def _drop_discounts(
        self, sub: Subscription, gone: list[Discount], *, traced: bool = True
    ) -> None:
        for discount in gone:
            sub.discounts.remove(discount)
            self._leave(discount, sub)
            self.records.tell("customer.discount.deleted", shown.discount(discount, sub))
            discount.gone = True
            self.records.describe_anew(discount, sub)
        if not gone:
            return
        self.records.publish(sub)
        if not sub.long:
            sub.charge(self.now)
            step = self._note(sub, "coupon taken back", traced=traced)
            step.after, step.before = sub.period

    def _leave(self, discount: Discount, sub: Subscription) -> None:
        """Note that it is gone; what no invoice named is known to who looked meanwhile only."""
        if discount.lifetime is not None:
            discount.lifetime.left = self.now
        if discount.given and not discount.invoiced:
            discount.given.dated = [(discount.start, self.now)]
            discount.given.after, discount.given.before = discount.start, sub.period[1]

    def _replace(self, sub: Subscription, old: Item, new: Item) -> None:
        """Put an item in another's place; discounts of the old one go with it."""
        sub.items[sub.items.index(old)] = new
        for discount in [d for d in sub.discounts if d.item == old.id]:
            sub.discounts.remove(discount)
            self._leave(discount, sub)
        self._hide(sub, old)

    def _hide(self, sub: Subscription, item: Item) -> None:
        """What is no longer shown tells only so far when it was made."""
        if item not in sub.items and item.began is not None:
            item.began.dated[0] = (item.created, self.now)

    # What is told.

    def _note(self, sub: Subscription, cause: str, *, traced: bool = True) -> Step:
        dated = [(self.now, NEVER)] if traced else []
        return sub.curve.note(self.now, sub.parts(), cause, dated)

    def _found(self, id_: str, place: int) -> tuple[Subscription, Item]:
        sub = self.subscriptions[id_]
        return sub, sub.items[place % len(sub.items)]
