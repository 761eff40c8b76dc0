"""Invoice lines per month, in the units of MRR."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from cs_sync.metrics.mrr.facts import LineFact
from cs_sync.metrics.mrr.normalise import get_monthly_frequency
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import add_interval

Kind = Literal["licensed", "metered", "one_off"]
SubscriptionKey = tuple[str, str]
DEMANDED_STATUSES = frozenset({"open", "paid"})
"""Invoices that ask for money; drafts, void and uncollectible ones do not."""

_DAY = timedelta(days=1)
_MONTH_TOLERANCE = Fraction(1, 8)
"""A month of 28 days is a whole one beside a month of 31."""


class BilledLine(Struct, frozen=True):
    """An invoice line with the facts of its invoice and item."""

    line: LineFact
    currency: str
    status: str
    """Of the invoice."""
    inclusive_tax_percent: Decimal | None = None
    whole: bool = False
    """Whether it stands for a whole invoice that has no lines."""

    @property
    def subscription(self) -> SubscriptionKey | None:
        """The key of the billed subscription; None if there is none."""
        named = self.line.subscription_source_id
        return None if named is None else (self.line.source, named)

    @property
    def kind(self) -> Kind:
        """The kind of line.

        One-off: without a subscription, or by a non-recurring price.
        """
        if self.line.subscription_source_id is None:
            return "one_off"
        if self.line.interval is None and not (self.line.is_proration or self.whole):
            return "one_off"
        return "metered" if self.line.usage_type == "metered" else "licensed"

    def covers(self, at: datetime) -> bool:
        """Return whether the service period covers the state before an instant.

        Just before it.
        """
        start, end = self.line.period_start, self.line.period_end
        return start is not None and end is not None and start < at <= end


class MonthlyCharge(Struct, frozen=True):
    """A line in exact minor units per month, without tax.

    `net` is after discounts and `discount` their amount; `waived` is the list price of a
    line with amount 0, as in trials. `rounding` is the largest deviation of `net` from the
    agreed price: lines are in whole minor units.
    """

    billed: BilledLine
    net: Fraction
    discount: Fraction
    waived: Fraction
    rounding: Fraction


def calculate_monthly_charges(
    lines: Iterable[BilledLine], policy: MrrPolicy
) -> list[MonthlyCharge]:
    """Convert the lines to amounts per month.

    Prorations are scaled to their whole interval.
    """
    lines = list(lines)
    begins = {
        (billed.subscription, billed.line.period_end): billed.line
        for billed in lines
        if not billed.line.is_proration and billed.kind == "licensed"
    }
    return [_calculate_charge(billed, begins, policy) for billed in lines]


def _calculate_charge(
    billed: BilledLine,
    regular: Mapping[tuple[SubscriptionKey | None, datetime | None], LineFact],
    policy: MrrPolicy,
) -> MonthlyCharge:
    line = billed.line
    factor = 1 / _count_priced_months(
        line, regular.get((billed.subscription, line.period_end)), policy
    )
    rounding = factor
    if policy.inclusive_tax == "removed":
        factor *= 1 - _calculate_tax_share(billed)
    listed = Fraction(line.unit_amount or 0) * Fraction(line.quantity or 0)
    return MonthlyCharge(
        billed,
        net=(line.amount - line.discount_amount) * factor,
        discount=line.discount_amount * factor,
        waived=Fraction(0) if line.amount else listed * factor,
        rounding=rounding,
    )


def _calculate_tax_share(billed: BilledLine) -> Fraction:
    """Return a line's tax share, its own or by item rate."""
    line, charged = billed.line, billed.line.amount - billed.line.discount_amount
    if line.inclusive_tax_amount is not None and charged:
        return Fraction(line.inclusive_tax_amount, charged)
    rate = Fraction(billed.inclusive_tax_percent or 0)
    return rate / (100 + rate)


def _count_priced_months(line: LineFact, regular: LineFact | None, policy: MrrPolicy) -> Fraction:
    """Return the number of months a line's price is for."""
    start, end = line.period_start, line.period_end
    interval, count = line.interval, line.interval_count or 1
    if line.is_proration and interval is None:
        interval, count = (regular.interval, regular.interval_count or 1) if regular else (None, 1)
        interval = interval or "month"
    if start is None or end is None or end <= start:
        return 1 / get_monthly_frequency(interval, count, policy) if interval else Fraction(1)
    if interval is None:
        return count_months_between(start, end, policy)
    begins = add_interval(end, interval, -count)
    if regular and line.is_proration and (regular.interval, regular.interval_count or 1) == (
        interval, count,
    ):  # fmt: skip
        begins = regular.period_start or begins
    share = Fraction((end - start) // timedelta(seconds=1), (end - begins) // timedelta(seconds=1))
    if not line.is_proration and round(share) and abs(share - round(share)) <= _MONTH_TOLERANCE:
        share = Fraction(round(share))
    return share / get_monthly_frequency(interval, count, policy)


def count_months_between(start: datetime, end: datetime, policy: MrrPolicy) -> Fraction:
    """Return the length of a service period in months.

    Whole months if it has such, else weeks or days.
    """
    days = Fraction((end - start) // timedelta(seconds=1), 86_400)
    months = round(days / Fraction(policy.days_per_year, 12))
    ends = {
        add_interval(start, "month", months) - end,
        add_interval(end, "month", -months) - start,
    }
    if months and any(abs(off) < _DAY for off in ends):
        return Fraction(months)
    weeks = round(days / 7)
    if weeks and abs(days - 7 * weeks) <= _MONTH_TOLERANCE:
        return weeks / get_monthly_frequency("week", 1, policy)
    return days / get_monthly_frequency("day", 1, policy)
