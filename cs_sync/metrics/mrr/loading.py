"""Which rows the facts of some accounts are: statements for the store, and their sorting."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import FromClause, Select, and_, func, select

from cs_sync.metrics.mrr.facts import BillingFacts
from cs_sync_schemas import (
    AccountLink,
    Discount,
    Invoice,
    InvoiceLine,
    Subscription,
    SubscriptionItem,
    table_of,
)

LINK = table_of(AccountLink)
SUBSCRIPTION = table_of(Subscription)
ITEM = table_of(SubscriptionItem)
DISCOUNT = table_of(Discount)
INVOICE = table_of(Invoice)
LINE = table_of(InvoiceLine)


def billing_statements(account_ids: Sequence[str]) -> dict[str, Select[Any]]:
    """One statement per kind of fact; each row carries `account_id` and the table's columns.

    Keys are the parameters of `BillingFacts.from_rows`. The ids become bound values: ask in
    batches of some hundreds.
    """
    subscriptions = _linked(SUBSCRIPTION, SUBSCRIPTION)
    items = _linked(ITEM, SUBSCRIPTION, _of_subscription(ITEM, SUBSCRIPTION))
    invoices = _linked(INVOICE, INVOICE)
    of_invoice = and_(
        LINE.c.source == INVOICE.c.source, LINE.c.invoice_source_id == INVOICE.c.source_id
    )
    lines = _linked(LINE, INVOICE, of_invoice)
    statements = {
        "subscriptions": subscriptions,
        "items": items,
        "discounts": _discounts(),
        "invoices": invoices,
        "lines": lines,
    }
    return {
        kind: statement.where(LINK.c.account_id.in_(account_ids))
        for kind, statement in statements.items()
    }


def facts_by_account(
    account_ids: Iterable[str], rows: Mapping[str, Iterable[Mapping[str, Any]]]
) -> dict[str, BillingFacts]:
    """The statements' rows as facts per account; an account without rows has empty facts."""
    sorted_rows: dict[str, dict[str, list[Mapping[str, Any]]]] = {
        account_id: defaultdict(list) for account_id in account_ids
    }
    for kind, found in rows.items():
        for row in found:
            sorted_rows[row["account_id"]][kind].append(row)
    return {
        account_id: BillingFacts.from_rows(account_id, **kinds)
        for account_id, kinds in sorted_rows.items()
    }


def _linked(table: FromClause, owner: FromClause, join: Any = None) -> Select[Any]:
    """Rows of a table with the account to which their owner's account_source_id is linked."""
    source = table if join is None else table.join(owner, join)
    linked = and_(LINK.c.source == owner.c.source, LINK.c.source_id == owner.c.account_source_id)
    statement = select(LINK.c.account_id, *table.c).select_from(source.join(LINK, linked))
    statement = statement.where(table.c.deleted_at.is_(None))
    return statement if owner is table else statement.where(owner.c.deleted_at.is_(None))


def _of_subscription(table: FromClause, subscription: FromClause) -> Any:
    return and_(
        table.c.source == subscription.c.source,
        table.c.subscription_source_id == subscription.c.source_id,
    )


def _discounts() -> Select[Any]:
    """A discount hangs on an account, a subscription or an item, and knows at least one of them."""
    item_owner = (
        select(
            ITEM.c.source, ITEM.c.source_id, func.min(ITEM.c.subscription_source_id).label("owner")
        )
        .group_by(ITEM.c.source, ITEM.c.source_id)
        .subquery("item_owner")
    )
    of_item = and_(
        item_owner.c.source == DISCOUNT.c.source,
        item_owner.c.source_id == DISCOUNT.c.subscription_item_source_id,
    )
    subscription_id = func.coalesce(DISCOUNT.c.subscription_source_id, item_owner.c.owner)
    of_subscription = and_(
        SUBSCRIPTION.c.source == DISCOUNT.c.source, SUBSCRIPTION.c.source_id == subscription_id
    )
    account_source_id = func.coalesce(
        DISCOUNT.c.account_source_id, SUBSCRIPTION.c.account_source_id
    )
    linked = and_(LINK.c.source == DISCOUNT.c.source, LINK.c.source_id == account_source_id)
    return (
        select(LINK.c.account_id, *DISCOUNT.c)
        .select_from(
            DISCOUNT.outerjoin(item_owner, of_item)
            .outerjoin(SUBSCRIPTION, of_subscription)
            .join(LINK, linked)
        )
        .where(DISCOUNT.c.deleted_at.is_(None))
    )
