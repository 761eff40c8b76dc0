"""Kept figures: the rows of statements, valid while the tables they rest on stay as they were."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, case, delete, func, select

from cs_sync.contracts.errors import StoreError
from cs_sync.store.engine import Store
from cs_sync.store.leases import is_lease_held_elsewhere
from cs_sync.store.upserts import split_chunks, upsert_rows
from cs_sync_schemas import Account, CachedMetric, FeatureDay, MrrSpan, UsageDay, get_table
from cs_sync_schemas.tables import METADATA
from cs_sync_schemas.times import Instant

ACCOUNT, FIGURE, SPAN = get_table(Account), get_table(CachedMetric), get_table(MrrSpan)
RETENTION = timedelta(days=100)
"""Figures that were not computed for so long are forgotten."""
MAX_ROWS = 1_000
"""Figures of more rows, such as those by account, are not kept: they would fill the database."""
Rows = list[dict[str, Any]]
Versions = Mapping[str, str]
"""Table name → what stands in it, as a text that changes with it."""
VersionsBefore = Mapping[tuple[str, str], str]
"""Name of a table of days, and a day → what stands in it of the days before."""
DAY_TABLES = frozenset(str(get_table(kind).name) for kind in (UsageDay, FeatureDay))


@dataclass(frozen=True, slots=True)
class Figure:
    """A statement's rows, by their key, and the names of the tables they rest on."""

    key: str
    name: str
    policy: str
    tables: frozenset[str]
    rows: Rows
    until: date | None = None
    """The day before which lie all days of use that the rows rest on; None: any may count."""


def read_figures(connection: Connection, keys: Iterable[str]) -> dict[str, Rows]:
    """Read the kept rows of keys with unchanged tables.

    Those whose tables have not changed since; of tables of days, those of the days before its end.

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
    bases = {key: basis for key, basis, _ in kept}
    versions = read_versions(connection, {table for basis in bases.values() for table in basis})
    changed = {
        (table, version[_UNTIL])
        for basis in bases.values()
        for table, version in basis.items()
        if isinstance(version, list) and version[_WHOLE] != versions.get(table)
    }
    before = read_versions_before(connection, changed)

    def is_same(table: str, version: Any) -> bool:
        if not isinstance(version, list):
            return bool(versions.get(table) == version)
        whole, until, earlier = version
        return bool(versions.get(table) == whole or before[table, until] == earlier)

    return {
        key: rows
        for key, basis, rows in kept
        if all(is_same(table, version) for table, version in basis.items())
    }


_WHOLE, _UNTIL = 0, 1
"""Places in the basis of a table of days: its version, a day, and its version before the day."""


def read_versions_before(
    connection: Connection, ends: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Read the versions of tables of days before certain days.

    Each table takes one pass.

    Args:
        connection: A read connection.
        ends: Names of tables of `DAY_TABLES`, each with a day as YYYY-MM-DD.
    """
    versions: dict[tuple[str, str], str] = {}
    by_table: dict[str, set[str]] = {}
    for name, end in ends:
        by_table.setdefault(name, set()).add(end)
    for name, days in by_table.items():
        table, ordered = METADATA.tables[name], sorted(days)
        day = table.c.day
        place = case(
            *((day < date.fromisoformat(end), number) for number, end in enumerate(ordered)),
            else_=len(ordered),
        ).label("place")
        counted = select(place, func.count(), func.max(table.c.changed_at)).group_by(place)
        parts = {number: part for number, *part in connection.execute(counted)}
        count, newest = 0, None
        for number, end in enumerate(ordered):
            more, changed_at = parts.get(number, (0, None))
            count += more
            newest = max(filter(None, (newest, changed_at)), default=None)
            versions[name, end] = f"{count} {newest}"
    return versions


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
    instants = [column for column in table.c if isinstance(column.type, Instant)]
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
    store: Store,
    figures: Sequence[Figure],
    versions: Versions,
    now: datetime,
    before: VersionsBefore | None = None,
) -> None:
    """Keep figures of known versions that are not too long.

    All versions of their tables must be known.

    Args:
        store: The store.
        figures: The computed figures.
        versions: The versions of tables before the computation.
        now: The time of the computation.
        before: The versions of tables of days before the ends of figures, at that time.
    """
    rows = [
        {
            "question": figure.key,
            "name": figure.name,
            "policy": figure.policy,
            "known_at": now,
            "basis": orjson.dumps(_build_basis(figure, versions, before or {})).decode(),
            "rows": figure.rows,
        }
        for figure in figures
        if figure.tables <= versions.keys() and len(figure.rows) <= MAX_ROWS
    ]
    if rows:
        with suppress(StoreError), store.write() as connection:  # a copy costs time, not truth
            upsert_rows(connection, FIGURE, rows)
            connection.execute(delete(FIGURE).where(FIGURE.c.known_at < now - RETENTION))


def _build_basis(
    figure: Figure, versions: Versions, before: VersionsBefore
) -> dict[str, str | list[str]]:
    """Map each table to its version.

    One of days also to the version before the figure's end.
    """
    end = figure.until.isoformat() if figure.until else ""
    return {
        table: [versions[table], end, before[table, end]]
        if (table, end) in before
        else versions[table]
        for table in sorted(figure.tables)
    }
