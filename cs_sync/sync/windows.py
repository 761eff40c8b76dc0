"""The windows to read next; pure."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from cs_sync.contracts.source import Stream, Window
from cs_sync.store.records.stream_state import OpenWindow, StreamPosition

BACKFILL_EDGES = tuple(
    timedelta(days=days)
    for days in (1825, 1460, 1095, 1000, 910, 820, 730, 640, 545, 455, 365, 270, 180, 120, 60)
)
"""How long ago the parts of a split backfill meet.

Businesses grow, so later parts are shorter; the longest part is read by one reader alone, so none
may hold a large share of all records.
"""
MAX_SLICES = len(BACKFILL_EDGES) + 1
WHOLE_WINDOW = 0
"""Number of the one window that a read begins with; parts count from one."""

LATE_PASS_INTERVAL = timedelta(days=7)
"""How often a stream whose changes may arrive `late` is read so far back."""

HISTORY_MARGIN = timedelta(days=2)
"""Distance kept from the end of what a source still remembers."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReadRequest(Struct, frozen=True):
    """The data to read: new records, all (`full`), or a time range.

    `max_deletions`: the largest share of a stream's records that a complete read may soft-delete.
    """

    full: bool = False
    since: datetime | None = None
    until: datetime | None = None
    max_deletions: float = 0.5

    @property
    def is_ranged(self) -> bool:
        """Return whether a time range was given.

        A range is read beside the cursor and does not move it.
        """
        return self.since is not None or self.until is not None


def plan_windows(
    stream: Stream, standing: StreamPosition, request: ReadRequest, now: datetime
) -> tuple[OpenWindow, ...]:
    """Return the windows to read: open ones, else those after the cursor.

    Args:
        stream: The stream to read.
        standing: Its cursor and open windows.
        request: What to read.
        now: The time of the read.
    """
    again = request.full or request.is_ranged
    if standing.windows and not again and _can_resume(stream, standing.windows, now):
        return standing.windows
    until = now - stream.lag
    if stream.cursor == "token":
        token = None if request.full else standing.cursor
        return _open_window(now, Window(None, until, token, backfill=token is None))
    if stream.cursor == "none":
        return _open_window(now, Window(None, until))
    if request.is_ranged:
        return _open_window(now, Window(request.since, request.until or until))
    since = None if request.full else _parse_reachable_cursor(stream, standing.cursor, now)
    if since is None:
        return _open_window(now, Window(None, until))
    until = max(until, since)
    return _open_window(
        now, Window(since - _compute_lookback(stream, since, until), until, backfill=False)
    )


def split_backfill(stream: Stream, windows: Sequence[OpenWindow]) -> tuple[OpenWindow, ...]:
    """Split a multi-page backfill into time slices.

    Empty if it cannot be split. The first page is read twice: once to decide, once in its slice. So
    a small account takes one request instead of sixteen.
    """
    if not stream.splits or len(windows) != 1:
        return ()
    [opened] = windows
    since, until = opened.window.since, opened.window.until
    first = since or datetime.min.replace(tzinfo=UTC)
    edges = [until - ago for ago in BACKFILL_EDGES if first < until - ago]
    if not (
        opened.window.backfill and edges and opened.partition == _format_partition(WHOLE_WINDOW)
    ):
        return ()
    pairs = zip([since, *edges], [*edges, until], strict=True)
    return tuple(
        OpenWindow(_format_partition(number), Window(a, b), opened.opened_at)
        for number, (a, b) in enumerate(pairs, start=WHOLE_WINDOW + 1)
    )


def compute_next_cursor(stream: Stream, windows: tuple[OpenWindow, ...], resume: Any) -> Any:
    """Compute the next run's cursor, after the last window."""
    if stream.cursor == "token":
        return resume
    if stream.cursor == "none":
        return None
    return max(opened.window.until for opened in windows).isoformat()


def should_delete_missing(stream: Stream, window: Window) -> bool:
    """Return whether records missing from a complete read are deleted.

    If a feed keeps changes for a limited time, a backfill replaces the expired ones. Any other
    feed names deletions in a backfill, too.
    """
    stands_in = stream.deletes == "feed" and stream.history is not None
    return window.backfill and (stream.deletes == "sweep" or stands_in)


def needs_backfill(stream: Stream, standing: StreamPosition, now: datetime) -> bool:
    """Return whether the cursor is older than the source's history."""
    return (
        stream.cursor == "time"
        and standing.cursor is not None
        and _parse_reachable_cursor(stream, standing.cursor, now) is None
    )


def _compute_lookback(stream: Stream, cursor: datetime, until: datetime) -> timedelta:
    """Return the overlap before the cursor.

    The first run of a week includes late changes.

    A change just late enough for one weekly pass is at most a week older in the next.
    """
    first_of_week = (until - _EPOCH) // LATE_PASS_INTERVAL > (cursor - _EPOCH) // LATE_PASS_INTERVAL
    if stream.late and first_of_week:
        return max(stream.lookback, stream.late + LATE_PASS_INTERVAL)
    return stream.lookback


def count_incomplete_days(
    stream: Stream, cursor: datetime | None, windows: Sequence[Window], now: datetime
) -> int:
    """Count the days back from now without late changes.

    These are not read yet. It is 0 after a slow pass or a read that went back further.
    """
    if cursor is None or stream.late <= stream.lookback:
        return 0
    reached = cursor - stream.late
    if any(window.since is None or window.since <= reached for window in windows):
        return 0
    week = _EPOCH + (cursor - _EPOCH) // LATE_PASS_INTERVAL * LATE_PASS_INTERVAL
    return math.ceil((now - week + stream.late) / timedelta(days=1))


def _parse_reachable_cursor(stream: Stream, cursor: Any, now: datetime) -> datetime | None:
    if cursor is None:
        return None
    since = datetime.fromisoformat(cursor)
    return since if _is_in_history(stream, since, now) else None


def _can_resume(stream: Stream, windows: tuple[OpenWindow, ...], now: datetime) -> bool:
    """Return whether open windows can be completed.

    A feed expires its changes and its resume points.
    """
    feeds = (o.window.since for o in windows if not o.window.backfill)
    return all(since is None or _is_in_history(stream, since, now) for since in feeds)


def _is_in_history(stream: Stream, since: datetime, now: datetime) -> bool:
    return stream.history is None or since >= now - stream.history + HISTORY_MARGIN


def _open_window(now: datetime, window: Window) -> tuple[OpenWindow, ...]:
    return (OpenWindow(_format_partition(WHOLE_WINDOW), window, now),)


def _format_partition(number: int) -> str:
    return f"{number:03d}"
