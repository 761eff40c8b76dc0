"""Tax contained in prices where invoices tell it: automatic tax leaves no rate on a subscription.

A line rules the price it is for from the begin of its period on, until a later line says otherwise;
the first one reaches back, as nothing tells what was before it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, LineFact
from cs_sync.metrics.mrr.sightings import evidence


@dataclass(frozen=True, slots=True)
class _Rate:
    """From `since` on so many percent were contained; proven until `until`."""

    since: datetime
    until: datetime
    percent: Decimal


def with_invoiced_tax(facts: BillingFacts, versions: Sequence[ItemFact]) -> list[ItemFact]:
    """The versions with the tax that their invoices show, cut where it changed.

    A price without an invoice of its own contains what others of its subscription do, unless the
    source states a rate.
    """
    stated = any(version.inclusive_tax_percent for version in versions)
    shown = any(line.inclusive_tax_amount for line in facts.lines)
    if not (stated or shown):
        return list(versions)
    of_prices: dict[tuple[str, str, str | None], list[LineFact]] = defaultdict(list)
    of_subscriptions: dict[tuple[str, str], list[LineFact]] = defaultdict(list)
    for (source, item), lines in evidence(facts).items():
        for line in filter(_tells, lines):
            of_prices[source, item, line.price].append(line)
            of_subscriptions[source, line.subscription_source_id or ""].append(line)
    found: list[ItemFact] = []
    for version in versions:
        own = of_prices.get((version.source, version.source_id, version.price), [])
        if not own and version.inclusive_tax_percent is None:
            own = of_subscriptions.get(version.subscription, [])
        found += _cut(version, _rates(own, version.inclusive_tax_percent))
    return found


def _tells(line: LineFact) -> bool:
    charged = line.amount - line.discount_amount
    dated = line.period_start is not None and line.period_end is not None
    return dated and line.inclusive_tax_amount is not None and charged > line.inclusive_tax_amount


def _rates(lines: Sequence[LineFact], stated: Decimal | None) -> list[_Rate]:
    """What each line shows, by time; the rate before it, or the stated one, where that fits."""
    rates: list[_Rate] = []
    for line in sorted(lines, key=lambda line: (str(line.period_start), line.source_id)):
        assert line.period_start is not None and line.period_end is not None  # noqa: S101, PT018
        likely = rates[-1].percent if rates else stated
        rates.append(_Rate(line.period_start, line.period_end, _percent(line, likely)))
    return rates


def _percent(line: LineFact, likely: Decimal | None) -> Decimal:
    """The simplest percentage that comes to the tax shown, which was rounded to minor units."""
    tax = Decimal(line.inclusive_tax_amount or 0)
    if tax == 0:
        return Decimal(0)
    charged = Decimal(line.amount - line.discount_amount)
    exact = 100 * tax / (charged - tax)
    simple = (round(exact, digits) for digits in range(4))
    fitting = (p for p in (likely or Decimal(0), *simple) if abs(charged * p / (100 + p) - tax) < 1)
    return next(fitting, exact)


def _cut(version: ItemFact, rates: Sequence[_Rate]) -> Iterator[ItemFact]:
    """The version in pieces of one rate each; a stated rate follows on what is proven."""
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
