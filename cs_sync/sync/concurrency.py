"""Limit the concurrent readers of a source to what keeps one core busy.

Python computes one thing at a time. Further readers only take turns, and each turn evicts the
others' pages from the caches: with eighty readers, each computes a third more, and eighty pages
are in memory. So another reader is admitted whenever the core is idle, which it always is while
a vendor's answer is awaited.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Lock
from time import perf_counter, process_time

from cs_sync.contracts.source import get_concurrency

MEASURE_SECONDS = 0.02
"""Seconds over which it is measured how busy the core is, first: some pages."""
LONGEST_MEASURE_SECONDS = 0.32
"""They double while it is busy, as each look takes time from those who compute."""
IDLE, AIM = 0.5, 0.8
"""Shares of a core: below the first one more readers are let in, for the second one."""
MAX_READERS = 256
"""More than any source has readers."""


_THREADS = "/proc/self/task"
"""Linux: a folder for each thread of this process."""


def read_busy_seconds() -> float:
    """Return for how many seconds this process computed or wanted to.

    Beside its CPU time its threads wait for a processor where others use the machine, too: that is
    no sign of waiting for answers. Only Linux counts it; elsewhere it is the CPU time alone.
    """
    waited = 0
    with suppress(OSError):
        for thread in os.listdir(_THREADS):
            with suppress(OSError), open(f"{_THREADS}/{thread}/schedstat", "rb") as counts:
                waited += int(counts.read().split()[1])
    return process_time() + waited / 1e9


class ReaderLimiter:
    """Admits the readers of one source, at most `most` of them.

    `wall` and `computed` count seconds: elapsed time, and what `read_busy_seconds` returns.
    """

    def __init__(
        self,
        wall: Callable[[], float] = perf_counter,
        computed: Callable[[], float] = read_busy_seconds,
        most: int = MAX_READERS,
    ) -> None:
        self._wall, self._computed, self._most = wall, computed, most
        self._allowed, self._inside = 1, 0
        self._admission, self._left = Lock(), Condition()

    def enter(self) -> None:
        """Wait for the admission of one more reader.

        It must `leave`, from any thread.
        """
        seconds = MEASURE_SECONDS
        with self._admission, self._left:  # of those who wait, one looks for all
            while self._inside >= self._allowed:
                began, computed = self._wall(), self._computed()
                if not self._left.wait(seconds if self._allowed < self._most else None):
                    self._raise_limit((self._computed() - computed) / (self._wall() - began))
                    seconds = min(2 * seconds, LONGEST_MEASURE_SECONDS)
            self._inside += 1

    def leave(self, _done: object = None) -> None:
        """Sign one reader off."""
        with self._left:
            self._inside -= 1
            self._left.notify()

    def _raise_limit(self, busy: float) -> None:
        if busy < IDLE:
            self._allowed = min(
                self._most, 1 + int(self._inside * AIM / max(busy, 1 / MAX_READERS))
            )


def make_reader_limiter(source: object) -> ReaderLimiter:
    """Make the limiter of a source.

    Without requests no answer is awaited. Where the core looks idle, a disk or a neighbour is
    waited for, and further readers would take turns all the same.
    """
    return ReaderLimiter(most=MAX_READERS if get_concurrency(source) else 1)
