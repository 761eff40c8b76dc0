"""Reconnection to a database server: retryable errors and delays."""

import threading
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct, field

from cs_sync.contracts.errors import StoreError

RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds before each further try: a minute, in which a server restarts or another takes over."""

RETRYABLE_SQLSTATES = frozenset({"57P01", "57P02", "57P03", "40001", "40P01"})
"""What PostgreSQL says of a server that ends or begins, and of transactions that met each other."""
CONNECTION_ERROR_CLASS = "08"
"""The class of what it says of connections."""

T = TypeVar("T")


class ConnectionLost(StoreError):
    """The connection was lost, or a transaction was rolled back: a retry may succeed."""


def is_retryable(error: BaseException, cause: BaseException, broken: type[Exception]) -> bool:
    """Return whether a new connection may succeed.

    Args:
        error: The error as raised by SQLAlchemy or the driver.
        cause: The driver's own error.
        broken: The driver's error type; a connection error is one without an SQLSTATE.
    """
    state = getattr(cause, "sqlstate", "")
    if state is None:
        return isinstance(cause, broken)
    lost = bool(getattr(error, "connection_invalidated", False))
    return lost or state in RETRYABLE_SQLSTATES or state.startswith(CONNECTION_ERROR_CLASS)


class ReconnectPolicy(Struct):
    """The sleep function, and the callback before each retry (seconds, reason, attempt)."""

    sleep: Callable[[float], object]
    on_retry: Callable[[float, str, int], object]
    _teller: threading.Lock = field(default_factory=threading.Lock)

    def run(self, once: Callable[[], T]) -> T:
        """Call `once` until it succeeds; finally raise the last error.

        Of several threads that wait at the same time, one reports.
        """
        tells = False
        try:
            for attempt, seconds in enumerate(RETRY_DELAYS, start=1):
                try:
                    return once()
                except ConnectionLost as away:
                    reason = away.message
                tells = tells or self._teller.acquire(blocking=False)
                if tells:
                    self.on_retry(seconds, reason, attempt)
                self.sleep(seconds)
            return once()
        finally:
            if tells:
                self._teller.release()
