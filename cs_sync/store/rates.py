"""Rates of exchange as stored, and since when there is money in which currency."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from fractions import Fraction
from functools import cache

from sqlalchemy import Connection, func, null, select, union_all

from cs_sync.metrics.as_known import as_known
from cs_sync.metrics.fx import Rates
from cs_sync_schemas import Cost, FxRate, MrrSpan, history_of, table_of

RATE, COST, SPAN = table_of(FxRate), table_of(Cost), table_of(MrrSpan)


def read_rates(connection: Connection, known_at: datetime | None = None) -> Rates:
    """Every rate that is known now, or was at an instant."""
    quotes = select(RATE.c.day, RATE.c.base, RATE.c.quote, RATE.c.rate).where(
        RATE.c.deleted_at.is_(None)
    )
    statement = quotes.order_by(RATE.c.day, RATE.c.source, RATE.c.source_id)
    if known_at is not None:
        statement = as_known(statement, known_at)
    rows = connection.execute(statement)
    return Rates((day, base, quote, Fraction(rate)) for day, base, quote, rate in rows)


def rates_as_known(connection: Connection) -> Callable[[datetime], Rates]:
    """What was known of rates at any instant; the table and what it said before are read once."""
    past = history_of(RATE)
    assert past is not None  # noqa: S101 - rates are remembered
    names = ("day", "source", "source_id", "base", "quote", "rate", "changed_at")
    now = select(*(RATE.c[name] for name in names), null().label("known_to"))
    then = select(*(past.c[name] for name in names), past.c.known_to)
    versions = union_all(
        then.where(past.c.deleted_at.is_(None)), now.where(RATE.c.deleted_at.is_(None))
    ).subquery()
    ordered = select(versions).order_by(versions.c.day, versions.c.source, versions.c.source_id)
    rows = [
        (row.changed_at, row.known_to, (row.day, row.base, row.quote, Fraction(row.rate)))
        for row in connection.execute(ordered)
    ]

    @cache
    def known(at: datetime) -> Rates:
        return Rates(
            quote for since, until, quote in rows if since <= at and (until is None or until > at)
        )

    return known


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
