"""What was known before: a twin of a table keeps every version of a row that was replaced."""

from typing import Any, cast

from sqlalchemy import Column, FromClause, Table
from sqlmodel import SQLModel

from cs_sync_schemas.billing import Invoice, InvoiceLine, Subscription
from cs_sync_schemas.business import Cost, FunnelDay, FxRate, QualityDay, Referral
from cs_sync_schemas.graph import Account, AccountLink, Contact, ContactAccount, ContactLink
from cs_sync_schemas.record import table_of
from cs_sync_schemas.support import Ticket
from cs_sync_schemas.usage import FeatureDay, OnboardingStep, UsageDay
from cs_sync_schemas.voice import SurveyResponse

KNOWN_TO = "known_to"
_LEFT_OUT = frozenset({"raw", "row_hash", "last_seen_at"})

REMEMBERED: tuple[type[SQLModel], ...] = (
    Account,
    AccountLink,
    Contact,
    ContactAccount,
    ContactLink,
    Ticket,
    SurveyResponse,
    UsageDay,
    FeatureDay,
    OnboardingStep,
    Referral,
    Cost,
    FxRate,
    FunnelDay,
    QualityDay,
    Subscription,
    Invoice,
    InvoiceLine,
)
"""Who is who, and records on which numbers rest; of the others, what is derived is kept."""


def known_from(rows: FromClause) -> Column[Any]:
    """Since when the rows of a remembered table, or of its twin, have been known as they are."""
    return cast("Column[Any]", rows.c.changed_at if "changed_at" in rows.c else rows.c.since)


def _twin(model: type[SQLModel]) -> Table:
    """The table of a row's past versions, each known from its `known_from` until `known_to`."""
    table = table_of(model)
    since = known_from(table)
    columns = [
        Column(
            column.name,
            column.type,
            primary_key=column.primary_key or column is since,
            nullable=column.nullable and column is not since,
        )
        for column in table.c
        if column.name not in _LEFT_OUT
    ]
    known_to = Column(KNOWN_TO, since.type, nullable=False)
    return Table(f"{table.name}_history", SQLModel.metadata, *columns, known_to)


_TWINS: dict[str, Table] = {table_of(model).name: _twin(model) for model in REMEMBERED}


def history_of(table: Table) -> Table | None:
    """The twin of a table, or None for one that is not remembered."""
    return _TWINS.get(table.name)
