"""Statistics of requests and waits, in total and per stream, emitted as events."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from threading import Lock

from msgspec import Struct

from cs_sync.contracts.errors import CsSyncError, RequestRefused
from cs_sync.contracts.events import Event, EventName

MIN_REPORTED_WAIT = 1.0
"""Shorter waits are only pacing: they are counted, and not announced one by one."""


class RequestStats(Struct):
    """Requests sent, and seconds waited for the rate limiter or before retries.

    Waits of parallel readers of a stream count once: it is time that passed.
    """

    requests: int = 0
    waited_seconds: float = 0.0
    stream: str = ""
    failure: CsSyncError | None = None
    """The first error raised that leaves a read incomplete, whoever catches it."""


_counts: ContextVar[tuple[tuple["StatsRecorder", RequestStats], ...]] = ContextVar(
    "_counts", default=()
)


class StatsRecorder:
    """Statistics of one credential; `count_requests` counts for one thread or context."""

    def __init__(
        self, source: str, emit: Callable[[Event], object], now: Callable[[], datetime]
    ) -> None:
        self.total = RequestStats()
        self._source, self._emit, self._now = source, emit, now
        self._warned: set[str] = set()
        self._waits_until: dict[str, datetime] = {}
        """Stream → when the waits of all its readers so far end; "" for all streams together."""
        self._lock = Lock()

    @contextmanager
    def count_requests(self, stream: str = "") -> Iterator[RequestStats]:
        """Count the requests inside the block.

        Their events carry the stream's name.
        """
        count = RequestStats(stream=stream)
        token = _counts.set((*_counts.get(), (self, count)))
        try:
            yield count
        finally:
            _counts.reset(token)

    def count_request(self) -> None:
        """Count one more request."""
        with self._lock:
            for count in self._open():
                count.requests += 1

    def record_wait(self, seconds: float, reason: str) -> None:
        """Count a wait for the rate limiter; report long ones."""
        self._count_wait(seconds)
        if seconds >= MIN_REPORTED_WAIT:
            self._tell("waiting", seconds=round(seconds, 3), reason=reason)

    def record_retry(self, seconds: float, reason: str, attempt: int) -> None:
        """Count the wait before a retry and emit an event."""
        self._count_wait(seconds)
        self._tell("retrying", seconds=round(seconds, 3), reason=reason, attempt=attempt)

    def record_failure(self, error: CsSyncError) -> None:
        """Remember an error, unless it is the vendor's answer to one request.

        That an object does not exist, or a place in a list no longer, tells something: a
        connector may go on. After any other error what was asked for is missing.
        """
        if isinstance(error, RequestRefused):
            return
        with self._lock:
            for count in self._open():
                count.failure = count.failure or error

    def emit_warning(self, message: str) -> None:
        """Emit a warning; repeated ones are emitted once."""
        with self._lock:
            new = message not in self._warned
            self._warned.add(message)
        if new:
            self._tell("warning", message=message)

    def _count_wait(self, seconds: float) -> None:
        with self._lock:
            since, open_counts = self._now(), self._open()
            until = since + timedelta(seconds=seconds)
            gained = {count.stream: 0.0 for count in open_counts}
            for stream in gained:
                begun = max(since, self._waits_until.get(stream, since))
                gained[stream] = max(0.0, (until - begun).total_seconds())
                self._waits_until[stream] = max(until, begun)
            for count in open_counts:
                count.waited_seconds += gained[count.stream]

    def _open(self) -> list[RequestStats]:
        return [self.total, *(count for meter, count in _counts.get() if meter is self)]

    def _tell(self, name: EventName, **detail: object) -> None:
        stream = next((count.stream for count in reversed(self._open()) if count.stream), "")
        self._emit(Event(name, self._now(), self._source, stream, detail))
