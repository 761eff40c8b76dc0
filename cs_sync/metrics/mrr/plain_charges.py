"""Charges of plain items: when they count, and quotients of integers for their amounts."""

from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from cs_sync.metrics.mrr.facts import PlainVersion
from cs_sync.metrics.mrr.movements import Kind
from cs_sync.metrics.mrr.normalise import count_intervals_per_year
from cs_sync.metrics.mrr.policy import MrrPolicy
from cs_sync.metrics.mrr.rows import PartRow
from cs_sync_schemas.money import MAX_MINOR_UNITS
from cs_sync_schemas.times import read_microseconds

_MAX_PRICE = MAX_MINOR_UNITS // 1_000
"""Of an interval; what is above may be too much for a month."""
SURELY_TWO_DAYS = timedelta(days=2) // timedelta(microseconds=1)


def calculate_price(version: PlainVersion, policy: MrrPolicy) -> tuple[int, int] | None:
    """Calculate the minor units per month as a quotient of integers.

    None if it is not plain.
    """
    amount = multiply_numerals(version.unit_amount, version.quantity)
    if amount is None:
        return None
    if version.interval == "month" and version.interval_count == 1:
        return amount, 1
    per_year = count_intervals_per_year(version.interval, policy)
    return amount * per_year, 12 * version.interval_count


@lru_cache(65_536)
def multiply_numerals(unit_amount: str, quantity: str) -> int | None:
    """Multiply two numerals.

    None if one has a fraction or is negative, or for a giant price.
    """
    unit, count = read_whole(unit_amount), read_whole(quantity)
    if unit is None or count is None or unit * count > _MAX_PRICE:
        return None
    return unit * count


@lru_cache(65_536)
def read_whole(numeral: str) -> int | None:
    """Return a numeral's integer; None with a fraction, or if negative."""
    number = Decimal(numeral)
    whole = int(number)
    return whole if whole == number and whole >= 0 else None


def round_quotient(above: int, below: int) -> int:
    """Round a quotient half-even."""
    whole, rest = divmod(above, below)
    return whole + (2 * rest > below or (2 * rest == below and whole % 2 == 1))


def find_charged_time(
    version: PlainVersion, following: PlainVersion | None
) -> tuple[int, int | None]:
    """Find from when until when a version is charged.

    While it is valid, its subscription runs, and the next version has not begun. It never is if
    that ends before it begins.
    """
    since, until, ends_at = version.valid_from, version.valid_to, version.ends_at
    if following is not None and (until is None or until > following.valid_from):
        until = following.valid_from
    if since < version.started_at:
        since = version.started_at
    if ends_at is not None and (until is None or until > ends_at):
        until = ends_at
    return since, until


def are_one_change(earlier: int, later: int, policy: MrrPolicy) -> bool:
    """Return whether a change and a later one are one change."""
    return later - earlier < SURELY_TWO_DAYS and policy.are_one_change(
        read_microseconds(earlier), read_microseconds(later)
    )


def build_part(version: PlainVersion, amount: int) -> PartRow:
    """Build a version's part of a span."""
    return (
        version.source,
        version.subscription_source_id,
        version.source_id or "",
        version.product,
        version.price,
        read_whole(version.quantity) or 0,
        amount,
    )


def classify_step(before: int, after: int, *, paid: bool) -> Kind:
    """Classify a step of the amount; `paid` after any MRR."""
    if not paid:
        return "new"
    if before == 0:
        return "reactivation"
    if after == 0:
        return "churn"
    return "expansion" if after > before else "contraction"
