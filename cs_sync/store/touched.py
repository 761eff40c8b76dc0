"""Which accounts a sync touched: what is derived is computed again for these only."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, select, union

from cs_sync_schemas import (
    Account,
    AccountLink,
    Discount,
    Invoice,
    InvoiceLine,
    Product,
    Subscription,
    SubscriptionChange,
    SubscriptionItem,
    table_of,
)

ACCOUNT, LINK = table_of(Account), table_of(AccountLink)
SUBSCRIPTION = table_of(Subscription)
CHANGE = table_of(SubscriptionChange)
ITEM, LINE = table_of(SubscriptionItem), table_of(InvoiceLine)
DISCOUNT, INVOICE = table_of(Discount), table_of(Invoice)
PRODUCT = table_of(Product)


def touched_accounts(connection: Connection, since: datetime | None) -> list[str]:
    """Ids of the accounts whose billing facts, or whose records, changed at or after `since`.

    None means every account.
    """
    if since is None:
        return list(connection.scalars(select(ACCOUNT.c.id).order_by(ACCOUNT.c.id)))
    direct = [_by_account(table, since) for table in (SUBSCRIPTION, INVOICE, DISCOUNT)]
    indirect = [_by_subscription(table, since) for table in (ITEM, LINE, DISCOUNT, CHANGE)]
    itself = select(ACCOUNT.c.id).where(ACCOUNT.c.changed_at >= since)
    named = _by_product(since)
    return sorted(connection.scalars(union(itself, named, *direct, *indirect)))


def _by_account(table: Table, since: datetime) -> Select[tuple[str]]:
    return (
        select(LINK.c.account_id)
        .join(table, _same(LINK.c.source_id, table, "account_source_id"))
        .where(table.c.changed_at >= since)
    )


def _by_subscription(table: Table, since: datetime) -> Select[tuple[str]]:
    return _paying(table).where(table.c.changed_at >= since)


def _by_product(since: datetime) -> Select[tuple[str]]:
    """Whoever pays for a product of another name is on another plan by name."""
    sold = and_(PRODUCT.c.source == ITEM.c.source, PRODUCT.c.source_id == ITEM.c.product)
    return _paying(ITEM).join(PRODUCT, sold).where(PRODUCT.c.changed_at >= since)


def _paying(table: Table) -> Select[tuple[str]]:
    """Accounts with what belongs to their subscriptions."""
    theirs = and_(
        table.c.source == SUBSCRIPTION.c.source,
        table.c.subscription_source_id == SUBSCRIPTION.c.source_id,
    )
    return (
        select(LINK.c.account_id)
        .join(SUBSCRIPTION, _same(LINK.c.source_id, SUBSCRIPTION, "account_source_id"))
        .join(table, theirs)
    )


def _same(source_id: ColumnElement[str], table: Table, field: str) -> ColumnElement[bool]:
    return and_(LINK.c.source == table.c.source, source_id == table.c[field])
