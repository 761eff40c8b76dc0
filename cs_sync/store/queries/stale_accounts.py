"""Stale accounts: derived data is computed again for these only."""

from datetime import datetime

from sqlalchemy import Connection, Select, Table, and_, select, union

from cs_sync.metrics.ownership import LINK, names_account
from cs_sync_schemas.tables import (
    ACCOUNT,
    DISCOUNT,
    INVOICE,
    INVOICE_LINE,
    PRODUCT,
    SUBSCRIPTION,
    SUBSCRIPTION_CHANGE,
    SUBSCRIPTION_ITEM,
)

CHANGE = SUBSCRIPTION_CHANGE
ITEM, LINE = SUBSCRIPTION_ITEM, INVOICE_LINE


def read_stale_accounts(connection: Connection, since: datetime | None) -> list[str]:
    """Read the accounts with billing facts or records changed since.

    None means every account.
    """
    if since is None:
        return list(connection.scalars(select(ACCOUNT.c.id).order_by(ACCOUNT.c.id)))
    direct = [_select_by_account(table, since) for table in (SUBSCRIPTION, INVOICE, DISCOUNT)]
    indirect = [_select_by_subscription(table, since) for table in (ITEM, LINE, DISCOUNT, CHANGE)]
    itself = select(ACCOUNT.c.id).where(ACCOUNT.c.changed_at >= since)
    named = _select_by_product(since)
    return sorted(connection.scalars(union(itself, named, *direct, *indirect)))


def _select_by_account(table: Table, since: datetime) -> Select[tuple[str]]:
    return (
        select(LINK.c.account_id)
        .join(table, names_account(table))
        .where(table.c.changed_at >= since)
    )


def _select_by_subscription(table: Table, since: datetime) -> Select[tuple[str]]:
    return _join_subscriptions(table).where(table.c.changed_at >= since)


def _select_by_product(since: datetime) -> Select[tuple[str]]:
    """Select the accounts of renamed products: their plan name changes."""
    sold = and_(PRODUCT.c.source == ITEM.c.source, PRODUCT.c.source_id == ITEM.c.product)
    return _join_subscriptions(ITEM).join(PRODUCT, sold).where(PRODUCT.c.changed_at >= since)


def _join_subscriptions(table: Table) -> Select[tuple[str]]:
    """Select accounts joined with the parts of their subscriptions."""
    same_subscription = and_(
        table.c.source == SUBSCRIPTION.c.source,
        table.c.subscription_source_id == SUBSCRIPTION.c.source_id,
    )
    return (
        select(LINK.c.account_id)
        .join(SUBSCRIPTION, names_account(SUBSCRIPTION))
        .join(table, same_subscription)
    )
