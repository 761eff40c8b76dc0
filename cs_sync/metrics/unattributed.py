"""Records that belong to no account: their share of all, and which they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Table,
    case,
    cast,
    func,
    literal,
    null,
    select,
    true,
)

from cs_sync.metrics.attribution import attributed
from cs_sync.metrics.metric import Scope
from cs_sync_schemas import (
    FeatureDay,
    Invoice,
    Subscription,
    SurveyResponse,
    Ticket,
    UsageDay,
    table_of,
)

INVOICE = table_of(Invoice)


@dataclass(frozen=True, slots=True)
class RecordKind:
    """Records of one table that should belong to accounts.

    Money is measured by `amount`, everything else by the number of records. Records of one day
    each are listed together, as one line per person or account of the source.
    """

    name: str
    table: Table
    at: str
    amount: str | None = None
    daily: bool = False
    where: ColumnElement[bool] | None = None

    def records(self, scope: Scope) -> CTE:
        """All of them, with their account where there is one."""
        columns = self.table.c
        contact = columns.get("contact_source_id", cast(null(), String))
        own: list[ColumnElement[Any]] = [
            columns.source,
            literal("", String).label("source_id") if self.daily else columns.source_id,
            columns.account_source_id,
            contact.label("contact_source_id"),
            columns[self.at].label("at"),
            (columns[self.amount] if self.amount else cast(null(), BigInteger)).label("amount"),
            (columns.currency if self.amount else literal("", String)).label("currency"),
        ]
        return attributed(
            scope, self.table, *own, where=true() if self.where is None else self.where
        )


KINDS: Sequence[RecordKind] = (
    RecordKind(
        "money", INVOICE, "issued_at", "total", where=INVOICE.c.status.not_in(("draft", "void"))
    ),
    RecordKind("subscriptions", table_of(Subscription), "started_at"),
    RecordKind("tickets", table_of(Ticket), "opened_at"),
    RecordKind("answers", table_of(SurveyResponse), "answered_at"),
    RecordKind("usage days", table_of(UsageDay), "day", daily=True),
    RecordKind("feature days", table_of(FeatureDay), "day", daily=True),
)


def shares(kind: RecordKind, scope: Scope) -> Select[Any]:
    """Per currency of money, else one row: what belongs to no account, and what there is."""
    records = kind.records(scope)
    size = records.c.amount if kind.amount else literal(1)
    return (
        select(
            records.c.currency,
            func.sum(case((records.c.account_id.is_(None), size), else_=0)).label("unattributed"),
            func.sum(size).label("total"),
        )
        .group_by(records.c.currency)
        .order_by(records.c.currency)
    )


def without_account(kind: RecordKind, scope: Scope) -> Select[Any]:
    """Those that belong to none, the newest first."""
    records = kind.records(scope)
    names = ("source", "source_id", "account_source_id", "contact_source_id", "currency")
    keys = [records.c[name] for name in names]
    newest = func.max(records.c.at).label("newest")
    return (
        select(
            *keys,
            func.count().label("records"),
            newest,
            func.sum(records.c.amount).label("amount"),
        )
        .where(records.c.account_id.is_(None))
        .group_by(*keys)
        .order_by(newest.desc(), *keys)
    )
