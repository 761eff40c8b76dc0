"""Stream state: the cursor, and the open windows."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Dialect, bindparam, delete, select, update

from cs_sync.contracts.source import Window
from cs_sync.store.fast.prepared import STATEMENT_CACHE_SIZE, PreparedStatement, prepare_statement
from cs_sync.store.upserts import upsert_rows
from cs_sync_schemas.tables import STREAM_STATE

STATE = STREAM_STATE
CURSOR_PARTITION = ""
"""Partition of the row that holds the cursor; every other row is a window."""


class OpenWindow(Struct, frozen=True):
    """An unfinished window; its limits are fixed."""

    partition: str
    window: Window
    opened_at: datetime
    records: int = 0


class StreamPosition(Struct, frozen=True):
    """A stream's state before a run; the cursor is None before the first complete read.

    `is_first`: no read was complete yet.
    """

    cursor: Any
    windows: tuple[OpenWindow, ...]
    is_first: bool = True


class WindowProgress(Struct, frozen=True):
    """How far a window was read: the next page, the records so far, whether it is done."""

    resume: Any
    records: int
    done: bool = False


def read_stream_position(connection: Connection, source: str, stream: str) -> StreamPosition:
    """Return the stream's cursor and its unfinished windows, oldest first."""
    rows = connection.execute(
        select(STATE)
        .where(STATE.c.source == source, STATE.c.stream == stream)
        .order_by(STATE.c.partition)
    ).mappings()
    cursor, windows, is_first = None, [], True
    for row in rows:
        if row["partition"] == CURSOR_PARTITION:
            cursor, is_first = row["cursor"], False
        elif not row["done"]:
            window = Window(row["since"], row["until"], row["resume"], row["backfill"])
            windows.append(OpenWindow(row["partition"], window, row["opened_at"], row["records"]))
    return StreamPosition(cursor, tuple(windows), is_first)


def read_covered_windows(
    connection: Connection, source: str, stream: str
) -> tuple[datetime | None, list[Window]]:
    """Return a stream's cursor as a time, and its last windows."""
    rows = connection.execute(
        select(STATE).where(STATE.c.source == source, STATE.c.stream == stream)
    ).mappings()
    cursor, windows = None, []
    for row in rows:
        if row["partition"] == CURSOR_PARTITION:
            cursor = row["cursor"]
        else:
            windows.append(Window(row["since"], row["until"], None, row["backfill"]))
    return None if cursor is None else datetime.fromisoformat(cursor), windows


def save_open_windows(
    connection: Connection,
    source: str,
    stream: str,
    windows: Sequence[OpenWindow],
    run_id: str,
) -> None:
    """Store the windows to read, before the first page.

    Earlier windows are deleted.
    """
    connection.execute(
        delete(STATE).where(
            STATE.c.source == source,
            STATE.c.stream == stream,
            STATE.c.partition != CURSOR_PARTITION,
        )
    )
    rows = [
        {
            "source": source,
            "stream": stream,
            "partition": opened.partition,
            "cursor": None,
            "resume": opened.window.resume,
            "since": opened.window.since,
            "until": opened.window.until,
            "backfill": opened.window.backfill,
            "records": 0,
            "done": False,
            "opened_at": opened.opened_at,
            "updated_at": opened.opened_at,
            "run_id": run_id,
        }
        for opened in windows
    ]
    upsert_rows(connection, STATE, rows)


def advance(
    connection: Connection,
    source: str,
    stream: str,
    partition: str,
    progress: WindowProgress,
    now: datetime,
) -> None:
    """Store a window's progress, in the transaction of its page."""
    values = {"records": progress.records, "updated_at": now, "done": progress.done}
    if progress.resume is not None:
        values["resume"] = progress.resume
    which = {"source_": source, "stream_": stream, "partition_": partition}
    _prepare_advance(connection.dialect, tuple(values)).run(connection, **which, **values)


@lru_cache(STATEMENT_CACHE_SIZE)
def _prepare_advance(dialect: Dialect, names: tuple[str, ...]) -> PreparedStatement:
    key = (STATE.c[name] == bindparam(f"{name}_") for name in ("source", "stream", "partition"))
    values = {name: bindparam(name, type_=STATE.c[name].type) for name in names}
    return prepare_statement(update(STATE).where(*key).values(values), dialect)


def set_cursor(
    connection: Connection, source: str, stream: str, cursor: Any, run_id: str, now: datetime
) -> None:
    """Set the cursor after the last window: the next run begins there."""
    row = {
        "source": source,
        "stream": stream,
        "partition": CURSOR_PARTITION,
        "cursor": cursor,
        "resume": None,
        "since": None,
        "until": None,
        "backfill": False,
        "records": 0,
        "done": True,
        "opened_at": now,
        "updated_at": now,
        "run_id": run_id,
    }
    upsert_rows(connection, STATE, [row])


def delete_stream_state(connection: Connection, source: str, stream: str | None = None) -> int:
    """Delete cursors and windows, so that everything is read again.

    Records stay.
    """
    statement = delete(STATE).where(STATE.c.source == source)
    if stream is not None:
        statement = statement.where(STATE.c.stream == stream)
    return connection.execute(statement).rowcount


def read_stream_states(connection: Connection) -> list[dict[str, Any]]:
    """Return all rows of `stream_state`, by source, stream and partition."""
    ordered = select(STATE).order_by(STATE.c.source, STATE.c.stream, STATE.c.partition)
    return [row._asdict() for row in connection.execute(ordered)]


def read_cursor_times(connection: Connection) -> dict[tuple[str, str], datetime]:
    """Map (source, stream) → the last move of its cursor."""
    statement = select(STATE.c.source, STATE.c.stream, STATE.c.updated_at).where(
        STATE.c.partition == CURSOR_PARTITION
    )
    return {(source, stream): at for source, stream, at in connection.execute(statement)}
