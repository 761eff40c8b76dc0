"""Lines of a price in tiers: an invoice has one for each tier, which together are one charge."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from cs_sync.metrics.mrr.facts import LineFact


def join_tiers(lines: Iterable[LineFact], tiered: Collection[str]) -> list[LineFact]:
    """One line for the lines of an item's period on one invoice, at any of these prices.

    Fixed fees of tiers are lines without a quantity. Two recurring lines for one period are tiers
    also where the price itself is not known any more.
    """
    parts: dict[Any, list[LineFact]] = defaultdict(list)
    for line in lines:
        alone = line.is_proration and line.price not in tiered
        parts[_charge(line), line.source_id if alone else None].append(line)
    return [some[0] if len(some) == 1 else _joined(some) for some in parts.values()]


def _charge(line: LineFact) -> tuple[Any, ...]:
    """What the lines of one charge have in common."""
    sign = line.amount < 0 if line.is_proration else None
    place = (line.source, line.invoice_source_id, line.subscription_item_source_id)
    return (*place, line.price, line.is_proration, sign, line.period_start, line.period_end)


def _joined(lines: Sequence[LineFact]) -> LineFact:
    taxes = [x.inclusive_tax_amount for x in lines if x.inclusive_tax_amount is not None]
    return replace(
        lines[0],
        amount=sum(line.amount for line in lines),
        quantity=sum((line.quantity or Decimal(0) for line in lines), Decimal(0)),
        unit_amount=None,
        discount_amount=sum(line.discount_amount for line in lines),
        discounts=_cuts(lines),
        inclusive_tax_amount=sum(taxes) if taxes else None,
    )


def _cuts(lines: Sequence[LineFact]) -> Sequence[Any] | None:
    """What each discount took off all of them; None where one does not say."""
    if any(line.discounts is None for line in lines):
        return None
    found: dict[str, dict[str, Any]] = {}
    for cut in (cut for line in lines for cut in line.discounts or ()):
        before = found.get(cut["id"], {"amount": 0})
        found[cut["id"]] = {**cut, "amount": int(before["amount"]) + int(cut["amount"])}
    return list(found.values())
