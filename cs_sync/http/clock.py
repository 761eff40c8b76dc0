"""Clocks: a monotonic one, and one moved by hand in tests."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock


def make_monotonic_clock() -> Callable[[], datetime]:
    """Return a UTC clock unaffected by changes of the system clock."""
    began, mark = datetime.now(UTC), time.monotonic()
    return lambda: began + timedelta(seconds=time.monotonic() - mark)


class ManualClock:
    """Clock for tests: only `sleep` moves time, without waiting. Thread-safe."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._lock = Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the clock's time."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        with self._lock:
            self.slept.append(seconds)
            self._now += timedelta(seconds=seconds)
