"""Plans of an account: the product with most of its MRR."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from cs_sync.metrics.mrr.rows import SpanRow
from cs_sync_schemas.times import read_microseconds

ProductRef = tuple[str, str]
"""Source and the product's id there."""


class PlanPeriod(Struct, frozen=True):
    """The time `[since, until)` of an account on a product."""

    product: ProductRef
    since: datetime
    until: datetime | None


def list_plan_periods(spans: Sequence[SpanRow]) -> list[PlanPeriod]:
    """List the account's plans in order, without gaps.

    Of several products at once the one with the most MRR counts, and of equal ones the
    first by name; amounts of different currencies are compared without conversion.
    """
    turns = sorted({since for _, since, *_ in spans})
    plan_periods: list[PlanPeriod] = []
    for turn in turns:
        product = _find_main_product(spans, turn)
        if product is None or (plan_periods and plan_periods[-1].product == product):
            continue
        at = read_microseconds(turn)
        if plan_periods:
            plan_periods[-1] = PlanPeriod(plan_periods[-1].product, plan_periods[-1].since, at)
        plan_periods.append(PlanPeriod(product, at, None))
    return plan_periods


def _find_main_product(spans: Sequence[SpanRow], at: int) -> ProductRef | None:
    """Find the product with most MRR at an instant.

    None without any product.
    """
    sums: defaultdict[ProductRef, int] = defaultdict(int)
    for _, since, until, _, parts, _ in spans:
        if since <= at and (until is None or at < until):
            for source, _, _, product, _, _, amount in parts:
                if product is not None:
                    sums[source, product] += amount
    return min(sums, key=lambda product: (-sums[product], product), default=None)
