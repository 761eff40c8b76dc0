"""Rates of exchange as stored, and since when there is money in which currency."""

from datetime import UTC, datetime, time
from fractions import Fraction

from sqlalchemy import Connection, func, or_, select

from cs_sync.metrics.fx import Rates
from cs_sync_schemas import Cost, FxRate, MrrSpan, table_of

RATE, COST, SPAN = table_of(FxRate), table_of(Cost), table_of(MrrSpan)


def read_rates(connection: Connection, known_at: datetime | None = None) -> Rates:
    """Every rate that is known now, or was at an instant."""
    statement = select(RATE.c.day, RATE.c.base, RATE.c.quote, RATE.c.rate)
    if known_at is None:
        statement = statement.where(RATE.c.deleted_at.is_(None))
    else:
        there = or_(RATE.c.deleted_at.is_(None), RATE.c.deleted_at > known_at)
        statement = statement.where(RATE.c.first_seen_at <= known_at, there)
    rows = connection.execute(statement.order_by(RATE.c.day, RATE.c.source, RATE.c.source_id))
    return Rates((day, base, quote, Fraction(rate)) for day, base, quote, rate in rows)


def currencies_since(connection: Connection, policy: str) -> dict[str, datetime]:
    """Currency → the instant of its first MRR under a policy, or of its first cost."""
    first = func.min(SPAN.c.valid_from).label("first")
    spans = select(SPAN.c.currency, first).where(SPAN.c.policy == policy)
    costs = select(COST.c.currency, func.min(COST.c.month)).group_by(COST.c.currency)
    rows = connection.execute(spans.group_by(SPAN.c.currency))
    found: dict[str, datetime] = {row.currency: row.first for row in rows}
    for currency, month in connection.execute(costs):
        since = datetime.combine(month, time(), UTC)
        found[currency] = min(found.get(currency, since), since)
    return found
