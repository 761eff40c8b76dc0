"""What the door did: requests and waiting, in all and per stream, told as events."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from cs_sync.contracts.events import Event, EventName

WORTH_TELLING = 1.0
"""Shorter waits are only pacing: they are counted, and not announced one by one."""


@dataclass(slots=True)
class Count:
    """Requests sent, and seconds spent waiting for a budget or before a retry."""

    requests: int = 0
    waited_seconds: float = 0.0
    stream: str = ""


_counts: ContextVar[tuple[tuple["Meter", Count], ...]] = ContextVar("_counts", default=())


class Meter:
    """Counts for one credential; `counting` opens a count for the calling thread (or context)."""

    def __init__(
        self, source: str, emit: Callable[[Event], object], now: Callable[[], datetime]
    ) -> None:
        self.total = Count()
        self._source, self._emit, self._now = source, emit, now
        self._warned: set[str] = set()
        self._lock = Lock()

    @contextmanager
    def counting(self, stream: str = "") -> Iterator[Count]:
        """Count what happens inside, and put the stream's name on its events."""
        count = Count(stream=stream)
        token = _counts.set((*_counts.get(), (self, count)))
        try:
            yield count
        finally:
            _counts.reset(token)

    def sent(self) -> None:
        """One more request goes out."""
        with self._lock:
            for count in self._open():
                count.requests += 1

    def waits(self, seconds: float, reason: str) -> None:
        """The caller is about to wait for the budget."""
        self._waited(seconds)
        if seconds >= WORTH_TELLING:
            self._tell("waiting", seconds=round(seconds, 3), reason=reason)

    def retries(self, seconds: float, reason: str, attempt: int) -> None:
        """The caller is about to try again, after `seconds`."""
        self._waited(seconds)
        self._tell("retrying", seconds=round(seconds, 3), reason=reason, attempt=attempt)

    def warns(self, message: str) -> None:
        """Something that has to be seen to; told once, however often it is met."""
        with self._lock:
            new = message not in self._warned
            self._warned.add(message)
        if new:
            self._tell("warning", message=message)

    def _waited(self, seconds: float) -> None:
        with self._lock:
            for count in self._open():
                count.waited_seconds += seconds

    def _open(self) -> list[Count]:
        return [self.total, *(count for meter, count in _counts.get() if meter is self)]

    def _tell(self, name: EventName, **detail: object) -> None:
        stream = next((count.stream for count in reversed(self._open()) if count.stream), "")
        self._emit(Event(name, self._now(), self._source, stream, detail))
