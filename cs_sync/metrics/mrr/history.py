"""Which version of an item was true when: as stated, or rebuilt from invoice lines.

Some sources (Stripe) only show an item's present state. What it was before is proven by invoices:
a recurring line says what was agreed when its period began, and a proration line says at which
very instant it changed, because its period starts there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from cs_sync.metrics.mrr.facts import BillingFacts, ItemFact, LineFact

ItemKey = tuple[str, str]


def item_versions(facts: BillingFacts) -> list[ItemFact]:
    """Every version of every licensed item, disjoint per item, by item and time."""
    stated: dict[ItemKey, list[ItemFact]] = defaultdict(list)
    for item in facts.items:
        stated[item.source, item.source_id].append(item)
    lines = evidence(facts)
    prices = _prices(facts.items, lines)
    versions: list[ItemFact] = []
    for key in sorted(stated.keys() | lines.keys()):
        versions += _versions(stated.get(key, []), lines.get(key, []), prices)
    return [version for version in versions if version.usage_type == "licensed"]


def _versions(
    stated: Sequence[ItemFact],
    lines: Sequence[LineFact],
    prices: Mapping[str, ItemFact],
) -> list[ItemFact]:
    if len(stated) > 1 or not lines:
        return _disjoint(stated)
    present = stated[0] if stated else None
    seen = _sightings(lines, prices, present)
    if not seen:
        return _disjoint(stated)
    return _rebuilt(present, seen, _removed_at(lines, present))


def _disjoint(versions: Sequence[ItemFact]) -> list[ItemFact]:
    """Versions by time; one without a stated end lasts until the next begins."""
    ordered = sorted(versions, key=lambda v: v.valid_from)
    following = [v.valid_from for v in ordered[1:]]
    closed = [
        replace(v, valid_to=start) if v.valid_to is None or v.valid_to > start else v
        for v, start in zip(ordered, following, strict=False)
    ]
    return [*closed, *ordered[-1:]]


@dataclass(frozen=True, slots=True)
class _Sighting:
    """At `at` the item was `state`: from then on, or (`before`) up to then."""

    at: datetime
    state: ItemFact
    before: bool
    until: datetime


def _sightings(
    lines: Sequence[LineFact], prices: Mapping[str, ItemFact], present: ItemFact | None
) -> list[_Sighting]:
    """What the lines prove, by time; at one instant what was comes before what is."""
    found = []
    for line in lines:
        state = _state(line, prices, present)
        if state is None or line.period_start is None or line.period_end is None:
            continue
        before = line.is_proration and line.amount < 0
        found.append(_Sighting(line.period_start, state, before, line.period_end))
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


def _rebuilt(
    present: ItemFact | None, seen: Sequence[_Sighting], removed: datetime | None
) -> list[ItemFact]:
    """The chain of states: the first sighting reaches back, the present state reaches forward."""
    begins = seen[0].at if present is None else min(present.valid_from, seen[0].at)
    changes: list[tuple[datetime, ItemFact]] = [(begins, seen[0].state)]
    changes += [(s.at, s.state) for s in seen if not s.before]
    if present is None:
        end: datetime | None = removed or max(s.until for s in seen)
    else:
        end = removed or present.valid_to
        if not _same(changes[-1][1], present):
            changes.append((max(changes[-1][0], present.changed_at or begins), present))
    return _chained(changes, present, end)


def _chained(
    changes: Sequence[tuple[datetime, ItemFact]], present: ItemFact | None, end: datetime | None
) -> list[ItemFact]:
    chain: list[ItemFact] = []
    for at, state in changes:
        if chain and (at <= chain[-1].valid_from or _same(chain[-1], state)):
            if not _same(chain[-1], state):
                chain[-1] = replace(state, valid_from=chain[-1].valid_from, valid_to=None)
            continue
        if chain:
            chain[-1] = replace(chain[-1], valid_to=at)
        chain.append(replace(state, valid_from=at, valid_to=None))
    if present is not None and _same(chain[-1], present):
        proven = chain[-1].valid_from
        chain[-1] = replace(present, valid_from=proven)
    chain[-1] = replace(chain[-1], valid_to=end)
    return [v for v in chain if v.valid_to is None or v.valid_to > v.valid_from]


def _same(one: ItemFact, other: ItemFact) -> bool:
    """Whether two states come to the same charge."""
    return (one.price, one.unit_amount, one.quantity) == (
        other.price, other.unit_amount, other.quantity,
    )  # fmt: skip


def _removed_at(lines: Sequence[LineFact], present: ItemFact | None) -> datetime | None:
    """When an item that is gone was taken off: the last credit that no charge answers."""
    if present is not None and present.valid_to is None:
        return None
    credits = [s.period_start for s in lines if s.is_proration and s.amount < 0]
    charges = {s.period_start for s in lines if s.amount >= 0}
    last = max((at for at in credits if at is not None and at not in charges), default=None)
    later = [at for at in charges if at is not None and last is not None and at > last]
    return None if later else last


def evidence(facts: BillingFacts) -> dict[ItemKey, list[LineFact]]:
    """Lines by item that prove an agreement: not void, not metered, not of a trial, in order."""
    void = {(i.source, i.source_id) for i in facts.invoices if i.status == "void"}
    trials = {s.key: s.trial_end for s in facts.subscriptions if s.trial_end is not None}
    found: dict[ItemKey, list[LineFact]] = defaultdict(list)
    for line in sorted(facts.lines, key=lambda line: (line.source, line.source_id)):
        trial_end = trials.get((line.source, line.subscription_source_id or ""))
        if (
            line.subscription_item_source_id is None
            or line.usage_type == "metered"
            or (line.source, line.invoice_source_id) in void
            or (trial_end and line.period_end and line.period_end <= trial_end)
        ):
            continue
        found[line.source, line.subscription_item_source_id].append(line)
    return found


def _prices(
    items: Iterable[ItemFact], lines: Mapping[ItemKey, Sequence[LineFact]]
) -> dict[str, ItemFact]:
    """Price id → an item of that price: as stated, else as a line shows it, full ones first."""
    known = {item.price: item for item in items if item.price is not None}
    every = [line for some in lines.values() for line in some]
    for line in sorted(every, key=lambda line: line.is_proration):
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
