"""Waiting for a database server that is away for a moment: what is worth another try, and when."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from cs_sync.contracts.errors import StoreError

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before each further try: a minute, in which a server restarts or another takes over."""

PASSING = frozenset({"57P01", "57P02", "57P03", "40001", "40P01"})
"""What PostgreSQL says of a server that ends or begins, and of transactions that met each other."""
BROKEN = "08"
"""The class of what it says of connections."""

T = TypeVar("T")


class Away(StoreError):
    """The connection was lost, or a transaction was taken back: another try may go well."""


def may_pass(error: BaseException, cause: BaseException, broken: type[Exception]) -> bool:
    """Whether the same may go well on a new connection: never so for a full disk or bad SQL.

    `cause` is the driver's own error. One about a connection is a `broken` to which no server gave
    a state.
    """
    state = getattr(cause, "sqlstate", "")
    if state is None:
        return isinstance(cause, broken)
    lost = bool(getattr(error, "connection_invalidated", False))
    return lost or state in PASSING or state.startswith(BROKEN)


@dataclass(slots=True)
class Patience:
    """How seconds are slept, and who hears (seconds, reason, attempt) before that."""

    sleep: Callable[[float], object]
    told: Callable[[float, str, int], object]
    _teller: threading.Lock = field(default_factory=threading.Lock)

    def run(self, once: Callable[[], T]) -> T:
        """What `once` gives as soon as it does not raise Away; the last Away after all tries.

        Of several threads that wait at the same time one tells it for all.
        """
        tells = False
        try:
            for attempt, seconds in enumerate(PAUSES, start=1):
                try:
                    return once()
                except Away as away:
                    reason = away.message
                tells = tells or self._teller.acquire(blocking=False)
                if tells:
                    self.told(seconds, reason, attempt)
                self.sleep(seconds)
            return once()
        finally:
            if tells:
                self._teller.release()
