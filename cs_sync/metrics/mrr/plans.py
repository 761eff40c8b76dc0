"""Which plan an account was on: the product that most of its MRR paid for."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cs_sync.metrics.mrr.spans import Span

Product = tuple[str, str]
"""Source and the product's id there."""


@dataclass(frozen=True, slots=True)
class Held:
    """The account was on this product in `[since, until)`."""

    product: Product
    since: datetime
    until: datetime | None


def plans_of(spans: Sequence[Span]) -> list[Held]:
    """The account's plans in their order, without a gap: who has left stays on the last one.

    Of several products at once the one with the most MRR counts, and of equal ones the first by
    name; amounts of different currencies are compared as they stand.
    """
    turns = sorted({span.valid_from for span in spans})
    found: list[Held] = []
    for at in turns:
        product = _leading(spans, at)
        if product is None or (found and found[-1].product == product):
            continue
        if found:
            found[-1] = Held(found[-1].product, found[-1].since, at)
        found.append(Held(product, at, None))
    return found


def _leading(spans: Sequence[Span], at: datetime) -> Product | None:
    """What most is paid for at an instant; None where no part names a product."""
    sums: defaultdict[Product, int] = defaultdict(int)
    for span in spans:
        if span.valid_from <= at and (span.valid_to is None or at < span.valid_to):
            for part in span.parts:
                if part.product is not None:
                    sums[part.source, part.product] += part.amount
    return min(sums, key=lambda product: (-sums[product], product), default=None)
