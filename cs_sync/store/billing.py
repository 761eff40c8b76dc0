"""The billing facts of accounts, read a few hundred accounts at a time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, select

from cs_sync.metrics.mrr.facts import BillingFacts
from cs_sync.store.records import chunks
from cs_sync_schemas import (
    AccountLink,
    Discount,
    Invoice,
    InvoiceLine,
    Subscription,
    SubscriptionItem,
    table_of,
)

LINK, SUBSCRIPTION = table_of(AccountLink), table_of(Subscription)
ITEM, LINE = table_of(SubscriptionItem), table_of(InvoiceLine)
DISCOUNT, INVOICE = table_of(Discount), table_of(Invoice)
AT_ONCE = 500
Grouped = Mapping[str, list[dict[str, Any]]]


def read_billing(connection: Connection, accounts: Sequence[str]) -> Iterator[BillingFacts]:
    """The facts of each of these accounts, in the order given, also of those without any."""
    for start in range(0, len(accounts), AT_ONCE):
        some = accounts[start : start + AT_ONCE]
        subscriptions = _owned(connection, SUBSCRIPTION, some)
        items = _subscribed(connection, ITEM, some)
        discounts = _discounts(connection, some, items)
        invoices = _owned(connection, INVOICE, some)
        lines = _subscribed(connection, LINE, some)
        for account in some:
            yield BillingFacts.from_rows(
                account,
                subscriptions=subscriptions[account],
                items=items[account],
                discounts=discounts[account],
                invoices=invoices[account],
                lines=lines[account],
            )


def _owned(connection: Connection, table: Table, accounts: Sequence[str]) -> Grouped:
    """Rows that name an account."""
    statement = select(LINK.c.account_id.label("owned_by"), *_columns(table)).join_from(
        table,
        LINK,
        and_(LINK.c.source == table.c.source, LINK.c.source_id == table.c.account_source_id),
    )
    return _grouped(connection, statement, table, accounts)


def _subscribed(connection: Connection, table: Table, accounts: Sequence[str]) -> Grouped:
    """Rows that name a subscription."""
    statement = (
        select(LINK.c.account_id.label("owned_by"), *_columns(table))
        .join_from(
            table,
            SUBSCRIPTION,
            and_(
                SUBSCRIPTION.c.source == table.c.source,
                SUBSCRIPTION.c.source_id == table.c.subscription_source_id,
            ),
        )
        .join(
            LINK,
            and_(
                LINK.c.source == SUBSCRIPTION.c.source,
                LINK.c.source_id == SUBSCRIPTION.c.account_source_id,
            ),
        )
    )
    return _grouped(connection, statement, table, accounts)


def _discounts(connection: Connection, accounts: Sequence[str], items: Grouped) -> Grouped:
    """Discounts of a subscription, of an item, or of an account as a whole."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for part in (
        _owned(connection, DISCOUNT, accounts),
        _subscribed(connection, DISCOUNT, accounts),
        _of_items(connection, items),
    ):
        for account, rows in part.items():
            found[account] += rows
    return defaultdict(
        list,
        {
            account: list({(row["source"], row["source_id"]): row for row in rows}.values())
            for account, rows in found.items()
        },
    )


def _of_items(connection: Connection, items: Grouped) -> Grouped:
    """Discounts of these items, looked up by their ids: a join would read every item there is."""
    owner = {
        (item["source"], item["source_id"]): account
        for account, mine in items.items()
        for item in mine
    }
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for ids in chunks(sorted({source_id for _, source_id in owner})):
        named = DISCOUNT.c.subscription_item_source_id.in_(ids)
        statement = select(*_columns(DISCOUNT)).where(named, DISCOUNT.c.deleted_at.is_(None))
        for row in connection.execute(statement):
            account = owner.get((row.source, row.subscription_item_source_id))
            if account is not None:
                rows[account].append(row._asdict())
    return rows


def _grouped(
    connection: Connection, statement: Any, table: Table, accounts: Sequence[str]
) -> Grouped:
    living = table.c.deleted_at.is_(None)
    chosen = statement.where(living, LINK.c.account_id.in_(accounts)).distinct()
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(chosen):
        fields = row._asdict()
        rows[fields.pop("owned_by")].append(fields)
    return rows


def _columns(table: Table) -> list[Any]:
    return [column for column in table.c if column.name not in ("raw", "row_hash")]
