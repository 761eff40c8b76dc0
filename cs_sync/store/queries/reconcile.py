"""Both sides of a reconciliation at an instant: MRR by subscription, and invoice lines."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, union

from cs_sync.metrics.mrr.facts import LineFact
from cs_sync.metrics.ownership import LINK, names_account
from cs_sync.metrics.reconcile.charges import BilledLine, SubscriptionKey
from cs_sync.metrics.sql.relations import is_counted, is_known_at
from cs_sync.store.queries.billing import LINES
from cs_sync_schemas.tables import ACCOUNT, INVOICE, MRR_SPAN, SUBSCRIPTION_ITEM

SPAN, ITEM = MRR_SPAN, SUBSCRIPTION_ITEM

MrrBySubscription = dict[str, dict[str, dict[SubscriptionKey, int]]]


def read_mrr_parts(connection: Connection, policy: str, at: datetime) -> MrrBySubscription:
    """Map account → currency → subscription → current MRR before an instant."""
    statement = (
        select(SPAN.c.account_id, SPAN.c.currency, SPAN.c.parts)
        .join_from(SPAN, ACCOUNT, ACCOUNT.c.id == SPAN.c.account_id)
        .where(
            is_counted(),
            SPAN.c.policy == policy,
            is_known_at(SPAN, None),
            SPAN.c.valid_from < at,
            or_(SPAN.c.valid_to.is_(None), SPAN.c.valid_to >= at),
        )
    )
    amounts: MrrBySubscription = {}
    for account, currency, parts in connection.execute(statement):
        sums = amounts.setdefault(account, {}).setdefault(currency, {})
        for part in parts:
            key = (part["source"], part["subscription"])
            sums[key] = sums.get(key, 0) + part["amount"]
    return amounts


def read_billed_lines(
    connection: Connection, since: datetime, at: datetime
) -> dict[str, list[BilledLine]]:
    """Map account → its lines with a period around `at`.

    One-off lines of invoices since `since` are included. An invoice without lines counts as one
    line of its own period.
    """
    taxes = _read_inclusive_taxes(connection)
    by_account: dict[str, list[BilledLine]] = defaultdict(list)
    for account, currency, status, *values in connection.execute(_select_lines(since, at)):
        line = LINES.fact(*values)
        tax = taxes.get((line.source, line.subscription_item_source_id or ""))
        by_account[account].append(BilledLine(line, currency, status, tax))
    for account, billed in _read_whole_invoices(connection, at):
        by_account[account].append(billed)
    return dict(by_account)


def read_invoicing_sources(connection: Connection) -> set[str]:
    """Return the sources with service periods on their invoices."""
    lines = select(LINES.table.c.source).where(LINES.table.c.period_end.is_not(None))
    invoices = select(INVOICE.c.source).where(INVOICE.c.period_end.is_not(None))
    return set(connection.scalars(union(lines, invoices)))


def _select_lines(since: datetime, at: datetime) -> Select[Any]:
    line = LINES.table
    one_off = and_(
        line.c.interval.is_(None), INVOICE.c.issued_at >= since, INVOICE.c.issued_at < at
    )
    its_invoice = and_(
        INVOICE.c.source == line.c.source, INVOICE.c.source_id == line.c.invoice_source_id
    )
    return (
        _join_accounts(select(LINK.c.account_id, line.c.currency, INVOICE.c.status, *LINES.columns))
        .join(line, its_invoice)
        .where(line.c.deleted_at.is_(None), or_(_match_period(line.c, at), one_off))
    )


def _read_whole_invoices(connection: Connection, at: datetime) -> Iterator[tuple[str, BilledLine]]:
    line = LINES.table
    itemised = (
        select(func.count())
        .where(line.c.source == INVOICE.c.source, line.c.invoice_source_id == INVOICE.c.source_id)
        .scalar_subquery()
    )
    statement = _join_accounts(select(LINK.c.account_id, *INVOICE.c)).where(
        _match_period(INVOICE.c, at), itemised == 0
    )
    for row in connection.execute(statement):
        fact = LineFact(
            row.source, row.source_id, row.source_id, row.total,
            subscription_source_id=row.subscription_source_id,
            period_start=row.period_start, period_end=row.period_end,
        )  # fmt: skip
        yield row.account_id, BilledLine(fact, row.currency, row.status, whole=True)


def _join_accounts(statement: Select[Any]) -> Select[Any]:
    """Join the non-deleted invoices of countable accounts."""
    return (
        statement.select_from(INVOICE)
        .join(LINK, names_account(INVOICE))
        .join(ACCOUNT, ACCOUNT.c.id == LINK.c.account_id)
        .where(INVOICE.c.deleted_at.is_(None), is_counted())
    )


def _match_period(columns: Any, at: datetime) -> ColumnElement[bool]:
    return and_(columns.period_start < at, columns.period_end >= at)


def _read_inclusive_taxes(connection: Connection) -> dict[SubscriptionKey, Decimal]:
    """Map (source, item id) → its last stated inclusive tax, in percent."""
    statement = (
        select(ITEM.c.source, ITEM.c.source_id, ITEM.c.inclusive_tax_percent)
        .where(ITEM.c.inclusive_tax_percent.is_not(None), ITEM.c.deleted_at.is_(None))
        .order_by(ITEM.c.valid_from)
    )
    return {(source, item): percent for source, item, percent in connection.execute(statement)}
