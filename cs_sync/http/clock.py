"""Clocks: one that never runs backwards, and one that tests move by hand."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock


def steady_clock() -> Callable[[], datetime]:
    """UTC now, which goes on evenly even if the system clock is set while a run lasts."""
    began, mark = datetime.now(UTC), time.monotonic()
    return lambda: began + timedelta(seconds=time.monotonic() - mark)


class ManualClock:
    """For tests: time passes only by `sleep`, and at once. Safe to share between threads."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._lock = Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The moment that the clock shows."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        with self._lock:
            self.slept.append(seconds)
            self._now += timedelta(seconds=seconds)
