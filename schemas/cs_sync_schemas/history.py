"""History tables: every replaced version of a row."""

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, FromClause, Table, func

from cs_sync_schemas.metadata import DEFINING

KNOWN_TO = "known_to"
HISTORY_SUFFIX = "_history"
_EXCLUDED_COLUMNS = frozenset({"raw", "row_hash", "last_seen_at"})

VERSIONED = (
    "account",
    "account_link",
    "contact",
    "contact_account",
    "contact_link",
    "ticket",
    "survey_response",
    "usage_day",
    "feature_day",
    "onboarding_step",
    "referral",
    "cost",
    "fx_rate",
    "funnel_day",
    "quality_day",
    "subscription",
    "invoice",
    "invoice_line",
)
"""Who is who, and records on which numbers rest; of the others, what is derived is kept."""


def get_known_from(rows: FromClause) -> Column[Any]:
    """Return the column with the start of a row's knowledge interval."""
    return cast("Column[Any]", rows.c.changed_at if "changed_at" in rows.c else rows.c.since)


def get_seen(rows: FromClause, name: str) -> ColumnElement[Any]:
    """Return when records were first or last seen, in full.

    It stands in the row only where it is not `changed_at`.

    Args:
        rows: Records, or their past versions.
        name: `first_seen_at` or `last_seen_at`.
    """
    return func.coalesce(rows.c[name], rows.c.changed_at)


def get_history_table(table: Table) -> Table | None:
    """Return the table of past versions; None if there are none.

    Each version is known in `[known_from, known_to)`.
    """
    if table.name not in VERSIONED:
        return None
    name = f"{table.name}{HISTORY_SUFFIX}"
    with DEFINING:
        if name not in table.metadata.tables:
            Table(name, table.metadata, *_copy_columns(table))
        return table.metadata.tables[name]


def _copy_columns(table: Table) -> Iterator[Column[Any]]:
    """Yield the columns of a table of past versions."""
    since = get_known_from(table)
    for column in table.c:
        if column.name not in _EXCLUDED_COLUMNS:
            yield Column(
                column.name,
                column.type,
                primary_key=column.primary_key or column is since,
                nullable=column.nullable and column is not since,
            )
    yield Column(KNOWN_TO, since.type, nullable=False)
