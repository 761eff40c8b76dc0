"""What records said before: a twin of a record's table keeps every version that was replaced."""

from sqlalchemy import Column, Table
from sqlmodel import SQLModel

from cs_sync_schemas.billing import Invoice, InvoiceLine, Subscription
from cs_sync_schemas.business import Cost, FunnelDay, FxRate, QualityDay, Referral
from cs_sync_schemas.record import Record, table_of
from cs_sync_schemas.support import Ticket
from cs_sync_schemas.usage import FeatureDay, OnboardingStep, UsageDay
from cs_sync_schemas.voice import SurveyResponse

KNOWN_TO = "known_to"
_LEFT_OUT = frozenset({"raw", "row_hash", "last_seen_at"})

REMEMBERED: tuple[type[Record], ...] = (
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
"""Records on which numbers rest directly; of the others, what is derived from them is kept."""


def _twin(record: type[Record]) -> Table:
    """The table of a record's past versions.

    A version was known from its `changed_at` until `known_to`.
    """
    table = table_of(record)
    columns = [
        Column(
            column.name,
            column.type,
            primary_key=column.primary_key or column.name == "changed_at",
            nullable=column.nullable and column.name != "changed_at",
        )
        for column in table.c
        if column.name not in _LEFT_OUT
    ]
    known_to = Column(KNOWN_TO, table.c.changed_at.type, nullable=False)
    return Table(f"{table.name}_history", SQLModel.metadata, *columns, known_to)


_TWINS: dict[str, Table] = {table_of(record).name: _twin(record) for record in REMEMBERED}


def history_of(table: Table) -> Table | None:
    """The twin of a record's table, or None for one that is not remembered."""
    return _TWINS.get(table.name)
