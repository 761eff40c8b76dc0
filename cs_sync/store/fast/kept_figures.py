"""Kept figures: the rows of statements, valid while the tables they rest on stay as they were."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, Table, case, delete, func, select, update

from cs_sync.contracts.errors import StoreError
from cs_sync.metrics.sql.dialects import ignore_index
from cs_sync.store.engine import Store
from cs_sync.store.fast.shared_reads import read_once
from cs_sync.store.leases import is_lease_held_elsewhere
from cs_sync.store.upserts import split_chunks, upsert_rows
from cs_sync_schemas.table_loader import find_table, get_table_named
from cs_sync_schemas.tables import ACCOUNT, FEATURE_DAY, FIGURE, HEALTH_SCORE, MRR_SPAN, USAGE_DAY
from cs_sync_schemas.times import Instant

SPAN, SCORE = MRR_SPAN, HEALTH_SCORE
RETENTION = timedelta(days=100)
"""Figures that were not computed for so long are forgotten."""
MAX_ROWS = 1_000
"""Figures of more rows, such as those by account, are not kept: they would fill the database."""
Rows = list[dict[str, Any]]
Versions = Mapping[str, str]
"""Table name → what stands in it, as a text that changes with it."""
VersionsBefore = Mapping[tuple[str, str], str]
"""Name of a table of days, and a day → what stands in it of the days before."""
_WHOLE = 0
"""The place of its version in the basis of a table of days; then a day, and that before it."""
DAY_TABLES = frozenset(str(table.name) for table in (USAGE_DAY, FEATURE_DAY))


class Figure(Struct, frozen=True):
    """A statement's rows, by their key, and the names of the tables they rest on."""

    key: str
    name: str
    policy: str
    tables: frozenset[str]
    rows: Rows
    until: date | None = None
    """The day before which lie all days of use that the rows rest on; None: any may count."""


class ReadFigures(Struct, frozen=True):
    """The kept rows of keys whose tables say the same, and what of them is found newer."""

    rows: Mapping[str, Rows]
    renewed: Mapping[str, str]
    """Key → its basis under the tables of now, which differ in later days alone."""


def read_figures(connection: Connection, keys: Iterable[str]) -> ReadFigures:
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
    bases: dict[str, dict[str, Any]] = {key: basis for key, basis, _ in kept}
    versions = read_versions(connection, {table for basis in bases.values() for table in basis})
    same = _find_same_days(connection, bases.values(), versions)

    def is_same(table: str, version: Any) -> bool:
        if isinstance(version, list):
            return version[_WHOLE] == versions.get(table) or (table, *version) in same
        return bool(versions.get(table) == version)

    rows, renewed = {}, {}
    for key, basis, of_key in kept:
        if all(is_same(table, version) for table, version in basis.items()):
            rows[key] = of_key
            now = {t: [versions[t], *v[1:]] if isinstance(v, list) else v for t, v in basis.items()}
            if now != basis:
                renewed[key] = orjson.dumps(now).decode()
    return ReadFigures(rows, renewed)


def renew_figures(store: Store, figures: ReadFigures) -> None:
    """Keep figures under the tables of now.

    So the next look has less to compare.
    """
    if figures.renewed and not store.read_only:
        with suppress(StoreError), store.write() as connection:  # a copy costs time, not truth
            for key, basis in figures.renewed.items():
                connection.execute(
                    update(FIGURE).where(FIGURE.c.question == key).values(basis=basis)
                )


DayVersion = tuple[str, str, str, str]
"""The name of a table of days, its version, a day, and the table's version before the day."""


def _find_same_days(
    connection: Connection, bases: Iterable[Mapping[str, Any]], versions: Versions
) -> set[DayVersion]:
    """Find the tables that changed, but not before the day in question.

    Where nothing but new rows came the earliest of these tells; else the days are counted.
    """
    changed: set[DayVersion] = {
        (table, *version)
        for basis in bases
        for table, version in basis.items()
        if isinstance(version, list) and version[_WHOLE] != versions.get(table)
    }
    first = {
        (table, whole): _find_first_new_day(connection, table, whole, versions[table])
        for table, whole in {(table, whole) for table, whole, *_ in changed}
    }
    same = {item for item in changed if (day := first[item[:2]]) and day >= item[2]}
    before = read_versions_before(connection, {(item[0], item[2]) for item in changed - same})
    return same | {item for item in changed - same if before[item[0], item[2]] == item[3]}


def _find_first_new_day(connection: Connection, name: str, before: str, now: str) -> str | None:
    """Find the first day of the rows that came since a version.

    None where a row is gone or another than it was: its former day is not known.
    """
    (count, newest), (total, _) = before.split(" ", 1), now.split(" ", 1)
    if newest == str(None):
        return None
    table = get_table_named(name)
    statement = select(func.count(), func.min(table.c.day)).where(
        table.c.changed_at > datetime.fromisoformat(newest)
    )
    came, first = connection.execute(statement).one()
    return first.isoformat() if came and came == int(total) - int(count) else None


def read_versions_before(
    connection: Connection, ends: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Read the versions of tables of days before certain days.

    Args:
        connection: A read connection.
        ends: Names of tables of `DAY_TABLES`, each with a day as YYYY-MM-DD.
    """
    versions: dict[tuple[str, str], str] = {}
    by_table: dict[str, set[str]] = {}
    for name, end in ends:
        by_table.setdefault(name, set()).add(end)
    for name, asked in by_table.items():
        days, count, newest = _read_days(connection, name), 0, None
        place = 0
        for end in sorted(asked):
            while place < len(days) and days[place][0] < end:
                _, more, changed_at = days[place]
                count, place = count + more, place + 1
                newest = max(filter(None, (newest, changed_at)), default=None)
            versions[name, end] = f"{count} {newest}"
    return versions


_Days = list[tuple[str, int, datetime | None]]
_READ_DAYS: WeakKeyDictionary[Engine, dict[str, tuple[str, _Days]]] = WeakKeyDictionary()
"""Database → name of a table of days → its version, and what `_read_days` read of it."""


def _read_days(connection: Connection, name: str) -> _Days:
    """List the days of a table, with their rows and last change.

    That takes a pass over the table, so it is remembered until the table changes.
    """
    version = read_versions(connection, [name])[name]
    known = _READ_DAYS.setdefault(connection.engine, {})
    if name not in known or known[name][0] != version:
        table = get_table_named(name)
        day = ignore_index(table.c.day)
        counted = (
            select(day, func.count(), func.max(table.c.changed_at)).group_by(day).order_by(day)
        )
        days = [(at.isoformat(), count, last) for at, count, last in connection.execute(counted)]
        known[name] = version, days
    return known[name][1]


def read_versions(connection: Connection, tables: Iterable[str]) -> dict[str, str]:
    """Read the versions of tables.

    A version is the number of rows and the time of the last change. Amounts of MRR spans, merged
    accounts and tests are added up, too: changes by hand are seen.
    """
    known_tables = {name: find_table(name) for name in sorted(tables)}
    return {
        name: read_once(connection, table, partial(_read_version, connection, table))
        for name, table in known_tables.items()
        if table is not None
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
    elif table is SCORE:  # by the index of days, as a year of scores takes a second to read
        newest = select(func.max(SCORE.c.as_of)).scalar_subquery()
        numbers = [select(numbers[0]).where(SCORE.c.as_of == newest).scalar_subquery()]
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
