"""Kept figures: the rows of statements, valid while the tables they rest on stay as they were."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, case, delete, func, select
from sqlmodel import UTCDateTime

from cs_sync.contracts.errors import StoreError
from cs_sync.store.engine import Store
from cs_sync.store.leases import is_lease_held_elsewhere
from cs_sync.store.upserts import split_chunks, upsert_rows
from cs_sync_schemas import Account, CachedMetric, MrrSpan, get_table
from cs_sync_schemas.tables import METADATA

ACCOUNT, FIGURE, SPAN = get_table(Account), get_table(CachedMetric), get_table(MrrSpan)
RETENTION = timedelta(days=100)
"""Figures that were not computed for so long are forgotten."""
MAX_ROWS = 1_000
"""Figures of more rows, such as those by account, are not kept: they would fill the database."""
Rows = list[dict[str, Any]]
Versions = Mapping[str, str]
"""Table name → what stands in it, as a text that changes with it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A statement's rows, by their key, and the names of the tables they rest on."""

    key: str
    name: str
    policy: str
    tables: frozenset[str]
    rows: Rows


def read_figures(connection: Connection, keys: Iterable[str]) -> dict[str, Rows]:
    """Read the kept rows of keys with unchanged tables.

    Those whose tables have not changed since.

    Args:
        connection: A read connection.
        keys: The keys of `build_figure_key`.
    """
    columns = (FIGURE.c.question, FIGURE.c.basis, FIGURE.c.rows)
    kept = [
        (row.question, orjson.loads(row.basis), row.rows)
        for chunk in split_chunks(keys)
        for row in connection.execute(select(*columns).where(FIGURE.c.question.in_(chunk)))
        if row.basis.startswith("{")
    ]
    versions = read_versions(connection, {table for _, basis, _ in kept for table in basis})
    return {
        key: rows
        for key, basis, rows in kept
        if all(versions.get(table) == version for table, version in basis.items())
    }


def read_versions(connection: Connection, tables: Iterable[str]) -> dict[str, str]:
    """Read the versions of tables.

    A version is the number of rows and the time of the last change. Amounts of MRR spans, merged
    accounts and tests are added up, too: changes by hand are seen.
    """
    known = METADATA.tables
    return {
        name: _read_version(connection, known[name]) for name in sorted(tables) if name in known
    }


def _read_version(connection: Connection, table: Table) -> str:
    instants = [column for column in table.c if isinstance(column.type, UTCDateTime)]
    changed = [table.c.changed_at] if "row_hash" in table.c else instants
    numbers: list[ColumnElement[Any]] = [func.max(column) for column in changed]
    if table is SPAN:
        numbers.append(func.sum(SPAN.c.amount))
    elif table is ACCOUNT:
        tests = func.sum(case((ACCOUNT.c.is_test.is_(True), 1), else_=0))
        numbers += [func.count(ACCOUNT.c.merged_into), tests]
    # One by one: SQLite answers a count and the end of an index without reading the table.
    count = connection.scalar(select(func.count()).select_from(table))
    if len(numbers) == 1:
        return f"{count} {connection.scalar(select(*numbers))}"
    return " ".join(map(str, (count, *connection.execute(select(*numbers)).one())))


def read_settled_versions(
    connection: Connection, tables: Iterable[str], now: datetime
) -> dict[str, str]:
    """Read the versions of tables; none while another process changes them."""
    if is_lease_held_elsewhere(connection, now):
        return {}
    return read_versions(connection, tables)


def save_figures(
    store: Store, figures: Sequence[Figure], versions: Versions, now: datetime
) -> None:
    """Keep figures of known versions that are not too long.

    All versions of their tables must be known.

    Args:
        store: The store.
        figures: The computed figures.
        versions: The versions of tables before the computation.
        now: The time of the computation.
    """
    rows = [
        {
            "question": figure.key,
            "name": figure.name,
            "policy": figure.policy,
            "known_at": now,
            "basis": orjson.dumps(
                {table: versions[table] for table in sorted(figure.tables)}
            ).decode(),
            "rows": figure.rows,
        }
        for figure in figures
        if figure.tables <= versions.keys() and len(figure.rows) <= MAX_ROWS
    ]
    if rows:
        with suppress(StoreError), store.write() as connection:  # a copy costs time, not truth
            upsert_rows(connection, FIGURE, rows)
            connection.execute(delete(FIGURE).where(FIGURE.c.known_at < now - RETENTION))
