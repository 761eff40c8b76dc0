"""Inclusive tax from invoices: automatic tax leaves no rate on a subscription.

A line decides for its price from the start of its period, until a later line differs;
the first one extends backwards, as nothing is known before it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, LineFact
from cs_sync.metrics.mrr.observations import collect_evidence_lines


class _TaxRate(Struct, frozen=True):
    """An inclusive tax of `percent` from `since` on; proven until `until`."""

    since: datetime
    until: datetime
    percent: Decimal


def apply_invoiced_tax(facts: BillingFacts, versions: Sequence[ItemFact]) -> list[ItemFact]:
    """Apply the tax on their invoices to versions, cut at its changes.

    A price without an invoice of its own includes the same tax as others of its
    subscription, unless the source states a rate.
    """
    stated = any(version.inclusive_tax_percent for version in versions)
    shown = any(line.inclusive_tax_amount for line in facts.lines)
    if not (stated or shown):
        return list(versions)
    of_prices: dict[tuple[str, str, str | None], list[LineFact]] = defaultdict(list)
    of_subscriptions: dict[tuple[str, str], list[LineFact]] = defaultdict(list)
    for (source, item), lines in collect_evidence_lines(facts).items():
        for line in filter(_has_inclusive_tax, lines):
            of_prices[source, item, line.price].append(line)
            of_subscriptions[source, line.subscription_source_id or ""].append(line)
    adjusted: list[ItemFact] = []
    for version in versions:
        own = of_prices.get((version.source, version.source_id, version.price), [])
        if not own and version.inclusive_tax_percent is None:
            own = of_subscriptions.get(version.subscription, [])
        adjusted += _cut_version(version, _list_rates(own, version.inclusive_tax_percent))
    return adjusted


def _has_inclusive_tax(line: LineFact) -> bool:
    charged = line.amount - line.discount_amount
    dated = line.period_start is not None and line.period_end is not None
    return dated and line.inclusive_tax_amount is not None and charged > line.inclusive_tax_amount


def _list_rates(lines: Sequence[LineFact], stated: Decimal | None) -> list[_TaxRate]:
    """Return the rate of each line by time.

    The rate before it, or the stated one, is kept if it fits.
    """
    rates: list[_TaxRate] = []
    for line in sorted(lines, key=lambda line: (str(line.period_start), line.source_id)):
        assert line.period_start is not None and line.period_end is not None  # noqa: S101, PT018
        likely = rates[-1].percent if rates else stated
        rates.append(_TaxRate(line.period_start, line.period_end, _find_percent(line, likely)))
    return rates


def _find_percent(line: LineFact, likely: Decimal | None) -> Decimal:
    """Return the simplest percentage for a tax rounded to minor units."""
    tax = Decimal(line.inclusive_tax_amount or 0)
    if tax == 0:
        return Decimal(0)
    charged = Decimal(line.amount - line.discount_amount)
    exact = 100 * tax / (charged - tax)
    simple = (round(exact, digits) for digits in range(4))
    fitting = (p for p in (likely or Decimal(0), *simple) if abs(charged * p / (100 + p) - tax) < 1)
    return next(fitting, exact)


def _cut_version(version: ItemFact, rates: Sequence[_TaxRate]) -> Iterator[ItemFact]:
    """Cut a version into pieces with one tax rate each."""
    if not rates:
        yield version
        return
    begins, ends, stated = version.valid_from, version.valid_to, version.inclusive_tax_percent
    turns = [(rate.since, rate.percent or None) for rate in rates]
    if stated is not None:
        turns.append((rates[-1].until, stated or None))
    earlier = [percent for at, percent in turns if at <= begins]
    pieces = [(begins, earlier[-1] if earlier else turns[0][1])]
    for at, percent in turns:
        inside = begins < at and (ends is None or at < ends)
        if inside and percent != pieces[-1][1]:
            pieces.append((at, percent))
    following = [*(at for at, _ in pieces[1:]), ends]
    for (at, percent), end in zip(pieces, following, strict=True):
        yield replace(version, valid_from=at, valid_to=end, inclusive_tax_percent=percent)
