"""What a database holds of a source, in a form that two databases can be compared in."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from cs_sync.contracts.source import Stream
from cs_sync.store.records import VERSION_FIELDS
from cs_sync.store.rejects import REJECTED
from cs_sync.store.states import STATE
from cs_sync_schemas import Record, table_of

Key = tuple[str, ...]
Rows = Mapping[Key, Mapping[str, Any]]
"""(table, parts of the natural key) → fields."""

_OF_THE_READ = frozenset({"first_seen_at", "last_seen_at", "changed_at", "raw", "row_hash"})
"""When and how a record was read: two good reads differ in it."""
SHOWN = 5


def all_rows(connection: Connection, source: str, streams: Iterable[Stream]) -> Rows:
    """Everything stored, tombstones and rejected records included."""
    found: dict[Key, Mapping[str, Any]] = {}
    for record in _filled(streams):
        for row in _of(connection, record, source):
            content = {name: value for name, value in row.items() if name not in _OF_THE_READ}
            content["deleted_at"] = row["deleted_at"] is not None
            found[_key(record, row)] = content
    for reject in connection.execute(select(REJECTED)).mappings():
        name = f"rejected {reject['record']}"
        found[(name, str(reject["source_id"]))] = {"code": reject["code"]}
    return found


def present_rows(
    connection: Connection, source: str, streams: Iterable[Stream], now: datetime
) -> Rows:
    """What is true now: what an incremental read and a full one must agree on.

    Without tombstones and ended children, and of versions only the open one without its dates.
    """
    streams = tuple(streams)
    versioned = {record for stream in streams for record in stream.snapshot}
    children = {record for stream in streams for record in stream.children}
    found: dict[Key, Mapping[str, Any]] = {}
    for record in _filled(streams):
        dropped = _OF_THE_READ | {"updated_at"}
        dropped |= VERSION_FIELDS if record in versioned else frozenset()
        end = record.END_FIELD if record in children else "deleted_at"
        for row in _of(connection, record, source):
            if row["deleted_at"] is None and (row[end] is None or row[end] > now):
                key = (_name(record), row["source_id"]) if record in versioned else None
                content = {name: value for name, value in row.items() if name not in dropped}
                found[key or _key(record, row)] = content
    return found


def standing(connection: Connection, source: str) -> list[tuple[Any, ...]]:
    """How far every window has come, without the times of the run and without counts."""
    columns = [STATE.c[name] for name in ("stream", "partition", "cursor", "resume", "done")]
    rows = connection.execute(select(*columns).where(STATE.c.source == source))
    return sorted(tuple(map(repr, row)) for row in rows)


def differences(expected: Rows, found: Rows) -> Sequence[str]:
    """The first differences in words; none when both hold the same."""
    told = [f"{_words(key)} is missing" for key in expected.keys() - found.keys()]
    told += [f"{_words(key)} should not be there" for key in found.keys() - expected.keys()]
    for key in expected.keys() & found.keys():
        here, there = expected[key], found[key]
        names = [name for name in here.keys() | there.keys() if here.get(name) != there.get(name)]
        told += [
            f"{_words(key)}: {name} is {there.get(name)!r} instead of {here.get(name)!r}"
            for name in names
        ]
    told.sort()
    more = len(told) - SHOWN
    return told[:SHOWN] + ([f"… and {more} more"] if more > 0 else [])


def _filled(streams: Iterable[Stream]) -> list[type[Record]]:
    """The records that the streams bring, each once."""
    kinds = [kind for s in streams for kind in (s.record, *s.extra, *s.children)]
    return list(dict.fromkeys(kinds))


def _of(connection: Connection, record: type[Record], source: str) -> Iterable[Mapping[str, Any]]:
    table = table_of(record)
    rows = connection.execute(select(table).where(table.c.source == source)).mappings()
    return [dict(row) for row in rows]


def _key(record: type[Record], row: Mapping[str, Any]) -> Key:
    names = [column.name for column in table_of(record).primary_key if column.name != "source"]
    return (_name(record), *(str(row[name]) for name in sorted(names, key="source_id".__ne__)))


def _name(record: type[Record]) -> str:
    return str(record.__tablename__)


def _words(key: Key) -> str:
    return " ".join(key)
