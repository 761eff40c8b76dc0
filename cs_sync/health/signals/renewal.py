"""The signal of renewal: days until an annual plan has to be agreed anew."""

from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Select, and_, func, not_, or_, select

from cs_sync.health.relations import is_of_subscriptions, select_owned
from cs_sync.health.scope import SignalScope
from cs_sync.health.signals.billing import is_ending, is_running
from cs_sync.health.signals.seats import ITEM
from cs_sync.metrics.periods import add_months
from cs_sync.metrics.sql.relations import is_present
from cs_sync_schemas.tables import INVOICE_LINE, SUBSCRIPTION

LINE = INVOICE_LINE
_YEAR = 12


def days_to_renewal(scope: SignalScope) -> Select[Any]:
    """Select when the next annual term begins.

    `value` is an instant; a start lies in the past, and its anniversaries count.
    """
    goes_on = and_(is_running(scope), not_(is_ending(scope)), SUBSCRIPTION.c.status != "trialing")
    running = select_owned(
        scope,
        SUBSCRIPTION,
        SUBSCRIPTION.c.source,
        SUBSCRIPTION.c.source_id,
        SUBSCRIPTION.c.started_at,
        where=goes_on,
    )
    annual, paid = _select_annual(scope), _select_paid_terms(scope)
    tables = running.join(annual, _is_same(annual, running)).outerjoin(
        paid, _is_same(paid, running)
    )
    return (
        select(
            running.c.account_id,
            func.coalesce(func.min(paid.c.ends_at), func.min(running.c.started_at)).label("value"),
            func.min(running.c.started_at).label("observed_at"),
            func.count().label("n"),
        )
        .select_from(tables)
        .group_by(running.c.account_id)
    )


def read_days_to_renewal(row: Any, scope: SignalScope) -> float:
    """Count the days until the renewal.

    An instant ahead, else the next anniversary.
    """
    at: datetime = row.value
    first = day = scope.to_local_day(at)
    years = 0
    while at < scope.until and day <= scope.day:
        years += 1
        day = add_months(first, years * _YEAR)
    return float((day - scope.day).days)


def _is_same(part: CTE, running: CTE) -> ColumnElement[bool]:
    return and_(
        part.c.source == running.c.source, part.c.subscription_source_id == running.c.source_id
    )


def _is_annual(charge: FromClause) -> ColumnElement[bool]:
    months = and_(charge.c.interval == "month", charge.c.interval_count >= _YEAR)
    return or_(charge.c.interval == "year", months)


def _select_annual(scope: SignalScope) -> CTE:
    """Select the subscriptions with an item that is billed by the year."""
    ended = func.coalesce(ITEM.c.valid_to <= scope.until, False)
    return (
        select(ITEM.c.source, ITEM.c.subscription_source_id)
        .where(is_present(ITEM, scope.known_at), _is_annual(ITEM), ITEM.c.usage_type == "licensed")
        .where(ITEM.c.valid_from < scope.until, not_(ended), is_of_subscriptions(scope, ITEM))
        .distinct()
        .cte("annual_subscriptions")
    )


def _select_paid_terms(scope: SignalScope) -> CTE:
    """Select the next end of an invoiced annual term, per subscription."""
    return (
        select(
            LINE.c.source,
            LINE.c.subscription_source_id,
            func.min(LINE.c.period_end).label("ends_at"),
        )
        .where(is_present(LINE, scope.known_at), _is_annual(LINE), LINE.c.is_proration.is_(False))
        .where(LINE.c.period_end >= scope.until, is_of_subscriptions(scope, LINE))
        .group_by(LINE.c.source, LINE.c.subscription_source_id)
        .cte("paid_terms")
    )
