"""What a customer and the company agreed on: items, coupons, a subscription and its periods."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from tests.histories.prices import Json, Price, later, per_month
from tests.histories.truth import NEVER, Counted, Curve, Cut, Lifetime, Parts, Step, kept


@dataclass(frozen=True)
class Coupon:
    """So many percent or minor units off, once, for some months or for ever."""

    id: str
    duration: str
    months: int | None = None
    percent: int | None = None
    amount: int | None = None


@dataclass
class Discount:
    """A coupon on a subscription, or on one of its items."""

    id: str
    coupon: Coupon
    start: datetime
    item: str | None = None
    used: bool = False
    invoiced: bool = False
    gone: bool = False
    given: Step | None = None
    lifetime: Lifetime | None = None

    @property
    def cut(self) -> Cut:
        """What it takes off, as the truth has it."""
        return Cut(self.id, self.item, self.coupon.percent, self.coupon.amount)

    @property
    def end(self) -> datetime | None:
        """When it runs out by itself."""
        months = self.coupon.months
        return None if months is None else later(self.start, "month", months)

    def runs(self, at: datetime) -> bool:
        """Whether an invoice made at an instant is lower by it."""
        return not self.used and self.start <= at and (self.end is None or at < self.end)


@dataclass
class Item:
    """One line of a subscription, with the recurring discounts that count for it.

    At intervals up to a month they count for as long as they run. At longer ones those count that
    ran when the item was charged last: at a renewal, or when it changed itself.
    """

    id: str
    price: Price
    quantity: int
    created: datetime
    discounts: tuple[Discount, ...] = ()
    began: Step | None = None
    charged_at: datetime | None = None

    @property
    def net(self) -> Fraction:
        """What is charged for an interval, without fixed amounts."""
        return self.price.amount * self.quantity * kept(d.cut for d in self.discounts)


@dataclass
class Subscription:
    """A subscription with everything that decides what it is charged next."""

    id: str
    customer: str
    start: datetime
    interval: tuple[str, int]
    items: list[Item]
    period: tuple[datetime, datetime]
    discounts: list[Discount] = field(default_factory=list)
    anchor: datetime | None = None
    turns: int = 0
    trial: tuple[datetime, datetime] | None = None
    status: str = "active"
    pause: Json | None = None
    resumes_at: datetime | None = None
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    ends_with_period: bool = False
    increase: int | None = None
    pending: list[Json] = field(default_factory=list)
    latest_invoice: str | None = None
    curve: Curve = field(default_factory=Curve)
    untraced: list[Step] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.ended_at is None

    @property
    def plain(self) -> bool:
        """Whether it is charged as usual: neither on trial, paused nor about to end."""
        return self.live and self.status == "active" and not self.pause and not self.canceled_at

    @property
    def on_first_trial(self) -> bool:
        """Whether nothing was charged yet; free time that is given later is a gift."""
        return self.status == "trialing" and self.trial is not None and self.trial[0] <= self.start

    def parts(self) -> Parts:
        """What it consists of now, each part with a history of its own."""
        actual: Parts = {
            ("serves", ""): self.live and not self.on_first_trial,
            ("paused", ""): self.pause is not None,
            ("rhythm", ""): per_month(*self.interval),
        }
        for item in self.items:
            charged_at = item.charged_at if self.long else None
            actual["item", item.id] = Counted(item.price.monthly * item.quantity, charged_at)
            if not self.long:
                actual |= {("cut", d.id): d.cut for d in item.discounts}
        return actual

    @property
    def long(self) -> bool:
        """Whether its interval is longer than a month."""
        return per_month(*self.interval) < 1

    def begin_periods(self, at: datetime, end: datetime | None = None) -> None:
        """Count periods from an instant on, the first one up to `end` where that is given."""
        self.anchor, self.turns = (at, 1) if end is None else (end, 0)
        self.period = (at, end or later(at, self.interval[0], self.interval[1]))

    def next_period(self) -> None:
        """The period after this one."""
        self.turns += 1
        name, count = self.interval
        assert self.anchor is not None
        self.period = (self.period[1], later(self.anchor, name, count * self.turns))

    def share_left(self, at: datetime) -> Fraction:
        """How much of the running period is left."""
        start, end = self.period
        return Fraction(int((end - at).total_seconds()), int((end - start).total_seconds()))

    def due(self) -> Iterator[datetime]:
        """When something happens by itself."""
        if self.live:
            yield self.period[1]
            yield from (d.end for d in self.discounts if d.end is not None)
            if self.resumes_at is not None:
                yield self.resumes_at

    def add_discount(self, discount: Discount) -> None:
        """Let a discount run; one of a single invoice counts for nothing."""
        self.discounts.append(discount)
        if discount.coupon.duration != "once":
            discount.lifetime = Lifetime(discount.cut, discount.start, discount.end or NEVER)
            self.curve.lifetimes.append(discount.lifetime)

    def charge(self, at: datetime, item: Item | None = None) -> None:
        """Let the discounts that run now count, for all that is charged or for one item alone.

        A discount of one invoice is not a recurring one: by the default policy it does not count.
        """
        running = [d for d in self.discounts if d.runs(at) and d.coupon.duration != "once"]
        for entry in self.items if item is None else [item]:
            entry.charged_at = at
            entry.discounts = tuple(d for d in running if d.item in (None, entry.id))
