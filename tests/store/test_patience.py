"""What is tried again on a database, how long, and who hears of it."""

import threading
from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import OperationalError

from cs_sync.contracts.errors import LeaseHeld, StoreError
from cs_sync.store.reconnect import ConnectionLost, ReconnectPolicy, is_retryable


class Waiting:
    """Notes what is slept and told."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.retries: list[tuple[float, str, int]] = []
        self.patience = ReconnectPolicy(
            self.slept.append, lambda *retry: self.retries.append(retry)
        )


def failing(times: int, error: Exception) -> Callable[[], int]:
    """Fails so many times, then gives how often it was called."""
    calls = 0

    def once() -> int:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise error
        return calls

    return once


@pytest.mark.parametrize("times", [0, 1, 3, 6])
def test_it_goes_on_as_soon_as_the_server_is_back(times: int) -> None:
    waiting = Waiting()
    assert waiting.patience.run(failing(times, ConnectionLost("gone"))) == times + 1
    assert waiting.slept == sorted(set(waiting.slept)), "every pause is longer than the last"
    assert waiting.retries == [(s, "gone", n) for n, s in enumerate(waiting.slept, 1)]
    assert len(waiting.retries) == times


def test_a_server_that_stays_away_is_told_of_after_a_minute() -> None:
    waiting = Waiting()
    with pytest.raises(ConnectionLost, match="gone"):
        waiting.patience.run(failing(100, ConnectionLost("gone")))
    assert sum(waiting.slept) == 60


@pytest.mark.parametrize("error", [StoreError("disk full"), LeaseHeld("taken"), TypeError("bug")])
def test_nothing_else_is_tried_again(error: Exception) -> None:
    waiting = Waiting()
    with pytest.raises(type(error)):
        waiting.patience.run(failing(1, error))
    assert (waiting.slept, waiting.retries) == ([], [])


def test_a_pause_that_is_called_off_ends_it() -> None:
    def called_off(_seconds: float) -> None:
        raise KeyboardInterrupt

    calls = failing(1, ConnectionLost("gone"))
    with pytest.raises(KeyboardInterrupt):
        ReconnectPolicy(called_off, lambda *_: None).run(calls)
    assert calls() == 2, "it was called once and not again"


def test_of_several_that_wait_one_tells_it_for_all() -> None:
    together, retries = threading.Barrier(5, timeout=120), list[int]()
    patience = ReconnectPolicy(lambda _: together.wait(), lambda *retry: retries.append(retry[2]))
    threads = [
        threading.Thread(target=patience.run, args=[failing(3, ConnectionLost("gone"))])
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert retries == [1, 2, 3]
    patience.sleep = lambda _: None
    assert patience.run(failing(1, ConnectionLost("again"))) == 2
    assert retries == [1, 2, 3, 1], "the next time is told anew"


PASSING = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.ConnectionFailure,
    psycopg.OperationalError,
)
LASTING = (
    errors.DiskFull,
    errors.OutOfMemory,
    errors.ReadOnlySqlTransaction,
    errors.InsufficientPrivilege,
    errors.UniqueViolation,
    errors.SyntaxError,
    errors.UndefinedTable,
    errors.QueryCanceled,
    errors.LockNotAvailable,
    psycopg.ProgrammingError,
    psycopg.InterfaceError,
    psycopg.DataError,
)


@pytest.mark.parametrize(
    ("kind", "passes"), [*((k, True) for k in PASSING), *((k, False) for k in LASTING)]
)
def test_only_what_may_pass_is_tried_again(kind: type[psycopg.Error], passes: bool) -> None:
    cause = kind("said")
    assert is_retryable(cause, cause, psycopg.OperationalError) is passes
    wrapped = OperationalError("SELECT 1", {}, cause)
    assert is_retryable(wrapped, cause, psycopg.OperationalError) is passes


def test_a_connection_that_was_given_up_may_pass_whatever_was_said() -> None:
    cause = errors.InternalError_("said")
    given_up = OperationalError("SELECT 1", {}, cause, connection_invalidated=True)
    assert is_retryable(given_up, cause, psycopg.OperationalError)
