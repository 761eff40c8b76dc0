"""Store changed records by their natural key; unchanged ones are not written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from msgspec import Struct
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
    or_,
    select,
    tuple_,
    update,
)

from cs_sync.contracts.source import get_received
from cs_sync.store.fast.bulk_upserts import insert_uniform_rows, upsert_uniform_rows
from cs_sync.store.fast.prepared import (
    STATEMENT_CACHE_SIZE,
    PreparedStatement,
    match_ids,
    prepare_statement,
)
from cs_sync.store.records.history import archive_rows
from cs_sync.store.records.validate import hash_content
from cs_sync.store.upserts import CHUNK_SIZE, split_chunks
from cs_sync_schemas import Record, get_seen, get_table

VERSION_FIELDS = frozenset({"updated_at", "raw", "valid_from", "valid_to", "row_hash"})
_SOURCE_ID = itemgetter("source_id")


class WriteContext(Struct, frozen=True):
    """The source of the records, and the time of knowledge.

    `expects_new`: nothing is looked up, as nothing of the source should be stored yet; a row that
    is raises RowsExist, and the page is to be stored without this.
    """

    source: str
    now: datetime
    keep_raw: bool = False
    expects_new: bool = False


def store_rows(
    connection: Connection,
    record: type[Record],
    rows: Sequence[dict[str, Any]],
    moment: WriteContext,
    *,
    snapshot: bool = False,
    confirm: bool = False,
) -> int:
    """Store validated rows and return the number of new or changed ones.

    Args:
        connection: A write transaction.
        record: The record type.
        rows: Validated rows.
        moment: The source and the time.
        snapshot: The rows show only the present; a changed one begins a new version.
        confirm: Also mark unchanged rows as seen, for reads that delete unseen rows.

    Raises:
        RowsExist: A row is stored where `moment` expects none.
    """
    table = get_table(record)
    keys = _get_key_columns(table)
    # What is stored of a snapshot has another key where it began at another time.
    insert_only, stored = moment.expects_new and not snapshot, dict[Any, str]()
    if not insert_only:
        stored = _read_stored_hashes(connection, table, map(_SOURCE_ID, rows), moment)
    if snapshot and stored:
        rows = _build_versions(connection, record, rows, moment)
    latest = dict(zip(map(itemgetter(*keys), rows), rows, strict=True))
    changed = list(latest.values())
    if stored:
        changed = [row for key, row in latest.items() if stored.get(key) != row["row_hash"]]
        replaced = (
            row["source_id"] for key, row in latest.items() if _has_changed(stored, key, row)
        )
        for chunk in split_chunks(replaced):
            archive_rows(connection, table, _match_source_ids(table, chunk, moment), moment.now)
    if changed:
        _write_changed(connection, table, changed, moment, insert_only=insert_only)
    if confirm and stored:
        same = (key for key, row in latest.items() if stored.get(key) == row["row_hash"])
        _confirm_rows(connection, table, same, moment)
    return len(changed)


def _write_changed(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    moment: WriteContext,
    *,
    insert_only: bool,
) -> None:
    if moment.keep_raw:
        rows = [{**row, "raw": get_received(row)} for row in rows]
    write = insert_uniform_rows if insert_only else upsert_uniform_rows
    write(connection, table, rows, _build_engine_fields(moment))


def _get_key_columns(table: Table) -> tuple[str, ...]:
    """Return the key columns within one source."""
    return tuple(column.name for column in table.primary_key if column.name != "source")


def _read_stored_hashes(
    connection: Connection, table: Table, source_ids: Iterable[str], moment: WriteContext
) -> dict[Any, str]:
    """Map key → row_hash of the stored rows; empty for soft-deleted ones."""
    query = _prepare_hash_query(connection.dialect, table)
    hashes: dict[Any, str] = {}
    for chunk in split_chunks(source_ids):
        for *key, digest in query.rows(connection, source=moment.source, ids=chunk):
            hashes[tuple(key) if len(key) > 1 else key[0]] = digest
    return hashes


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_hash_query(dialect: Dialect, table: Table) -> PreparedStatement:
    digest = case((table.c.deleted_at.is_(None), table.c.row_hash), else_=literal_column("''"))
    columns = (*(table.c[key] for key in _get_key_columns(table)), digest)
    return prepare_statement(
        select(*columns).where(*_match_given_ids(table, "source_id", dialect)), dialect
    )


def _match_given_ids(table: Table, name: str, dialect: Dialect) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions: rows of `:source` with column `name` among `:ids`."""
    return table.c.source == bindparam("source"), match_ids(table.c[name], dialect)


