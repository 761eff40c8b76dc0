"""What invoice lines come to per month, in the units of MRR."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from cs_sync.metrics.mrr.facts import LineFact
from cs_sync.metrics.mrr.normalise import per_month
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.periods import after_interval

Kind = Literal["licensed", "metered", "one_off"]
SubscriptionKey = tuple[str, str]
DEMANDED = frozenset({"open", "paid"})
"""Invoices that ask for money; drafts, void and uncollectible ones do not."""

_DAY = timedelta(days=1)
_NEARLY = Fraction(1, 8)
"""A month of 28 days is a whole one beside a month of 31."""


@dataclass(frozen=True, slots=True)
class BilledLine:
    """An invoice line with what its invoice and its item say."""

    line: LineFact
    currency: str
    status: str
    """Of the invoice."""
    inclusive_tax_percent: Decimal | None = None
    whole: bool = False
    """Whether it stands for a whole invoice that has no lines."""

    @property
    def subscription(self) -> SubscriptionKey | None:
        """The key of the subscription that it bills."""
        named = self.line.subscription_source_id
        return None if named is None else (self.line.source, named)

    @property
    def kind(self) -> Kind:
        """One-off: it bills no subscription, or by a price that does not recur."""
        if self.line.subscription_source_id is None:
            return "one_off"
        if self.line.interval is None and not (self.line.is_proration or self.whole):
            return "one_off"
        return "metered" if self.line.usage_type == "metered" else "licensed"

    def covers(self, at: datetime) -> bool:
        """Whether the state just before this instant lies in its service period."""
        start, end = self.line.period_start, self.line.period_end
        return start is not None and end is not None and start < at <= end


@dataclass(frozen=True, slots=True)
class Charge:
    """A line in exact minor units per month, without tax.

    `net` is after discounts and `discount` what they took off; `waived` is what the price would
    have come to on a line of nothing, as trials have them. `rounding`: how far `net` may lie from
    what was agreed, because the line is in whole minor units.
    """

    billed: BilledLine
    net: Fraction
    discount: Fraction
    waived: Fraction
    rounding: Fraction


def monthly_charges(lines: Iterable[BilledLine], policy: MrrPolicy) -> list[Charge]:
    """The lines per month; a proration is scaled up to the interval of which it is a share."""
    lines = list(lines)
    begins = {
        (billed.subscription, billed.line.period_end): billed.line
        for billed in lines
        if not billed.line.is_proration and billed.kind == "licensed"
    }
    return [_charge(billed, begins, policy) for billed in lines]


def _charge(
    billed: BilledLine,
    regular: Mapping[tuple[SubscriptionKey | None, datetime | None], LineFact],
    policy: MrrPolicy,
) -> Charge:
    line = billed.line
    factor = 1 / _months(line, regular.get((billed.subscription, line.period_end)), policy)
    rounding = factor
    if policy.inclusive_tax == "removed":
        factor *= 1 - _tax_share(billed)
    listed = Fraction(line.unit_amount or 0) * Fraction(line.quantity or 0)
    return Charge(
        billed,
        net=(line.amount - line.discount_amount) * factor,
        discount=line.discount_amount * factor,
        waived=Fraction(0) if line.amount else listed * factor,
        rounding=rounding,
    )


def _tax_share(billed: BilledLine) -> Fraction:
    """The share of a line's amount that is tax: as it says itself, else by its item's rate."""
    line, charged = billed.line, billed.line.amount - billed.line.discount_amount
    if line.inclusive_tax_amount is not None and charged:
        return Fraction(line.inclusive_tax_amount, charged)
    rate = Fraction(billed.inclusive_tax_percent or 0)
    return rate / (100 + rate)


def _months(line: LineFact, regular: LineFact | None, policy: MrrPolicy) -> Fraction:
    """How many months of its price a line is for."""
    start, end = line.period_start, line.period_end
    interval, count = line.interval, line.interval_count or 1
    if line.is_proration and interval is None:
        interval, count = (regular.interval, regular.interval_count or 1) if regular else (None, 1)
        interval = interval or "month"
    if start is None or end is None or end <= start:
        return 1 / per_month(interval, count, policy) if interval else Fraction(1)
    if interval is None:
        return months_between(start, end, policy)
    begins = after_interval(end, interval, -count)
    if regular and line.is_proration and (regular.interval, regular.interval_count or 1) == (
        interval, count,
    ):  # fmt: skip
        begins = regular.period_start or begins
    share = Fraction((end - start) // timedelta(seconds=1), (end - begins) // timedelta(seconds=1))
    if not line.is_proration and round(share) and abs(share - round(share)) <= _NEARLY:
        share = Fraction(round(share))
    return share / per_month(interval, count, policy)


def months_between(start: datetime, end: datetime, policy: MrrPolicy) -> Fraction:
    """The length of a service period: in whole months where it is of such, else weeks or days."""
    days = Fraction((end - start) // timedelta(seconds=1), 86_400)
    months = round(days / Fraction(policy.days_per_year, 12))
    ends = {
        after_interval(start, "month", months) - end,
        after_interval(end, "month", -months) - start,
    }
    if months and any(abs(off) < _DAY for off in ends):
        return Fraction(months)
    weeks = round(days / 7)
    if weeks and abs(days - 7 * weeks) <= _NEARLY:
        return weeks / per_month("week", 1, policy)
    return days / per_month("day", 1, policy)
