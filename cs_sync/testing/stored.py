"""The stored rows of a source, in a form comparable across databases."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from cs_sync.contracts.source import Stream
from cs_sync.store.records.rejects import REJECTED
from cs_sync.store.records.stream_state import STATE
from cs_sync.store.records.write import VERSION_FIELDS
from cs_sync_schemas import Record, get_table

Key = tuple[str, ...]
Rows = Mapping[Key, Mapping[str, Any]]
"""(table, parts of the natural key) → fields."""

_READ_FIELDS = frozenset({"first_seen_at", "last_seen_at", "changed_at", "raw", "row_hash"})
"""When and how a record was read: two good reads differ in it."""
MAX_SHOWN = 5


def read_all_rows(connection: Connection, source: str, streams: Iterable[Stream]) -> Rows:
    """Return all stored rows, including tombstones and rejected records."""
    rows_by_key: dict[Key, Mapping[str, Any]] = {}
    for record in _list_records(streams):
        for row in _select_source(connection, record, source):
            content = {name: value for name, value in row.items() if name not in _READ_FIELDS}
            content["deleted_at"] = row["deleted_at"] is not None
            rows_by_key[_row_key(record, row)] = content
    for reject in connection.execute(select(REJECTED)).mappings():
        name = f"rejected {reject['record']}"
        rows_by_key[(name, str(reject["source_id"]))] = {"code": reject["code"]}
    return rows_by_key


def read_present_rows(
    connection: Connection, source: str, streams: Iterable[Stream], now: datetime
) -> Rows:
    """Return the present rows, on which incremental and full reads must agree.

    Tombstones and ended children are omitted; of versions only the open one, without its
    dates.
    """
    streams = tuple(streams)
    versioned = {record for stream in streams for record in stream.snapshot}
    children = {record for stream in streams for record in stream.children}
    rows_by_key: dict[Key, Mapping[str, Any]] = {}
    for record in _list_records(streams):
        dropped = _READ_FIELDS | {"updated_at"}
        dropped |= VERSION_FIELDS if record in versioned else frozenset()
        end = record.END_FIELD if record in children else "deleted_at"
        for row in _select_source(connection, record, source):
            if row["deleted_at"] is None and (row[end] is None or row[end] > now):
                key = (_record_name(record), row["source_id"]) if record in versioned else None
                content = {name: value for name, value in row.items() if name not in dropped}
                rows_by_key[key or _row_key(record, row)] = content
    return rows_by_key


def read_cursors(connection: Connection, source: str) -> list[tuple[Any, ...]]:
    """Read the position of every window.

    Without times of the run and counts.
    """
    columns = [STATE.c[name] for name in ("stream", "partition", "cursor", "resume", "done")]
    rows = connection.execute(select(*columns).where(STATE.c.source == source))
    return sorted(tuple(map(repr, row)) for row in rows)


def describe_differences(expected: Rows, actual: Rows) -> Sequence[str]:
    """Describe the first differences; empty if both are equal."""
    differences = [f"{_format_key(key)} is missing" for key in expected.keys() - actual.keys()]
    differences += [
        f"{_format_key(key)} should not be there" for key in actual.keys() - expected.keys()
    ]
    for key in expected.keys() & actual.keys():
        here, actual_row = expected[key], actual[key]
        names = [
            name
            for name in here.keys() | actual_row.keys()
            if here.get(name) != actual_row.get(name)
        ]
        differences += [
            f"{_format_key(key)}: {name} is {actual_row.get(name)!r} instead of {here.get(name)!r}"
            for name in names
        ]
    differences.sort()
    more = len(differences) - MAX_SHOWN
    return differences[:MAX_SHOWN] + ([f"… and {more} more"] if more > 0 else [])


def _list_records(streams: Iterable[Stream]) -> list[type[Record]]:
    """Return the record types of the streams, without duplicates."""
    kinds = [kind for stream in streams for kind in stream.record_types]
    return list(dict.fromkeys(kinds))


def _select_source(
    connection: Connection, record: type[Record], source: str
) -> Iterable[Mapping[str, Any]]:
    table = get_table(record)
    rows = connection.execute(select(table).where(table.c.source == source)).mappings()
    return [dict(row) for row in rows]


def _row_key(record: type[Record], row: Mapping[str, Any]) -> Key:
    names = [column.name for column in get_table(record).primary_key if column.name != "source"]
    return (
        _record_name(record),
        *(str(row[name]) for name in sorted(names, key="source_id".__ne__)),
    )


def _record_name(record: type[Record]) -> str:
    return str(record.__tablename__)


def _format_key(key: Key) -> str:
    return " ".join(key)
