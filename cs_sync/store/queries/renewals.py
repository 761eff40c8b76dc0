"""Renewals ahead: running subscriptions that are billed for a year or longer."""

from collections import defaultdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from cs_sync.follow_ups.facts import RenewalFact
from cs_sync.follow_ups.renewals import YEAR, count_months, find_renewal
from cs_sync.health import SignalScope
from cs_sync.health.relations import select_owned
from cs_sync.health.signals.billing import is_ending, is_running
from cs_sync_schemas.tables import INVOICE_LINE, SUBSCRIPTION, SUBSCRIPTION_ITEM

ITEM, LINE = SUBSCRIPTION_ITEM, INVOICE_LINE
Key = tuple[str, str]
_SUBSCRIPTION = (ITEM.c.source, ITEM.c.subscription_source_id)


def read_renewals(connection: Connection, scope: SignalScope) -> dict[str, tuple[RenewalFact, ...]]:
    """Map account id → its subscriptions' next renewals.

    In their order.
    """
    months = _read_months(connection)
    if not months:
        return {}
    paid = {(row[0], row[1]): row[2] for row in connection.execute(_select_paid_until())}
    columns = [SUBSCRIPTION.c[name] for name in ("source", "source_id", "started_at", "url")]
    running = select_owned(
        scope,
        SUBSCRIPTION,
        *columns,
        where=and_(is_running(scope), not_(is_ending(scope)), _has_long_item()),
    )
    renewals: dict[str, list[RenewalFact]] = defaultdict(list)
    ordered = select(running).order_by(running.c.source, running.c.source_id)
    for row in connection.execute(ordered).all():
        key = (row.source, row.source_id)
        if key in months:
            renews_at = find_renewal(row.started_at, paid.get(key), months[key], scope.until)
            fact = RenewalFact(row.source, row.source_id, renews_at, months[key], row.url)
            renewals[row.account_id].append(fact)
    return {account: tuple(facts) for account, facts in renewals.items()}


def _read_months(connection: Connection) -> dict[Key, int]:
    """Map (source, subscription) → its longest interval in months.

    Only where that is a year or more.
    """
    statement = _select_long_items(*_SUBSCRIPTION, ITEM.c.interval, ITEM.c.interval_count)
    months: dict[Key, int] = {}
    for source, subscription, interval, count in connection.execute(statement.distinct()).all():
        key = (source, subscription)
        months[key] = max(months.get(key, 0), count_months(interval, count))
    return months


def _select_long_items(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select the present items that are billed for a year or longer."""
    is_long = or_(
        ITEM.c.interval == "year", and_(ITEM.c.interval == "month", ITEM.c.interval_count >= YEAR)
    )
    return select(*columns).where(ITEM.c.valid_to.is_(None), ITEM.c.deleted_at.is_(None), is_long)


def _has_long_item() -> ColumnElement[bool]:
    own = tuple_(SUBSCRIPTION.c.source, SUBSCRIPTION.c.source_id)
    return own.in_(_select_long_items(*_SUBSCRIPTION))


def _select_paid_until() -> Select[Any]:
    """Select until when the yearly lines of a subscription's invoices reach."""
    yearly = and_(LINE.c.interval == "year", LINE.c.is_proration.is_not(true()))
    return (
        select(LINE.c.source, LINE.c.subscription_source_id, func.max(LINE.c.period_end))
        .where(yearly, LINE.c.deleted_at.is_(None), LINE.c.subscription_source_id.is_not(None))
        .group_by(LINE.c.source, LINE.c.subscription_source_id)
    )
