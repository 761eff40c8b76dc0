"""Storing records: only what differs from what is stored is written, by the natural key."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    case,
    select,
    tuple_,
    update,
)

from cs_sync.store.binding import prepared_upsert
from cs_sync.store.door import content_hash
from cs_sync.store.history import remember
from cs_sync_schemas import Record, table_of

CHUNK = 5000
"""Keys in one IN list: below every database's limit on parameters."""

VERSION_FIELDS = frozenset({"updated_at", "raw", "valid_from", "valid_to", "row_hash"})


@dataclass(frozen=True, slots=True)
class Moment:
    """Whose records these are, and when we learn of them."""

    source: str
    now: datetime
    keep_raw: bool = False


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert, or replace by primary key; `first_seen_at` of what exists is kept."""
    if rows:
        prepared_upsert(connection, table, tuple(rows[0])).execute(connection, rows)


def store_rows(
    connection: Connection,
    record: type[Record],
    rows: Sequence[dict[str, Any]],
    moment: Moment,
    *,
    confirm: bool = False,
) -> int:
    """Store admitted rows and say how many were new or different.

    `confirm` also marks the unchanged ones as seen now, for streams that are swept.
    """
    table = table_of(record)
    keys = tuple(column.name for column in table.primary_key if column.name != "source")
    latest = {tuple(row[key] for key in keys): row for row in rows}
    stored = _stored(connection, table, keys, [row["source_id"] for row in latest.values()], moment)
    changed = [row for key, row in latest.items() if stored.get(key) != row["row_hash"]]
    replaced = (row["source_id"] for key, row in latest.items() if _differs(stored.get(key), row))
    for some in chunks(replaced):
        remember(connection, table, _mine(table, some, moment), moment.now)
    upsert(connection, table, [_with_knowledge(row, moment) for row in changed])
    if confirm:
        _confirm(connection, table, keys, list(latest), moment)
    return len(changed)


def _stored(
    connection: Connection,
    table: Table,
    keys: tuple[str, ...],
    source_ids: Iterable[str],
    moment: Moment,
) -> dict[tuple[Any, ...], str]:
    """Digests of the stored rows among these, by the rest of their key; none of a buried one."""
    statement = _digests(table, keys)
    found: dict[tuple[Any, ...], str] = {}
    for some in chunks(source_ids):
        given = {"source": moment.source, "ids": some}
        found.update((tuple(row[:-1]), row[-1]) for row in connection.execute(statement, given))
    return found


@cache
def _digests(table: Table, keys: tuple[str, ...]) -> Select[Any]:
    """Built once: putting a statement together takes longer than running it on a page."""
    digest = case((table.c.deleted_at.is_(None), table.c.row_hash), else_="")
    return select(*(table.c[key] for key in keys), digest).where(*_given(table, "source_id"))


def _given(table: Table, name: str) -> Iterator[ColumnElement[bool]]:
    """Rows of `:source` whose column `name` is one of `:ids`."""
    yield table.c.source == bindparam("source")
    yield table.c[name].in_(bindparam("ids", expanding=True))


def _differs(digest: str | None, row: Mapping[str, Any]) -> bool:
    return digest is not None and digest != row["row_hash"]


def _mine(table: Table, source_ids: Sequence[str], moment: Moment) -> ColumnElement[bool]:
    return and_(table.c.source == moment.source, table.c.source_id.in_(source_ids))


def _with_knowledge(row: dict[str, Any], moment: Moment) -> dict[str, Any]:
    known = {
        "source": moment.source,
        "first_seen_at": moment.now,
        "last_seen_at": moment.now,
        "changed_at": moment.now,
        "deleted_at": None,
        "raw": row.get("raw") if moment.keep_raw else None,
    }
    return {**row, **known}


def _confirm(
    connection: Connection,
    table: Table,
    keys: tuple[str, ...],
    seen: Sequence[tuple[Any, ...]],
    moment: Moment,
) -> None:
    """Mark rows as seen now, by their whole key: of an item, only the versions that were shown."""
    mark = update(table).where(table.c.source == moment.source).values(last_seen_at=moment.now)
    if keys == ("source_id",):
        for ids in chunks(key[0] for key in seen):
            connection.execute(mark.where(table.c.source_id.in_(ids)))
        return
    whole = tuple_(*(table.c[key] for key in keys))
    for some in chunks(seen, CHUNK // len(keys)):
        connection.execute(mark.where(whole.in_(some)))


def confirm_refused(
    connection: Connection, record: type[Record], source_ids: Iterable[str], moment: Moment
) -> None:
    """Mark what is stored of refused records as seen now: the source still has them."""
    table = table_of(record)
    for some in chunks(source_ids):
        connection.execute(
            update(table)
            .where(table.c.source == moment.source, table.c.source_id.in_(some))
            .values(last_seen_at=moment.now)
        )


def begin_versions(
    connection: Connection,
    record: type[Record],
    rows: Sequence[dict[str, Any]],
    moment: Moment,
) -> list[dict[str, Any]]:
    """Rows that show only the present, as versions: a changed one ends the last and begins anew.

    A change took effect when the source says (`updated_at`), else when it was first seen.
    """
    table = table_of(record)
    open_versions = _latest_versions(connection, table, [r["source_id"] for r in rows], moment)
    versions: list[dict[str, Any]] = []
    for row in rows:
        last = open_versions.get(row["source_id"])
        if last is None:
            versions.append(row)
        elif content_hash(last, VERSION_FIELDS) == content_hash(row, VERSION_FIELDS):
            versions.append(_hashed({**row, "valid_from": last["valid_from"]}))
        else:
            versions.extend(_next_version(last, row, moment))
    return versions


def _next_version(
    last: dict[str, Any], row: dict[str, Any], moment: Moment
) -> Iterator[dict[str, Any]]:
    changed_at = row["updated_at"] or moment.now
    if changed_at <= last["valid_from"]:
        yield _hashed({**row, "valid_from": last["valid_from"]})
        return
    yield _hashed({**last, "valid_to": changed_at})
    yield _hashed({**row, "valid_from": changed_at})


def _hashed(row: dict[str, Any]) -> dict[str, Any]:
    content = {name: value for name, value in row.items() if name != "row_hash"}
    return {**content, "row_hash": content_hash(content)}


def _latest_versions(
    connection: Connection, table: Table, source_ids: Iterable[str], moment: Moment
) -> dict[str, dict[str, Any]]:
    statement = _living_versions(table)
    latest: dict[str, dict[str, Any]] = {}
    for some in chunks(source_ids):
        rows = connection.execute(statement, {"source": moment.source, "ids": some})
        latest.update((row["source_id"], dict(row)) for row in rows.mappings())
    return latest


@cache
def _living_versions(table: Table) -> Select[Any]:
    columns = [c for c in table.c if c.name not in Record.ENGINE_FIELDS]
    living = (*_given(table, "source_id"), table.c.deleted_at.is_(None))
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
    statement = _unended(child, parent_field)
    ended = 0
    for some in chunks(parents):
        given = {"source": moment.source, "ids": some}
        gone = set(connection.scalars(statement, given)) - set(present)
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


@cache
def _unended(child: type[Record], parent_field: str) -> Select[Any]:
    table = table_of(child)
    unended = (table.c[child.END_FIELD].is_(None), table.c.deleted_at.is_(None))
    return select(table.c.source_id).where(*_given(table, parent_field), *unended)


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
