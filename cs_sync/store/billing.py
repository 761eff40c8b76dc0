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
NAMED = "subscription_source_id"
Grouped = Mapping[str, list[dict[str, Any]]]


def read_billing(connection: Connection, accounts: Sequence[str]) -> Iterator[BillingFacts]:
    """The facts of each of these accounts, in the order given, also of those without any."""
    for start in range(0, len(accounts), AT_ONCE):
        some = accounts[start : start + AT_ONCE]
        subscriptions = _owned(connection, SUBSCRIPTION, some)
        items = _naming(connection, ITEM, NAMED, subscriptions)
        discounts = _discounts(connection, some, subscriptions, items)
        invoices = _owned(connection, INVOICE, some)
        lines = _naming(connection, LINE, NAMED, subscriptions)
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


def _discounts(
    connection: Connection, accounts: Sequence[str], subscriptions: Grouped, items: Grouped
) -> Grouped:
    """Discounts of a subscription, of an item, or of an account as a whole."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for part in (
        _owned(connection, DISCOUNT, accounts),
        _naming(connection, DISCOUNT, NAMED, subscriptions),
        _naming(connection, DISCOUNT, "subscription_item_source_id", items),
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


def _naming(connection: Connection, table: Table, field: str, owned: Grouped) -> Grouped:
    """Rows whose `field` names one of these records, looked up by its id.

    A join says the same, but without statistics SQLite reads the whole table for every account.
    """
    owner = {
        (row["source"], row["source_id"]): account
        for account, rows in owned.items()
        for row in rows
    }
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for ids in chunks(sorted({source_id for _, source_id in owner})):
        living = and_(table.c[field].in_(ids), table.c.deleted_at.is_(None))
        for row in connection.execute(select(*_columns(table)).where(living)):
            account = owner.get((row.source, getattr(row, field)))
            if account is not None:
                found[account].append(row._asdict())
    return found


def _grouped(
    connection: Connection, statement: Any, table: Table, accounts: Sequence[str]
) -> Grouped:
    living = table.c.deleted_at.is_(None)
    chosen = statement.where(living, LINK.c.account_id.in_(accounts))
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(chosen):
        fields = row._asdict()
        rows[fields.pop("owned_by")].append(fields)
    return rows


def _columns(table: Table) -> list[Any]:
    return [column for column in table.c if column.name not in ("raw", "row_hash")]
