"""Unattributed records: their share of all, and the records themselves."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    select,
    true,
)

from cs_sync.metrics.days_of_use import Span, is_within
from cs_sync.metrics.metric import Scope
from cs_sync.metrics.sql.attribution import select_attributed
from cs_sync_schemas.tables import (
    FEATURE_DAY,
    INVOICE,
    SUBSCRIPTION,
    SURVEY_RESPONSE,
    TICKET,
    USAGE_DAY,
)


class AttributedTable(Struct, frozen=True):
    """A table of records with an expected account.

    Money is measured by `amount`, everything else by the number of records. Daily records
    are listed together, one line per person or account of the source.
    """

    name: str
    table: Table
    at: str
    amount: str | None = None
    daily: bool = False
    where: ColumnElement[bool] | None = None

    def records(self, scope: Scope, within: Span | None = None) -> CTE:
        """Select the records with their account, if any.

        All, or those within a span of days.
        """
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
        where = true() if self.where is None else self.where
        if within is not None:
            where = and_(where, is_within(columns[self.at], within))
        return select_attributed(scope, self.table, *own, where=where, named=False, most=self.daily)


ATTRIBUTED_TABLES: Sequence[AttributedTable] = (
    AttributedTable(
        "money", INVOICE, "issued_at", "total", where=INVOICE.c.status.not_in(("draft", "void"))
    ),
    AttributedTable("subscriptions", SUBSCRIPTION, "started_at"),
    AttributedTable("tickets", TICKET, "opened_at"),
    AttributedTable("answers", SURVEY_RESPONSE, "answered_at"),
    AttributedTable("usage days", USAGE_DAY, "day", daily=True),
    AttributedTable("feature days", FEATURE_DAY, "day", daily=True),
)


def select_shares(
    kind: AttributedTable, scope: Scope, spans: Sequence[Span | None] = (None,)
) -> Select[Any]:
    """Select unattributed and total size by span, per currency for money.

    All spans take one pass. `place` is a span's index.

    Args:
        kind: The records.
        scope: The time of knowledge.
        spans: Spans of days, none of which overlap; None alone: all records.
    """
    within = [span for span in spans if span is not None]
    whole = (
        (min(since for since, _ in within), max(until for _, until in within)) if within else None
    )
    records = kind.records(scope, whole)
    size = records.c.amount if kind.amount else literal(1)
    # From the first on: it is the longest, and most rows need one comparison.
    in_order = sorted(enumerate(within), key=lambda numbered: numbered[1])
    places = [(is_within(records.c.at, span), place) for place, span in in_order]
    place = case(*places) if len(places) > 1 else literal(0)
    money = [records.c.currency] if kind.amount else []
    rows = select(
        place.label("place"),
        *money,
        case((records.c.account_id.is_(None), size), else_=0).label("unattributed"),
        size.label("size"),
    ).cte("sizes")
    keys = [rows.c.place, *(rows.c[column.name] for column in money)]
    currency = [] if money else [literal("", String).label("currency")]
    sums = func.sum(rows.c.unattributed).label("unattributed"), func.sum(rows.c.size).label("total")
    return (
        select(*keys, *currency, *sums)
        .where(rows.c.place.is_not(None))
        .group_by(*keys)
        .order_by(*keys)
    )


def select_unattributed(
    kind: AttributedTable, scope: Scope, within: Span | None = None
) -> Select[Any]:
    """Select the records without an account, newest first.

    Of daily records those within a span, if there is one.
    """
    records = kind.records(scope, within)
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