def _has_changed(stored: Mapping[Any, str], key: Any, row: Mapping[str, Any]) -> bool:
    return bool(stored.get(key, row["row_hash"]) != row["row_hash"])


def _match_source_ids(
    table: Table, source_ids: Sequence[str], moment: WriteContext
) -> ColumnElement[bool]:
    return and_(table.c.source == moment.source, table.c.source_id.in_(source_ids))


def _build_engine_fields(moment: WriteContext) -> dict[str, Any]:
    """Return the engine's fields, equal for all rows written at one time.

    A row was seen when it changed.
    """
    fields: dict[str, Any] = {
        "source": moment.source,
        "first_seen_at": None,
        "last_seen_at": None,
        "changed_at": moment.now,
        "deleted_at": None,
    }
    return fields if moment.keep_raw else {**fields, "raw": None}


def _confirm_rows(
    connection: Connection, table: Table, seen: Iterable[Any], moment: WriteContext
) -> None:
    """Mark rows as seen by their whole key."""
    keys = _get_key_columns(table)
    if keys == ("source_id",):
        _mark_seen(connection, table, seen, moment)
        return
    mark = update(table).where(table.c.source == moment.source).values(last_seen_at=moment.now)
    whole = tuple_(*(table.c[key] for key in keys))
    for chunk in split_chunks(seen, CHUNK_SIZE // len(keys)):
        connection.execute(mark.where(whole.in_(chunk)))


def confirm_rejected(
    connection: Connection, record: type[Record], source_ids: Iterable[str], moment: WriteContext
) -> None:
    """Mark the stored versions of rejected records as seen."""
    _mark_seen(connection, get_table(record), source_ids, moment)


def _mark_seen(
    connection: Connection, table: Table, source_ids: Iterable[str], moment: WriteContext
) -> None:
    for chunk in split_chunks(source_ids):
        mark = _prepare_mark(connection.dialect, table)
        mark.run(connection, source=moment.source, ids=chunk, now=moment.now)


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_mark(dialect: Dialect, table: Table) -> PreparedStatement:
    now = bindparam("now", type_=table.c.last_seen_at.type)
    marked = (
        update(table).where(*_match_given_ids(table, "source_id", dialect)).values(last_seen_at=now)
    )
    return prepare_statement(marked, dialect)


def _build_versions(
    connection: Connection,
    record: type[Record],
    rows: Sequence[dict[str, Any]],
    moment: WriteContext,
) -> list[dict[str, Any]]:
    """Convert rows to versions; a change ends the last version.

    A change is effective at `updated_at`, or else when first seen.
    """
    open_versions = _read_latest_versions(
        connection, get_table(record), map(_SOURCE_ID, rows), moment
    )
    versions: list[dict[str, Any]] = []
    for row in rows:
        last = open_versions.get(row["source_id"])
        if last is None:
            versions.append(row)
        elif _hash_version(record, last) == _hash_version(record, row):
            versions.append(_add_hash(record, {**row, "valid_from": last["valid_from"]}))
        else:
            versions.extend(_begin_version(record, last, row, moment))
    return versions


def _hash_version(record: type[Record], version: Mapping[str, Any]) -> str:
    return hash_content(record, version, VERSION_FIELDS)


def _begin_version(
    record: type[Record], last: dict[str, Any], row: dict[str, Any], moment: WriteContext
) -> Iterator[dict[str, Any]]:
    changed_at = row["updated_at"] or moment.now
    if changed_at <= last["valid_from"]:
        yield _add_hash(record, {**row, "valid_from": last["valid_from"]})
        return
    yield _add_hash(record, {**last, "valid_to": changed_at})
    yield _add_hash(record, {**row, "valid_from": changed_at})


def _add_hash(record: type[Record], row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "row_hash": hash_content(record, row)}


def _read_latest_versions(
    connection: Connection, table: Table, source_ids: Iterable[str], moment: WriteContext
) -> dict[str, dict[str, Any]]:
    statement = _select_living_versions(table, connection.dialect)
    latest: dict[str, dict[str, Any]] = {}
    for chunk in split_chunks(source_ids):
        rows = connection.execute(statement, {"source": moment.source, "ids": chunk})
        latest.update((row["source_id"], dict(row)) for row in rows.mappings())
    return latest


@lru_cache(STATEMENT_CACHE_SIZE)
def _select_living_versions(table: Table, dialect: Dialect) -> Select[Any]:
    columns = [c for c in table.c if c.name not in Record.ENGINE_FIELDS]
    living = (*_match_given_ids(table, "source_id", dialect), table.c.deleted_at.is_(None))
    return select(*columns).where(*living).order_by(table.c.valid_from)


def end_missing_children(
    connection: Connection,
    child: type[Record],
    parent_field: str,
    parents: Iterable[str],
    present: Sequence[str],
    moment: WriteContext,
) -> int:
    """End children missing from re-read parents; return their number.

    One that is to end later ends now: a coupon of twelve months that was taken back.
    """
    table = get_table(child)
    end = table.c[child.END_FIELD]
    query = _prepare_open_children_query(connection.dialect, child, parent_field)
    shown, ended = set(present), 0
    for chunk in split_chunks(parents):
        open_children = query.rows(connection, source=moment.source, ids=chunk, now=moment.now)
        missing = {
            source_id for source, source_id in open_children if source == moment.source
        } - shown
        for part in split_chunks(missing):
            open_ones = and_(
                _match_source_ids(table, part, moment), or_(end.is_(None), end > moment.now)
            )
            archive_rows(connection, table, open_ones, moment.now)
            connection.execute(
                update(table)
                .where(open_ones)
                .values({child.END_FIELD: moment.now, **_build_change(table, moment)})
            )
        ended += len(missing)
    return ended


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_open_children_query(
    dialect: Dialect, child: type[Record], parent_field: str
) -> PreparedStatement:
    """Prepare the query across sources, which uses the parents' index.

    A child with its parent's id is found by its key.
    """
    table = get_table(child)
    end = table.c[child.END_FIELD]
    later = end > bindparam("now", type_=end.type)
    is_open = and_(or_(end.is_(None), later), table.c.deleted_at.is_(None))
    same_parent = _match_given_ids(table, parent_field, dialect)
    if parent_field != "source_id":
        same_parent = same_parent[1:]
    return prepare_statement(
        select(table.c.source, table.c.source_id).where(*same_parent, is_open), dialect
    )


def soft_delete(
    connection: Connection, record: type[Record], source_ids: Iterable[str], moment: WriteContext
) -> int:
    """Soft-delete rows by id; return the number of newly deleted rows."""
    table = get_table(record)
    deleted = 0
    for chunk in split_chunks(source_ids):
        deleted += _set_tombstones(
            connection, table, _match_source_ids(table, chunk, moment), moment
        )
    return deleted


def soft_delete_unseen(
    connection: Connection, record: type[Record], since: datetime, moment: WriteContext
) -> int:
    """Soft-delete the rows not seen since then; return their number."""
    table = get_table(record)
    unseen = and_(table.c.source == moment.source, get_seen(table, "last_seen_at") < since)
    return _set_tombstones(connection, table, unseen, moment)


def _set_tombstones(
    connection: Connection, table: Table, which: ColumnElement[bool], moment: WriteContext
) -> int:
    living = and_(which, table.c.deleted_at.is_(None))
    archive_rows(connection, table, living, moment.now)
    tombstone = {"deleted_at": moment.now, **_build_change(table, moment)}
    return connection.execute(update(table).where(living).values(tombstone)).rowcount


def _build_change(table: Table, moment: WriteContext) -> dict[str, Any]:
    """Return the values of rows that change without being read.

    They were seen before.
    """
    seen = {name: get_seen(table, name) for name in ("first_seen_at", "last_seen_at")}
    return {"changed_at": moment.now, **seen}
