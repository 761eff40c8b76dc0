"""The billing facts of accounts, read a few hundred accounts at a time."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import Column, Connection, Table, and_, select

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
from cs_sync.store.records import chunks
from cs_sync_schemas import (
    AccountLink,
    Discount,
    Invoice,
    InvoiceLine,
    Subscription,
    SubscriptionChange,
    SubscriptionItem,
    history_of,
    table_of,
)

LINK = table_of(AccountLink)
AT_ONCE = 500
NAMED = "subscription_source_id"


F = TypeVar("F", bound=Fact)
Grouped = Mapping[str, list[F]]


@dataclass(frozen=True)
class _Kind(Generic[F]):
    """A table, and the fact that is made of each of its rows."""

    table: Table
    fact: type[F]

    @cached_property
    def columns(self) -> list[Column[Any]]:
        """The columns that the fact needs, in its order; what is no column comes last in it."""
        named: Any = fields(self.fact)
        return [self.table.c[one.name] for one in named if one.name in self.table.c]


SUBSCRIPTION = _Kind(table_of(Subscription), SubscriptionFact)
ITEM, DISCOUNT = (
    _Kind(table_of(SubscriptionItem), ItemFact),
    _Kind(table_of(Discount), DiscountFact),
)
CHANGE = _Kind(table_of(SubscriptionChange), ChangeFact)
INVOICE, LINE = _Kind(table_of(Invoice), InvoiceFact), _Kind(table_of(InvoiceLine), LineFact)


def read_billing(connection: Connection, accounts: Sequence[str]) -> Iterator[BillingFacts]:
    """The facts of each of these accounts, in the order given, also of those without any.

    Tombstoned rows count as not there.
    """
    for start in range(0, len(accounts), AT_ONCE):
        some = accounts[start : start + AT_ONCE]
        subscriptions = _owned(connection, SUBSCRIPTION, some)
        items = _naming(connection, ITEM, NAMED, subscriptions)
        discounts = _discounts(connection, some, subscriptions, items)
        invoices = _owned(connection, INVOICE, some)
        lines = _naming(connection, LINE, NAMED, subscriptions)
        changes = _naming(connection, CHANGE, NAMED, subscriptions)
        past = _past_subscriptions(connection, subscriptions)
        for account in some:
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


def _owned(connection: Connection, kind: _Kind[F], accounts: Sequence[str]) -> Grouped[F]:
    """Facts that name an account."""
    table = kind.table
    mine = and_(LINK.c.source == table.c.source, LINK.c.source_id == table.c.account_source_id)
    statement = (
        select(LINK.c.account_id, *kind.columns)
        .join_from(table, LINK, mine)
        .where(table.c.deleted_at.is_(None), LINK.c.account_id.in_(accounts))
    )
    found: dict[str, list[F]] = defaultdict(list)
    for account, *values in connection.execute(statement):
        found[account].append(kind.fact(*values))
    return found


def _past_subscriptions(
    connection: Connection, present: Grouped[SubscriptionFact]
) -> Grouped[SubscriptionFact]:
    """What syncs saw of these subscriptions before they became as they are."""
    twin = history_of(SUBSCRIPTION.table)
    assert twin is not None  # noqa: S101 - subscriptions are remembered
    columns = [twin.c[column.name] for column in SUBSCRIPTION.columns]
    return _by_reference(connection, twin, columns, SubscriptionFact, "source_id", present)


def _discounts(
    connection: Connection,
    accounts: Sequence[str],
    subscriptions: Grouped[SubscriptionFact],
    items: Grouped[ItemFact],
) -> Grouped[DiscountFact]:
    """Discounts of a subscription, of an item, or of an account as a whole."""
    found: dict[str, dict[tuple[str, str], DiscountFact]] = defaultdict(dict)
    for part in (
        _owned(connection, DISCOUNT, accounts),
        _naming(connection, DISCOUNT, NAMED, subscriptions),
        _naming(connection, DISCOUNT, "subscription_item_source_id", items),
    ):
        for account, facts in part.items():
            found[account].update({(fact.source, fact.source_id): fact for fact in facts})
    return defaultdict(list, {account: list(facts.values()) for account, facts in found.items()})


def _naming(
    connection: Connection, kind: _Kind[F], field: str, owned: Mapping[str, Sequence[Fact]]
) -> Grouped[F]:
    """Facts whose `field` names one of these records, looked up by its id; tombstones left out."""
    return _by_reference(connection, kind.table, kind.columns, kind.fact, field, owned)


def _by_reference(
    connection: Connection,
    table: Table,
    columns: Sequence[Column[Any]],
    fact_of: Callable[..., F],
    field: str,
    owned: Mapping[str, Sequence[Fact]],
) -> Grouped[F]:
    """Facts from a table whose `field` names one of these records.

    A join says the same, but without statistics SQLite reads the whole table for every account.
    """
    owner = {
        (fact.source, fact.source_id): account for account, facts in owned.items() for fact in facts
    }
    found: dict[str, list[F]] = defaultdict(list)
    for ids in chunks(sorted({source_id for _, source_id in owner})):
        living = and_(table.c[field].in_(ids), table.c.deleted_at.is_(None))
        for values in connection.execute(select(*columns).where(living)):
            fact = fact_of(*values)
            account = owner.get((fact.source, getattr(fact, field)))
            if account is not None:
                found[account].append(fact)
    return found
