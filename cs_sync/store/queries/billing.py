"""Billing facts of accounts, read a few hundred accounts at a time."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Dialect, Table, and_, select

from cs_sync.metrics.mrr.facts import (
    BillingFacts,
    ChangeFact,
    DiscountFact,
    Fact,
    InvoiceFact,
    ItemFact,
    LineFact,
    SubscriptionFact,
)
from cs_sync.metrics.ownership import LINK, names_account
from cs_sync.store.fast.prepared import (
    STATEMENT_CACHE_SIZE,
    PreparedStatement,
    match_ids,
    prepare_statement,
)
from cs_sync.store.upserts import split_chunks
from cs_sync_schemas import get_history_table, get_seen
from cs_sync_schemas.tables import (
    DISCOUNT,
    INVOICE,
    INVOICE_LINE,
    SUBSCRIPTION,
    SUBSCRIPTION_CHANGE,
    SUBSCRIPTION_ITEM,
)

ACCOUNTS_PER_BATCH = 500
SUBSCRIPTION_FIELD = "subscription_source_id"


F = TypeVar("F", bound=Fact)
Grouped = Mapping[str, list[F]]


class _FactTable(Struct, Generic[F], frozen=True, dict=True):
    """A table and the fact type built from each of its rows."""

    table: Table
    fact: type[F]

    @cached_property
    def columns(self) -> list[ColumnElement[Any]]:
        """The columns of the fact in field order.

        Fields without one come last.
        """
        names = [name for name in self.fact.__struct_fields__ if name in self.table.c]
        return [
            get_seen(self.table, name) if name == "first_seen_at" else self.table.c[name]
            for name in names
        ]


PAST = get_history_table(SUBSCRIPTION)
assert PAST is not None  # noqa: S101 - subscriptions are remembered
SUBSCRIPTIONS = _FactTable(SUBSCRIPTION, SubscriptionFact)
PAST_SUBSCRIPTIONS = _FactTable(PAST, SubscriptionFact)
ITEMS = _FactTable(SUBSCRIPTION_ITEM, ItemFact)
DISCOUNTS = _FactTable(DISCOUNT, DiscountFact)
CHANGES = _FactTable(SUBSCRIPTION_CHANGE, ChangeFact)
INVOICES = _FactTable(INVOICE, InvoiceFact)
LINES = _FactTable(INVOICE_LINE, LineFact)


def read_billing_facts(connection: Connection, accounts: Sequence[str]) -> Iterator[BillingFacts]:
    """Read the billing facts of these accounts, in the order given.

    Accounts without facts are included; soft-deleted rows are not.

    Args:
        connection: A read connection.
        accounts: Account ids.

    Yields:
        The facts of one account each.
    """
    for start in range(0, len(accounts), ACCOUNTS_PER_BATCH):
        chunk = accounts[start : start + ACCOUNTS_PER_BATCH]
        subscriptions = _read_by_account(connection, SUBSCRIPTIONS, chunk)
        items = _read_children(connection, ITEMS, SUBSCRIPTION_FIELD, subscriptions)
        discounts = _read_discounts(connection, chunk, subscriptions, items)
        invoices = _read_by_account(connection, INVOICES, chunk)
        lines = _read_children(connection, LINES, SUBSCRIPTION_FIELD, subscriptions)
        changes = _read_children(connection, CHANGES, SUBSCRIPTION_FIELD, subscriptions)
        past = _read_past_subscriptions(connection, subscriptions)
        for account in chunk:
            yield BillingFacts(
                account,
                tuple(subscriptions[account]),
                tuple(items[account]),
                tuple(discounts[account]),
                tuple(invoices[account]),
                tuple(lines[account]),
                tuple(changes[account]),
                tuple(past[account]),
            )


def _read_by_account(
    connection: Connection, kind: _FactTable[F], accounts: Sequence[str]
) -> Grouped[F]:
    """Read the facts with an account id."""
    query = _prepare_by_account(connection.dialect, kind.table, tuple(kind.columns))
    by_account: dict[str, list[F]] = defaultdict(list)
    for account, *values in query.rows(connection, ids=accounts):
        by_account[account].append(kind.fact(*values))
    return by_account


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_by_account(
    dialect: Dialect, table: Table, columns: tuple[ColumnElement[Any], ...]
) -> PreparedStatement:
    statement = (
        select(LINK.c.account_id, *columns)
        .join_from(table, LINK, names_account(table))
        .where(table.c.deleted_at.is_(None), match_ids(LINK.c.account_id, dialect))
    )
    return prepare_statement(statement, dialect)


def _read_past_subscriptions(
    connection: Connection, present: Grouped[SubscriptionFact]
) -> Grouped[SubscriptionFact]:
    """Read the earlier versions of these subscriptions, as past syncs saw them."""
    return _read_children(connection, PAST_SUBSCRIPTIONS, "source_id", present)


def _read_discounts(
    connection: Connection,
    accounts: Sequence[str],
    subscriptions: Grouped[SubscriptionFact],
    items: Grouped[ItemFact],
) -> Grouped[DiscountFact]:
    """Read the discounts of subscriptions, of items and of whole accounts."""
    by_account: dict[str, dict[tuple[str, str], DiscountFact]] = defaultdict(dict)
    for part in (
        _read_by_account(connection, DISCOUNTS, accounts),
        _read_children(connection, DISCOUNTS, SUBSCRIPTION_FIELD, subscriptions),
        _read_children(connection, DISCOUNTS, "subscription_item_source_id", items),
    ):
        for account, facts in part.items():
            by_account[account].update({(fact.source, fact.source_id): fact for fact in facts})
    return defaultdict(
        list, {account: list(facts.values()) for account, facts in by_account.items()}
    )


def _read_children(
    connection: Connection, kind: _FactTable[F], field: str, owned: Mapping[str, Sequence[Fact]]
) -> Grouped[F]:
    """Read live facts whose `field` holds one of these ids."""
    return _read_by_reference(connection, kind.table, kind.columns, kind.fact, field, owned)


def _read_by_reference(
    connection: Connection,
    table: Table,
    columns: Sequence[ColumnElement[Any]],
    fact_of: Callable[..., F],
    field: str,
    owned: Mapping[str, Sequence[Fact]],
) -> Grouped[F]:
    """Read a table's facts whose `field` refers to these records.

    A join would do the same, but without statistics SQLite scans the whole table per account.
    """
    owner = {
        (fact.source, fact.source_id): account for account, facts in owned.items() for fact in facts
    }
    by_account: dict[str, list[F]] = defaultdict(list)
    query = _prepare_by_reference(connection.dialect, table, tuple(columns), field)
    for ids in split_chunks(sorted({source_id for _, source_id in owner})):
        for values in query.rows(connection, ids=ids):
            fact = fact_of(*values)
            account = owner.get((fact.source, getattr(fact, field)))
            if account is not None:
                by_account[account].append(fact)
    return by_account


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_by_reference(
    dialect: Dialect, table: Table, columns: tuple[ColumnElement[Any], ...], field: str
) -> PreparedStatement:
    living = and_(match_ids(table.c[field], dialect), table.c.deleted_at.is_(None))
    return prepare_statement(select(*columns).where(living), dialect)
