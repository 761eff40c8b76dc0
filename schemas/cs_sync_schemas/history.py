"""History tables: every replaced version of a row."""

from typing import Any, cast

from sqlalchemy import Column, ColumnElement, FromClause, MetaData, Table, func

KNOWN_TO = "known_to"
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


def add_history_tables(metadata: MetaData) -> None:
    """Add the tables of past versions.

    Each version is known in `[known_from, known_to)`.
    """
    for name in VERSIONED:
        table = metadata.tables[name]
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
        Table(_name_history(name), metadata, *columns, known_to)


def get_history_table(table: Table) -> Table | None:
    """Return a table's history table; None if it is not versioned."""
    if table.name not in VERSIONED:
        return None
    return table.metadata.tables[_name_history(table.name)]


def _name_history(name: str) -> str:
    return f"{name}_history"
