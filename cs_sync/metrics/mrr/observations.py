"""Observations of an item at an instant, from invoice lines and reported changes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import BillingFacts, InvoiceFact, ItemFact, LineFact
from cs_sync.metrics.mrr.tier_lines import join_tiers

WRITE_OFF_TOLERANCE = timedelta(days=1)
"""Dunning and people take longer to give an invoice up."""
ItemKey = tuple[str, str]


class ItemObservation(Struct, frozen=True):
    """An observed `state` of an item at `at`: from then on, or (`before`) up to then."""

    at: datetime
    state: ItemFact
    before: bool
    until: datetime


def collect_evidence_lines(facts: BillingFacts) -> dict[ItemKey, list[LineFact]]:
    """Collect the lines that prove an agreement, by item and in order.

    Not withdrawn, not metered, not empty. Lines of a trial or a pause count: they name
    price and quantity, though nothing is charged.
    """
    withdrawn = _find_withdrawn(facts)
    unwanted = {(i.source, i.source_id) for i in facts.items if i.quantity == 0}
    by_item: dict[ItemKey, list[LineFact]] = defaultdict(list)
    for line in sorted(facts.lines, key=lambda line: (line.source, line.source_id)):
        if (
            line.subscription_item_source_id is None
            or line.usage_type == "metered"
            or not (line.amount or line.quantity or _is_unused_item(line, unwanted))
            or (line.source, line.source_id) in withdrawn
        ):
            continue
        by_item[line.source, line.subscription_item_source_id].append(line)
    tiered = {item.price for item in facts.items if item.price is not None and item.tiers}
    return {key: join_tiers(lines, tiered) for key, lines in by_item.items()}


def _is_unused_item(line: LineFact, unwanted: Collection[ItemKey]) -> bool:
    """Return whether a recurring line is of an unused item.

    With quantity 0, and the item stays unused.
    """
    key = (line.source, line.subscription_item_source_id or "")
    return key in unwanted and line.quantity == 0 and not line.is_proration


def _find_withdrawn(facts: BillingFacts) -> set[tuple[str, str]]:
    """Find the lines of void invoices.

    Except those voided at once, and only once.
    """
    void = {(i.source, i.source_id): i for i in facts.invoices if i.status == "void"}
    owner = {(line.source, line.source_id): _get_invoice_key(line) for line in facts.lines}
    good = {
        (line.subscription_item_source_id, line.period_start)
        for line in facts.lines
        if _get_invoice_key(line) not in void
    }
    again = {
        (line.source, line.source_id)
        for line in facts.lines
        if (line.subscription_item_source_id, line.period_start) in good
    }
    return {
        key
        for key, bill in owner.items()
        if bill in void and (key in again or not is_written_off_at_once(void[bill]))
    }


def _get_invoice_key(line: LineFact) -> tuple[str, str]:
    return (line.source, line.invoice_source_id)


def is_written_off_at_once(invoice: InvoiceFact) -> bool:
    """Return whether an invoice was given up at creation.

    As by paused collection.
    """
    given_up = invoice.given_up_at
    return given_up is not None and given_up - invoice.issued_at <= WRITE_OFF_TOLERANCE


def build_observations(
    lines: Sequence[LineFact], prices: Mapping[str, ItemFact], present: ItemFact | None
) -> list[ItemObservation]:
    """Build observations by time, the earlier state first."""
    observations = []
    for line in lines:
        state = _build_state(line, prices, present)
        if state is None or line.period_start is None or line.period_end is None:
            continue
        before = line.is_proration and line.amount < 0
        observations.append(ItemObservation(line.period_start, state, before, line.period_end))
    order = {s: i for i, s in enumerate(observations)}
    return sorted(observations, key=lambda s: (s.at, not s.before, order[s]))


def _build_state(
    line: LineFact, prices: Mapping[str, ItemFact], present: ItemFact | None
) -> ItemFact | None:
    """Build the item as on this line.

    None if it lacks price or quantity.
    """
    if line.quantity is None or line.subscription_source_id is None:
        return None
    priced = present if present and present.price == line.price else prices.get(line.price or "")
    if priced is None:
        return None
    return replace(
        priced,
        source_id=line.subscription_item_source_id or priced.source_id,
        subscription_source_id=line.subscription_source_id,
        quantity=line.quantity,
        changed_at=None,
        reconstructed=True,
    )


def map_known_prices(
    items: Iterable[ItemFact], lines: Mapping[ItemKey, Sequence[LineFact]]
) -> dict[str, ItemFact]:
    """Map each price id to an item of that price.

    Stated, else from a line, full ones first.
    """
    prices = {item.price: item for item in items if item.price is not None}
    every = [line for item_lines in lines.values() for line in item_lines]
    for line in sorted(every, key=lambda line: (line.is_proration, line.amount == 0)):
        unit = _get_unit_amount(line)
        if line.price is None or line.price in prices or unit is None:
            continue
        if line.period_start is None or line.interval is None:
            continue
        prices[line.price] = ItemFact(
            line.source, line.subscription_item_source_id or "", line.subscription_source_id or "",
            line.period_start, product=line.product, price=line.price, unit_amount=unit,
            interval=line.interval, interval_count=line.interval_count or 1,
        )  # fmt: skip
    return prices


def _get_unit_amount(line: LineFact) -> Decimal | None:
    """Return the price of one unit for a whole interval.

    A proration line may hold the unit's share instead; an amount equal to the line's amount
    ÷ its quantity is taken as that.
    """
    share = Decimal(abs(line.amount)) / line.quantity if line.quantity else None
    if line.unit_amount is None:
        return None if line.is_proration else share
    return None if line.is_proration and line.unit_amount == share else line.unit_amount
