"""History tables: every replaced version of a row."""

from typing import Any, cast

from sqlalchemy import Column, FromClause, Table
from sqlmodel import SQLModel

from cs_sync_schemas.billing import Invoice, InvoiceLine, Subscription
from cs_sync_schemas.business import Cost, FunnelDay, FxRate, QualityDay, Referral
from cs_sync_schemas.graph import Account, AccountLink, Contact, ContactAccount, ContactLink
from cs_sync_schemas.record import get_table
from cs_sync_schemas.support import Ticket
from cs_sync_schemas.usage import FeatureDay, OnboardingStep, UsageDay
from cs_sync_schemas.voice import SurveyResponse

KNOWN_TO = "known_to"
_EXCLUDED_COLUMNS = frozenset({"raw", "row_hash", "last_seen_at"})

VERSIONED: tuple[type[SQLModel], ...] = (
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


def get_known_from(rows: FromClause) -> Column[Any]:
    """Return the column with the start of a row's knowledge interval."""
    return cast("Column[Any]", rows.c.changed_at if "changed_at" in rows.c else rows.c.since)


def _build_history_table(model: type[SQLModel]) -> Table:
    """Build the table of a row's past versions.

    Each known in `[known_from, known_to)`.
    """
    table = get_table(model)
    since = get_known_from(table)
    columns = [
        Column(
            column.name,
            column.type,
            primary_key=column.primary_key or column is since,
            nullable=column.nullable and column is not since,
        )
        for column in table.c
        if column.name not in _EXCLUDED_COLUMNS
    ]
    known_to = Column(KNOWN_TO, since.type, nullable=False)
    return Table(f"{table.name}_history", SQLModel.metadata, *columns, known_to)


_HISTORY_TABLES: dict[str, Table] = {
    get_table(model).name: _build_history_table(model) for model in VERSIONED
}


def get_history_table(table: Table) -> Table | None:
    """Return a table's history table; None if it is not versioned."""
    return _HISTORY_TABLES.get(table.name)
