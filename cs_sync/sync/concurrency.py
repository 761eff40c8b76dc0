"""How many readers of a source are at work: as many as keep one core busy, and no more.

Python computes one thing at a time. Readers beyond those that wait for an answer only take turns
at it, and each turn drives the others' pages out of the caches: of eighty readers each takes a
third more of computing, and there are eighty pages in memory. So another one is let in whenever
the core is idle, which it always is while a vendor takes its time.
"""

from collections.abc import Callable
from threading import Condition, Lock
from time import perf_counter, process_time

INTERVAL = 0.02
"""Seconds over which it is measured how busy the core is: some pages."""
IDLE, AIM = 0.5, 0.8
"""Shares of a core: below the first one more readers are let in, for the second one. A machine
that is shared with others gives less than all of one."""
MOST = 256
"""More than any source has readers."""


class Concurrency:
    """Lets the readers of one source in.

    `wall` and `computed` count seconds: those that pass, and those that this process computes.
    """

    def __init__(
        self,
        wall: Callable[[], float] = perf_counter,
        computed: Callable[[], float] = process_time,
    ) -> None:
        self._wall, self._computed = wall, computed
        self._allowed, self._inside = 1, 0
        self._door, self._left = Lock(), Condition()

    def enter(self) -> None:
        """Wait until there may be one more reader; it has to `leave`, in whatever thread."""
        with self._door, self._left:  # of those who wait, one looks for all
            while self._inside >= self._allowed:
                began, computed = self._wall(), self._computed()
                if not self._left.wait(INTERVAL):
                    self._measured((self._computed() - computed) / (self._wall() - began))
            self._inside += 1

    def leave(self, _done: object = None) -> None:
        """One reader has come to its end."""
        with self._left:
            self._inside -= 1
            self._left.notify()

    def _measured(self, busy: float) -> None:
        if busy < IDLE:
            self._allowed = min(MOST, 1 + int(self._inside * AIM / max(busy, 1 / MOST)))
