"""The records that belong to no account, counted and listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from cs_sync.metrics.metric import Scope
from cs_sync.metrics.unattributed import KINDS, shares, without_account


@dataclass(frozen=True, slots=True)
class Share:
    """What belongs to no account, of one kind of records; of money in minor units of `currency`."""

    kind: str
    unattributed: int
    total: int
    currency: str | None = None

    @property
    def share(self) -> float | None:
        """The part of the whole; None where there is nothing."""
        return self.unattributed / self.total if self.total else None


def read_shares(connection: Connection, scope: Scope) -> list[Share]:
    """One per kind of records that there are, and per currency of money."""
    return [
        Share(kind.name, int(row.unattributed), int(row.total), row.currency or None)
        for kind in KINDS
        for row in connection.execute(shares(kind, scope))
        if row.total
    ]


def read_without_account(
    connection: Connection, scope: Scope, most: int | None = None
) -> Iterator[dict[str, Any]]:
    """One row per record, or per person and account of daily records; `most` of each kind."""
    for kind in KINDS:
        for row in connection.execute(without_account(kind, scope).limit(most)):
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
