"""What goes wrong in a run of the soak: drawn anew for every request."""

import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
from sqlalchemy import Engine, event

from cs_sync.testing import faults
from cs_sync.testing.fault_transport import Exchange, Fault
from tests.store.line import pass_on

FAULTS: dict[str, Fault] = {
    "429 with Retry-After": faults.respond_status(429, Retry_After="3"),
    "429": faults.respond_status(429),
    **{str(code): faults.respond_status(code) for code in (500, 502, 503, 504)},
    "refused connection": faults.lose_response(httpx.ConnectError),
    "reset": faults.lose_response(httpx.ReadError),
    "no answer": faults.lose_response(httpx.RemoteProtocolError),
    "time-out": faults.lose_response(httpx.ReadTimeout),
    "lost answer": faults.lose_response(httpx.ReadTimeout, done=True),
    "cut short": faults.cut_response,
    "half of the JSON": faults.truncate_response,
    "web page": faults.respond_web_page,
}


@dataclass
class Weather:
    """A fault for one run: `rate` of the requests fail, `edits` of them see the source change.

    The process dies at request `dies_at`, before or after the vendor did what it was asked.
    """

    rng: Random
    counts: Counter[str]
    change: Callable[[], object] = lambda: None
    rate: float = 0.0
    edits: float = 0.0
    dies_at: int = 0

    def __call__(self, exchange: Exchange) -> httpx.Response:
        if self.rng.random() < self.edits:
            self.counts["edits in mid-read"] += 1
            self.change()
        if exchange.number == self.dies_at:
            if self.rng.random() < 0.5:
                exchange.answer()
            return exchange.die()
        if self.rng.random() < self.rate:
            name = self.rng.choice(list(FAULTS))
            self.counts[name] += 1
            return FAULTS[name](exchange)
        return exchange.answer()


def drawn(rng: Random, counts: Counter[str], change: Callable[[], object]) -> Weather:
    """The weather of one run: from hardly any fault to every second request."""
    dies_at = rng.randrange(1, 25) if rng.random() < 0.4 else 0
    rate = rng.choice((0.02, 0.1, 0.25, 0.5))
    return Weather(rng, counts, change, rate, rng.choice((0.0, 0.0, 0.2)), dies_at)


@dataclass
class BadDisk:
    """SQLite gives up in the middle of a statement once, when told to."""

    counts: Counter[str]
    after: int | None = None
    _steps: int = field(default=0, init=False)

    def watch(self, engine: Engine) -> None:
        """Have a say in every statement of the engine's connections."""

        def connected(connection: Any, _record: Any) -> None:
            connection.set_progress_handler(self._step, 500)

        event.listen(engine, "connect", connected)

    def fail(self, after: int) -> None:
        """Fail after so many steps of 500 instructions."""
        self.after, self._steps = after, 0

    def _step(self) -> int:
        if self.after is None:
            return 0
        self._steps += 1
        if self._steps < self.after:
            return 0
        self.after = None
        self.counts["database error"] += 1
        return 1


@dataclass
class BadLine:
    """The line to PostgreSQL is cut at a request once, when told to; half the time the server has
    done what it was asked, and only its answer is lost.
    """

    counts: Counter[str]
    after: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, after: int) -> None:
        """Fail after so many requests."""
        self.after = after

    def __call__(self, data: bytes, server: socket.socket) -> bool:
        with self._lock:
            if self.after is None:
                return False
            self.after -= 1
            if self.after > 0:
                return False
            self.after = None
            self.counts["connection lost"] += 1
        if self.counts["connection lost"] % 2:
            pass_on(data, server)
        return True
