"""Records without an account, counted and listed."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from cs_sync.metrics.days_of_use import Span
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.periods import Period
from cs_sync.metrics.sql.time_travel import list_tables
from cs_sync.metrics.unattributed import (
    ATTRIBUTED_TABLES,
    AttributedTable,
    select_shares,
    select_unattributed,
)


class UnattributedShare(Struct, frozen=True):
    """Records of one kind without an account; money is in minor units of `currency`."""

    kind: str
    unattributed: int
    total: int
    currency: str | None = None

    @property
    def share(self) -> float | None:
        """The unattributed fraction of the total; None if the total is zero."""
        return self.unattributed / self.total if self.total else None


@cache
def list_read_tables(name: str) -> frozenset[str]:
    """Name the tables that a kind of unattributed records stands in."""
    (kind,) = (kind for kind in ATTRIBUTED_TABLES if kind.name == name)
    scope = Scope((Period(date(2000, 1, 1), date(2000, 2, 1), "UTC"),))
    statements = select_shares(kind, scope), select_unattributed(kind, scope)
    return frozenset(
        str(table.name) for statement in statements for table in list_tables(statement)
    )


def read_unattributed_shares(connection: Connection, scope: Scope) -> list[UnattributedShare]:
    """Return one share per kind of record, and per currency of money."""
    return [
        share
        for kind in ATTRIBUTED_TABLES
        for shares in read_shares(connection, kind, scope)
        for share in shares
    ]


def read_shares(
    connection: Connection,
    kind: AttributedTable,
    scope: Scope,
    spans: Sequence[Span | None] = (None,),
) -> list[list[UnattributedShare]]:
    """Return a kind's shares in each span, by currency of money.

    Args:
        connection: A read connection.
        kind: The kind of record.
        scope: The scope of the metric.
        spans: Spans of days, none of which overlap; None alone: all records.
    """
    shares: list[list[UnattributedShare]] = [[] for _ in spans]
    for row in connection.execute(select_shares(kind, scope, spans)):
        if row.total:
            part, total = int(row.unattributed), int(row.total)
            shares[row.place].append(
                UnattributedShare(kind.name, part, total, row.currency or None)
            )
    return shares


def read_unattributed_records(
    connection: Connection, scope: Scope, most: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a row per unattributed record.

    Of daily records, per person and account.

    Args:
        connection: A read connection.
        scope: The scope of the metric.
        most: The maximum number of rows of each kind.
    """
    for kind in ATTRIBUTED_TABLES:
        yield from read_records(connection, kind, scope, most)


def read_records(
    connection: Connection,
    kind: AttributedTable,
    scope: Scope,
    most: int | None = None,
    within: Span | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the unattributed records of one kind: see `read_unattributed_records`.

    Of daily records those within a span, if there is one.
    """
    for row in connection.execute(select_unattributed(kind, scope, within).limit(most)):
        yield {
            "kind": kind.name,
            "source": row.source,
            "source_id": row.source_id or None,
            "account_source_id": row.account_source_id,
            "contact_source_id": row.contact_source_id,
            "records": row.records,
            "newest": row.newest,
            "amount": None if row.amount is None else int(row.amount),
            "currency": row.currency or None,
        }
