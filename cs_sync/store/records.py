"""Storing records: only what differs from what is stored is written, by the natural key."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Table,
    and_,
    bindparam,
    case,
    literal_column,
    select,
    tuple_,
    update,
)

from cs_sync.store.binding import STATEMENTS, Prepared, among, prepare, upsert_all
from cs_sync.store.copying import upsert_distinct
from cs_sync.store.door import content_hash
from cs_sync.store.history import remember
from cs_sync_schemas import Record, table_of

CHUNK = 5000
"""Keys in one IN list: below every database's limit on parameters."""

VERSION_FIELDS = frozenset({"updated_at", "raw", "valid_from", "valid_to", "row_hash"})
_SOURCE_ID = itemgetter("source_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """Whose records these are, and when we learn of them."""

    source: str
    now: datetime
    keep_raw: bool = False


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert, or replace by primary key; `first_seen_at` of what exists is kept."""
    if rows:
        upsert_all(connection, table, rows, {})


def store_rows(
    connection: Connection,
    record: type[Record],
    rows: Sequence[dict[str, Any]],
    moment: Moment,
    *,
    snapshot: bool = False,
    confirm: bool = False,
) -> int:
    """Store admitted rows and say how many were new or different.

    `snapshot` says that they show only the present, and that a changed one begins a new version.
    `confirm` also marks the unchanged ones as seen now, for reads that are swept.
    """
    table = table_of(record)
    keys = _keys(table)
    stored = _stored(connection, table, map(_SOURCE_ID, rows), moment)
    if snapshot and stored:
        rows = _versions(connection, record, rows, moment)
    latest = dict(zip(map(itemgetter(*keys), rows), rows, strict=True))
    changed = list(latest.values())
    if stored:
        changed = [row for key, row in latest.items() if stored.get(key) != row["row_hash"]]
        replaced = (row["source_id"] for key, row in latest.items() if _differs(stored, key, row))
        for some in chunks(replaced):
            remember(connection, table, _mine(table, some, moment), moment.now)
    written = [{"raw": None, **row} for row in changed] if moment.keep_raw else changed
    upsert_distinct(connection, table, written, _knowledge(moment))
    if confirm and stored:
        same = (key for key, row in latest.items() if stored.get(key) == row["row_hash"])
        _confirm(connection, table, same, moment)
    return len(changed)


def _keys(table: Table) -> tuple[str, ...]:
    """What tells the rows of one source apart."""
    return tuple(column.name for column in table.primary_key if column.name != "source")


def _stored(
    connection: Connection, table: Table, source_ids: Iterable[str], moment: Moment
) -> dict[Any, str]:
    """Digests of the stored rows among these, by the rest of their key; none of a buried one."""
    query = _digests(connection.dialect, table)
    found: dict[Any, str] = {}
    for some in chunks(source_ids):
        for *key, digest in query.rows(connection, source=moment.source, ids=some):
            found[tuple(key) if len(key) > 1 else key[0]] = digest
    return found


@lru_cache(STATEMENTS)
def _digests(dialect: Dialect, table: Table) -> Prepared:
    digest = case((table.c.deleted_at.is_(None), table.c.row_hash), else_=literal_column("''"))
    columns = (*(table.c[key] for key in _keys(table)), digest)
    return prepare(select(*columns).where(*_given(table, "source_id", dialect)), dialect)


def _given(table: Table, name: str, dialect: Dialect) -> tuple[ColumnElement[bool], ...]:
    """Rows of `:source` whose column `name` is one of `:ids`."""
    return table.c.source == bindparam("source"), among(table.c[name], dialect)


def _differs(stored: Mapping[Any, str], key: Any, row: Mapping[str, Any]) -> bool:
    return bool(stored.get(key, row["row_hash"]) != row["row_hash"])


def _mine(table: Table, source_ids: Sequence[str], moment: Moment) -> ColumnElement[bool]:
    return and_(table.c.source == moment.source, table.c.source_id.in_(source_ids))


def _knowledge(moment: Moment) -> dict[str, Any]:
    """What the engine says of every row that it writes at a moment."""
    known: dict[str, Any] = {
        "source": moment.source,
        "first_seen_at": moment.now,
        "last_seen_at": moment.now,
        "changed_at": moment.now,
        "deleted_at": None,
    }
    return known if moment.keep_raw else {**known, "raw": None}


def _confirm(connection: Connection, table: Table, seen: Iterable[Any], moment: Moment) -> None:
    """Mark rows as seen now, by their whole key: of an item, only the versions that were shown."""
    keys = _keys(table)
    if keys == ("source_id",):
        _mark_seen(connection, table, seen, moment)
        return
    mark = update(table).where(table.c.source == moment.source).values(last_seen_at=moment.now)
    whole = tuple_(*(table.c[key] for key in keys))
    for some in chunks(seen, CHUNK // len(keys)):
        connection.execute(mark.where(whole.in_(some)))


def confirm_refused(
    connection: Connection, record: type[Record], source_ids: Iterable[str], moment: Moment
) -> None:
    """Mark what is stored of refused records as seen now: the source still has them."""
    _mark_seen(connection, table_of(record), source_ids, moment)


def _mark_seen(
    connection: Connection, table: Table, source_ids: Iterable[str], moment: Moment
) -> None:
    mark = _mark(connection.dialect, table)
    for some in chunks(source_ids):
        mark.run(connection, source=moment.source, ids=some, now=moment.now)


@lru_cache(STATEMENTS)
def _mark(dialect: Dialect, table: Table) -> Prepared:
    now = bindparam("now", type_=table.c.last_seen_at.type)
    marked = update(table).where(*_given(table, "source_id", dialect)).values(last_seen_at=now)
    return prepare(marked, dialect)


def _versions(
    connection: Connection, record: type[Record], rows: Sequence[dict[str, Any]], moment: Moment
) -> list[dict[str, Any]]:
    """Rows that show only the present, as versions: a changed one ends the last and begins anew.

    A change took effect when the source says (`updated_at`), else when it was first seen.
    """
    open_versions = _latest_versions(connection, table_of(record), map(_SOURCE_ID, rows), moment)
    versions: list[dict[str, Any]] = []
    for row in rows:
        last = open_versions.get(row["source_id"])
        if last is None:
            versions.append(row)
        elif _says(record, last) == _says(record, row):
            versions.append(_hashed(record, {**row, "valid_from": last["valid_from"]}))
        else:
            versions.extend(_next_version(record, last, row, moment))
    return versions


def _says(record: type[Record], version: Mapping[str, Any]) -> str:
    return content_hash(record, version, VERSION_FIELDS)


def _next_version(
    record: type[Record], last: dict[str, Any], row: dict[str, Any], moment: Moment
) -> Iterator[dict[str, Any]]:
    changed_at = row["updated_at"] or moment.now
    if changed_at <= last["valid_from"]:
        yield _hashed(record, {**row, "valid_from": last["valid_from"]})
        return
    yield _hashed(record, {**last, "valid_to": changed_at})
    yield _hashed(record, {**row, "valid_from": changed_at})


def _hashed(record: type[Record], row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "row_hash": content_hash(record, row)}


def _latest_versions(
    connection: Connection, table: Table, source_ids: Iterable[str], moment: Moment
) -> dict[str, dict[str, Any]]:
    statement = _living_versions(table, connection.dialect)
    latest: dict[str, dict[str, Any]] = {}
    for some in chunks(source_ids):
        rows = connection.execute(statement, {"source": moment.source, "ids": some})
        latest.update((row["source_id"], dict(row)) for row in rows.mappings())
    return latest


@lru_cache(STATEMENTS)
def _living_versions(table: Table, dialect: Dialect) -> Select[Any]:
    columns = [c for c in table.c if c.name not in Record.ENGINE_FIELDS]
    living = (*_given(table, "source_id", dialect), table.c.deleted_at.is_(None))
    return select(*columns).where(*living).order_by(table.c.valid_from)


def end_missing_children(
    connection: Connection,
    child: type[Record],
    parent_field: str,
    parents: Iterable[str],
    present: Sequence[str],
    moment: Moment,
) -> int:
    """End what the re-read parents no longer have; the number of ended rows."""
    table = table_of(child)
    end = table.c[child.END_FIELD]
    query = _unended(connection.dialect, child, parent_field)
    shown, ended = set(present), 0
    for some in chunks(parents):
        found = query.rows(connection, ids=some)
        gone = {source_id for source, source_id in found if source == moment.source} - shown
        for few in chunks(gone):
            open_ones = and_(_mine(table, few, moment), end.is_(None))
            remember(connection, table, open_ones, moment.now)
            connection.execute(
                update(table)
                .where(open_ones)
                .values({child.END_FIELD: moment.now, "changed_at": moment.now})
            )
        ended += len(gone)
    return ended


@lru_cache(STATEMENTS)
def _unended(dialect: Dialect, child: type[Record], parent_field: str) -> Prepared:
    """Of all sources: asked for one, SQLite reads all that it has instead of the parents' index."""
    table = table_of(child)
    unended = (table.c[child.END_FIELD].is_(None), table.c.deleted_at.is_(None))
    theirs = among(table.c[parent_field], dialect)
    return prepare(select(table.c.source, table.c.source_id).where(theirs, *unended), dialect)


def bury(
    connection: Connection, record: type[Record], source_ids: Iterable[str], moment: Moment
) -> int:
    """Set tombstones; the number of rows that had none."""
    table = table_of(record)
    buried = 0
    for some in chunks(source_ids):
        buried += _bury(connection, table, _mine(table, some, moment), moment)
    return buried


def bury_unseen(
    connection: Connection, record: type[Record], since: datetime, moment: Moment
) -> int:
    """Set tombstones on the rows that nobody has shown since then; how many there were."""
    table = table_of(record)
    unseen = and_(table.c.source == moment.source, table.c.last_seen_at < since)
    return _bury(connection, table, unseen, moment)


def _bury(connection: Connection, table: Table, which: ColumnElement[bool], moment: Moment) -> int:
    living = and_(which, table.c.deleted_at.is_(None))
    remember(connection, table, living, moment.now)
    tombstone = {"deleted_at": moment.now, "changed_at": moment.now}
    return connection.execute(update(table).where(living).values(tombstone)).rowcount


def chunks(keys: Iterable[Any], size: int = CHUNK) -> Iterator[list[Any]]:
    """The distinct keys, a few thousand at a time, in a stable order."""
    rest = iter(dict.fromkeys(keys))
    while some := list(islice(rest, size)):
        yield some
