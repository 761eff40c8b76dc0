"""Stored exchange rates, and the first use of each currency."""

from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from functools import cache, partial

from sqlalchemy import Connection, func, null, select, union_all

from cs_sync.metrics.fx import ExchangeRates
from cs_sync.metrics.periods import get_day_start
from cs_sync.metrics.sql.time_travel import rewrite_as_of
from cs_sync.store.fast.shared_reads import read_once
from cs_sync_schemas import get_history_table
from cs_sync_schemas.tables import COST, FX_RATE, MRR_SPAN

RATE, SPAN = FX_RATE, MRR_SPAN


def read_fx_rates(connection: Connection, known_at: datetime | None = None) -> ExchangeRates:
    """Read every exchange rate as known now, or at an instant."""
    quotes = select(RATE.c.day, RATE.c.base, RATE.c.quote, RATE.c.rate).where(
        RATE.c.deleted_at.is_(None)
    )
    statement = quotes.order_by(RATE.c.day, RATE.c.source, RATE.c.source_id)
    if known_at is not None:
        statement = rewrite_as_of(statement, known_at)
    rows = connection.execute(statement)
    return ExchangeRates((day, base, quote, Fraction(rate)) for day, base, quote, rate in rows)


def load_fx_history(connection: Connection) -> Callable[[datetime], ExchangeRates]:
    """Load the rates as a function of knowledge time.

    The tables are read once.
    """
    past = get_history_table(RATE)
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
    def known(at: datetime) -> ExchangeRates:
        return ExchangeRates(
            quote for since, until, quote in rows if since <= at and (until is None or until > at)
        )

    return known


def read_currency_starts(connection: Connection, policy: str) -> dict[str, datetime]:
    """Map currency → its first MRR or cost under a policy."""
    read = partial(_read_currency_starts, connection, policy)
    return read_once(connection, ("currency starts", policy), read)


def _read_currency_starts(connection: Connection, policy: str) -> dict[str, datetime]:
    first = func.min(SPAN.c.valid_from).label("first")
    spans = select(SPAN.c.currency, first).where(SPAN.c.policy == policy)
    costs = select(COST.c.currency, func.min(COST.c.month)).group_by(COST.c.currency)
    rows = connection.execute(spans.group_by(SPAN.c.currency))
    starts: dict[str, datetime] = {row.currency: row.first for row in rows}
    for currency, month in connection.execute(costs):
        since = get_day_start(month, "UTC")
        starts[currency] = min(starts.get(currency, since), since)
    return starts
