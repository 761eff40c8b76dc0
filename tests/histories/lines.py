"""Lines of invoices: what a period costs, less discounts, and what the rest of one costs."""

from datetime import datetime
from fractions import Fraction

from tests.histories import shown
from tests.histories.agreed import Discount, Item, Subscription
from tests.histories.prices import Json
from tests.histories.records import Records


def prorate_item(records: Records, sub: Subscription, item: Item, sign: int) -> Json:
    """Return a line for an item for the rest of the period: a charge, or with -1 a credit."""
    now = records.clock()
    amount = sign * round(item.net * sub.share_left(now))
    id_ = records.create_id("il")
    return shown.line(id_, sub, item, amount, (now, sub.period[1]), proration=True)


def bill_period(records: Records, sub: Subscription) -> list[Json]:
    """Return a line for every item for the period that begins, less the discounts that run."""
    now = records.clock()
    sub.curve.billed.append(now)
    lines = [
        shown.line(records.create_id("il"), sub, i, i.price.amount * i.quantity, sub.period)
        for i in sub.items
    ]
    for discount in [d for d in sub.discounts if d.runs(now)]:
        lowered = [
            line for line, item in zip(lines, sub.items, strict=True)
            if discount.item in (None, item.id)
        ]  # fmt: skip
        _apply_discount(sub, discount, lowered, now)
    return lines


def _apply_discount(
    sub: Subscription, discount: Discount, lines: list[Json], now: datetime
) -> None:
    left = [_left(line) for line in lines]
    total, coupon = sum(left), discount.coupon
    off = coupon.amount if coupon.amount is not None else None
    for line, amount in zip(lines, left, strict=True):
        if off is None:
            cut = round(Fraction(amount * (coupon.percent or 0), 100))
        else:
            cut = round(Fraction(min(off, total) * amount, total)) if total else 0
        if cut:
            discount.invoiced = True
            if discount.lifetime is not None:
                discount.lifetime.named.append(now)
            line["discount_amounts"].append({"amount": cut, "discount": discount.id})
            if discount.item:
                line["discounts"].append(shown.discount(discount, sub))
    if coupon.duration == "once":
        discount.used = bool(total)


def _left(line: Json) -> int:
    return int(line["amount"]) - sum(int(cut["amount"]) for cut in line["discount_amounts"])
