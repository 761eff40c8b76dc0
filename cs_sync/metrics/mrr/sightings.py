"""What invoice lines, and what the source says of changes, show of an item at an instant."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from cs_sync.metrics.mrr.facts import BillingFacts, InvoiceFact, ItemFact, LineFact
from cs_sync.metrics.mrr.tier_lines import join_tiers

AT_ONCE = timedelta(days=1)
"""Dunning and people take longer to give an invoice up."""
ItemKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """At `at` the item was `state`: from then on, or (`before`) up to then."""

    at: datetime
    state: ItemFact
    before: bool
    until: datetime


def evidence(facts: BillingFacts) -> dict[ItemKey, list[LineFact]]:
    """Lines by item that prove an agreement: not withdrawn, not metered, of something, in order.

    Those of a trial or of a pause do: they name price and quantity, though nothing is charged.
    """
    withdrawn = _withdrawn(facts)
    unwanted = {(i.source, i.source_id) for i in facts.items if i.quantity == 0}
    found: dict[ItemKey, list[LineFact]] = defaultdict(list)
    for line in sorted(facts.lines, key=lambda line: (line.source, line.source_id)):
        if (
            line.subscription_item_source_id is None
            or line.usage_type == "metered"
            or not (line.amount or line.quantity or _says_none(line, unwanted))
            or (line.source, line.source_id) in withdrawn
        ):
            continue
        found[line.source, line.subscription_item_source_id].append(line)
    tiered = {item.price for item in facts.items if item.price is not None and item.tiers}
    return {key: join_tiers(lines, tiered) for key, lines in found.items()}


def _says_none(line: LineFact, unwanted: Collection[ItemKey]) -> bool:
    """Whether a recurring line says that none was wanted of an item that stays so."""
    key = (line.source, line.subscription_item_source_id or "")
    return key in unwanted and line.quantity == 0 and not line.is_proration


def _withdrawn(facts: BillingFacts) -> set[tuple[str, str]]:
    """Lines of void invoices, but those that were voided as they were made, and only once."""
    void = {(i.source, i.source_id): i for i in facts.invoices if i.status == "void"}
    owner = {(line.source, line.source_id): _of_invoice(line) for line in facts.lines}
    good = {
        (line.subscription_item_source_id, line.period_start)
        for line in facts.lines
        if _of_invoice(line) not in void
    }
    again = {
        (line.source, line.source_id)
        for line in facts.lines
        if (line.subscription_item_source_id, line.period_start) in good
    }
    return {
        key
        for key, bill in owner.items()
        if bill in void and (key in again or not given_up_at_once(void[bill]))
    }


def _of_invoice(line: LineFact) -> tuple[str, str]:
    return (line.source, line.invoice_source_id)


def given_up_at_once(invoice: InvoiceFact) -> bool:
    """Whether an invoice was given up as it was made, as paused collection does."""
    given_up = invoice.given_up_at
    return given_up is not None and given_up - invoice.issued_at <= AT_ONCE


def sightings(
    lines: Sequence[LineFact], prices: Mapping[str, ItemFact], present: ItemFact | None
) -> list[Sighting]:
    """What the lines prove, by time; at one instant what was comes before what is."""
    found = []
    for line in lines:
        state = _state(line, prices, present)
        if state is None or line.period_start is None or line.period_end is None:
            continue
        before = line.is_proration and line.amount < 0
        found.append(Sighting(line.period_start, state, before, line.period_end))
    order = {s: i for i, s in enumerate(found)}
    return sorted(found, key=lambda s: (s.at, not s.before, order[s]))


def _state(
    line: LineFact, prices: Mapping[str, ItemFact], present: ItemFact | None
) -> ItemFact | None:
    """The item as this line shows it; None when the line does not tell price or quantity."""
    if line.quantity is None or line.subscription_source_id is None:
        return None
    known = present if present and present.price == line.price else prices.get(line.price or "")
    if known is None:
        return None
    return replace(
        known,
        source_id=line.subscription_item_source_id or known.source_id,
        subscription_source_id=line.subscription_source_id,
        quantity=line.quantity,
        changed_at=None,
        reconstructed=True,
    )


def prices_known(
    items: Iterable[ItemFact], lines: Mapping[ItemKey, Sequence[LineFact]]
) -> dict[str, ItemFact]:
    """Price id → an item of that price: as stated, else as a line shows it, full ones first."""
    known = {item.price: item for item in items if item.price is not None}
    every = [line for some in lines.values() for line in some]
    for line in sorted(every, key=lambda line: (line.is_proration, line.amount == 0)):
        unit = _unit_amount(line)
        if line.price is None or line.price in known or unit is None:
            continue
        if line.period_start is None or line.interval is None:
            continue
        known[line.price] = ItemFact(
            line.source, line.subscription_item_source_id or "", line.subscription_source_id or "",
            line.period_start, product=line.product, price=line.price, unit_amount=unit,
            interval=line.interval, interval_count=line.interval_count or 1,
        )  # fmt: skip
    return known


def _unit_amount(line: LineFact) -> Decimal | None:
    """The price of one unit for a whole interval.

    A proration line may show the unit's share instead; what is just the line's amount divided by
    its quantity is taken for that.
    """
    share = Decimal(abs(line.amount)) / line.quantity if line.quantity else None
    if line.unit_amount is None:
        return None if line.is_proration else share
    return None if line.is_proration and line.unit_amount == share else line.unit_amount
