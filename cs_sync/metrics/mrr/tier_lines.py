"""Lines of a price in tiers: an invoice has one for each tier, which together are one charge."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from cs_sync.metrics.mrr.facts import LineFact


def join_tiers(lines: Iterable[LineFact], tiered: Collection[str]) -> list[LineFact]:
    """Merge the tier lines of one item, period and invoice.

    Fixed fees of tiers are lines without a quantity. Two recurring lines for one period are
    tiers even if the price itself is no longer known.
    """
    parts: dict[Any, list[LineFact]] = defaultdict(list)
    for line in lines:
        alone = line.is_proration and line.price not in tiered
        parts[_build_charge_key(line), line.source_id if alone else None].append(line)
    return [tiers[0] if len(tiers) == 1 else _merge_lines(tiers) for tiers in parts.values()]


def _build_charge_key(line: LineFact) -> tuple[Any, ...]:
    """Return the key shared by the lines of one charge."""
    sign = line.amount < 0 if line.is_proration else None
    place = (line.source, line.invoice_source_id, line.subscription_item_source_id)
    return (*place, line.price, line.is_proration, sign, line.period_start, line.period_end)


def _merge_lines(lines: Sequence[LineFact]) -> LineFact:
    taxes = [x.inclusive_tax_amount for x in lines if x.inclusive_tax_amount is not None]
    return replace(
        lines[0],
        amount=sum(line.amount for line in lines),
        quantity=sum((line.quantity or Decimal(0) for line in lines), Decimal(0)),
        unit_amount=None,
        discount_amount=sum(line.discount_amount for line in lines),
        discounts=_sum_discounts(lines),
        inclusive_tax_amount=sum(taxes) if taxes else None,
    )


def _sum_discounts(lines: Sequence[LineFact]) -> Sequence[Any] | None:
    """Sum each discount over all lines.

    None if unknown for one.
    """
    if any(line.discounts is None for line in lines):
        return None
    by_id: dict[str, dict[str, Any]] = {}
    for cut in (cut for line in lines for cut in line.discounts or ()):
        before = by_id.get(cut["id"], {"amount": 0})
        by_id[cut["id"]] = {**cut, "amount": int(before["amount"]) + int(cut["amount"])}
    return list(by_id.values())
