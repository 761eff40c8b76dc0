"""Where every stream stands: its cursor, and the windows that are still open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam, delete, select, update

from cs_sync.contracts.source import Window
from cs_sync.store.binding import STATEMENTS, Prepared, prepare
from cs_sync.store.records import upsert
from cs_sync_schemas import StreamState, table_of

STATE = table_of(StreamState)
CURSOR = ""
"""Partition of the row that holds the cursor; every other row is a window."""


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window that was begun: its limits never move until it is done."""

    partition: str
    window: Window
    opened_at: datetime
    records: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a stream before a run: None without a first complete read."""

    cursor: Any
    windows: tuple[OpenWindow, ...]


def read_standing(connection: Connection, source: str, stream: str) -> Standing:
    """The stream's cursor and its unfinished windows, oldest first."""
    rows = connection.execute(
        select(STATE)
        .where(STATE.c.source == source, STATE.c.stream == stream)
        .order_by(STATE.c.partition)
    ).mappings()
    cursor, windows = None, []
    for row in rows:
        if row["partition"] == CURSOR:
            cursor = row["cursor"]
        elif not row["done"]:
            window = Window(row["since"], row["until"], row["resume"], row["backfill"])
            windows.append(OpenWindow(row["partition"], window, row["opened_at"], row["records"]))
    return Standing(cursor, tuple(windows))


def read_covered(
    connection: Connection, source: str, stream: str
) -> tuple[datetime | None, list[Window]]:
    """A stream's cursor in time, and the windows that were read last."""
    rows = connection.execute(
        select(STATE).where(STATE.c.source == source, STATE.c.stream == stream)
    ).mappings()
    cursor, windows = None, []
    for row in rows:
        if row["partition"] == CURSOR:
            cursor = row["cursor"]
        else:
            windows.append(Window(row["since"], row["until"], None, row["backfill"]))
    return None if cursor is None else datetime.fromisoformat(cursor), windows


def open_windows(
    connection: Connection,
    source: str,
    stream: str,
    windows: Sequence[OpenWindow],
    run_id: str,
) -> None:
    """Write down what will be read, before the first page; forgets the windows before these."""
    connection.execute(
        delete(STATE).where(
            STATE.c.source == source, STATE.c.stream == stream, STATE.c.partition != CURSOR
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
    upsert(connection, STATE, rows)


def advance(
    connection: Connection,
    source: str,
    stream: str,
    partition: str,
    *,
    resume: Any,
    records: int,
    now: datetime,
    done: bool = False,
) -> None:
    """Remember how far a window has come; in the transaction that stores its page."""
    values = {"records": records, "updated_at": now, "done": done}
    if resume is not None:
        values["resume"] = resume
    which = {"source_": source, "stream_": stream, "partition_": partition}
    _advance(connection.dialect, tuple(values)).run(connection, **which, **values)


@lru_cache(STATEMENTS)
def _advance(dialect: Dialect, names: tuple[str, ...]) -> Prepared:
    key = (STATE.c[name] == bindparam(f"{name}_") for name in ("source", "stream", "partition"))
    values = {name: bindparam(name, type_=STATE.c[name].type) for name in names}
    return prepare(update(STATE).where(*key).values(values), dialect)


def set_cursor(
    connection: Connection, source: str, stream: str, cursor: Any, run_id: str, now: datetime
) -> None:
    """All windows are done: the next run begins here."""
    row = {
        "source": source,
        "stream": stream,
        "partition": CURSOR,
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
    upsert(connection, STATE, [row])


def last_resume(connection: Connection, source: str, stream: str, partition: str) -> Any:
    """The newest resume point of a window."""
    return connection.scalar(
        select(STATE.c.resume).where(
            STATE.c.source == source, STATE.c.stream == stream, STATE.c.partition == partition
        )
    )


def forget_state(connection: Connection, source: str, stream: str | None = None) -> int:
    """Drop cursors and windows, so that the next run reads from the beginning; never a record."""
    statement = delete(STATE).where(STATE.c.source == source)
    if stream is not None:
        statement = statement.where(STATE.c.stream == stream)
    return connection.execute(statement).rowcount


def read_cursors(connection: Connection) -> dict[tuple[str, str], datetime]:
    """(source, stream) → when its cursor last moved."""
    statement = select(STATE.c.source, STATE.c.stream, STATE.c.updated_at).where(
        STATE.c.partition == CURSOR
    )
    return {(source, stream): at for source, stream, at in connection.execute(statement)}
