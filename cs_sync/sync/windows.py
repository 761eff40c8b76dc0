"""Which windows a stream reads next; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cs_sync.contracts.source import Stream, Window
from cs_sync.store.states import OpenWindow, Standing

BACKFILL_EDGES = tuple(
    timedelta(days=days)
    for days in (1825, 1460, 1095, 1000, 910, 820, 730, 640, 545, 455, 365, 270, 180, 120, 60)
)
"""How long ago the parts of a split backfill meet.

Businesses grow, so later parts are shorter; the longest part is read by one reader alone, so none
may hold a large share of all records.
"""
MOST_PARTS = len(BACKFILL_EDGES) + 1
WHOLE = 0
"""Number of the one window that a read begins with; parts count from one."""

SLOW_PASS = timedelta(days=7)
"""How often a stream whose changes may arrive `late` is read so far back."""

SAFETY = timedelta(days=2)
"""Distance kept from the end of what a source still remembers."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller wants read: everything new, all again (`full`), or a range of time.

    `confirmed`: what a complete read does not show is gone, however much that is.
    """

    full: bool = False
    since: datetime | None = None
    until: datetime | None = None
    confirmed: bool = False

    @property
    def ranged(self) -> bool:
        """A range is read beside the cursor and does not move it."""
        return self.since is not None or self.until is not None


def next_windows(
    stream: Stream, standing: Standing, request: Request, now: datetime
) -> tuple[OpenWindow, ...]:
    """What to read: the windows that were left open, else the ones that follow the cursor."""
    again = request.full or request.ranged
    if standing.windows and not again and _still_told(stream, standing.windows, now):
        return standing.windows
    until = now - stream.lag
    if stream.cursor == "token":
        token = None if request.full else standing.cursor
        return _opened(now, Window(None, until, token, backfill=token is None))
    if stream.cursor == "none":
        return _opened(now, Window(None, until))
    if request.ranged:
        return _opened(now, Window(request.since, request.until or until))
    since = None if request.full else _reachable(stream, standing.cursor, now)
    if since is None:
        return _opened(now, Window(None, until))
    until = max(until, since)
    return _opened(now, Window(since - _reach(stream, since, until), until, backfill=False))


def parts_of(stream: Stream, windows: Sequence[OpenWindow]) -> tuple[OpenWindow, ...]:
    """What a backfill is cut into if its first page is not its last; nothing where it stays whole.

    They show that page once more. A small account is read in one request instead of sixteen.
    """
    if not stream.splits or len(windows) != 1:
        return ()
    [opened] = windows
    since, until = opened.window.since, opened.window.until
    first = since or datetime.min.replace(tzinfo=UTC)
    edges = [until - ago for ago in BACKFILL_EDGES if first < until - ago]
    if not (opened.window.backfill and edges and opened.partition == _partition(WHOLE)):
        return ()
    pairs = zip([since, *edges], [*edges, until], strict=True)
    return tuple(
        OpenWindow(_partition(number), Window(a, b), opened.opened_at)
        for number, (a, b) in enumerate(pairs, start=WHOLE + 1)
    )


def next_cursor(stream: Stream, windows: tuple[OpenWindow, ...], resume: Any) -> Any:
    """Where the next run begins, once all of these windows are done."""
    if stream.cursor == "token":
        return resume
    if stream.cursor == "none":
        return None
    return max(opened.window.until for opened in windows).isoformat()


def sweeps(stream: Stream, window: Window) -> bool:
    """Whether what windows like this one do not show is gone, once all of them were read.

    Where changes are told for a limited time, a backfill stands in for those that no longer are.
    Any other feed names what is gone in a backfill, too.
    """
    stands_in = stream.deletes == "feed" and stream.history is not None
    return window.backfill and (stream.deletes == "sweep" or stands_in)


def needs_backfill(stream: Stream, standing: Standing, now: datetime) -> bool:
    """Whether there is a cursor, but older than what the source still remembers."""
    return (
        stream.cursor == "time"
        and standing.cursor is not None
        and _reachable(stream, standing.cursor, now) is None
    )


def _reach(stream: Stream, cursor: datetime, until: datetime) -> timedelta:
    """How far before the cursor to read again: in the first run of a week, for late changes, too.

    What was late enough for one slow pass is at most a week older in the next.
    """
    first_of_week = (until - _EPOCH) // SLOW_PASS > (cursor - _EPOCH) // SLOW_PASS
    if stream.late and first_of_week:
        return max(stream.lookback, stream.late + SLOW_PASS)
    return stream.lookback


def days_in_doubt(
    stream: Stream, cursor: datetime | None, windows: Sequence[Window], now: datetime
) -> int:
    """Of how many days, back from now, late changes may have come that were not looked for yet.

    None when the last read was a slow pass, or went back further.
    """
    if cursor is None or stream.late <= stream.lookback:
        return 0
    reached = cursor - stream.late
    if any(window.since is None or window.since <= reached for window in windows):
        return 0
    week = _EPOCH + (cursor - _EPOCH) // SLOW_PASS * SLOW_PASS
    return math.ceil((now - week + stream.late) / timedelta(days=1))


def _reachable(stream: Stream, cursor: Any, now: datetime) -> datetime | None:
    if cursor is None:
        return None
    since = datetime.fromisoformat(cursor)
    return since if _remembered(stream, since, now) else None


def _still_told(stream: Stream, windows: tuple[OpenWindow, ...], now: datetime) -> bool:
    """Whether windows that were left open can be read to their end: a feed forgets its changes,
    and the place where they were left.
    """
    feeds = (o.window.since for o in windows if not o.window.backfill)
    return all(since is None or _remembered(stream, since, now) for since in feeds)


def _remembered(stream: Stream, since: datetime, now: datetime) -> bool:
    return stream.history is None or since >= now - stream.history + SAFETY


def _opened(now: datetime, window: Window) -> tuple[OpenWindow, ...]:
    return (OpenWindow(_partition(WHOLE), window, now),)


def _partition(number: int) -> str:
    return f"{number:03d}"
