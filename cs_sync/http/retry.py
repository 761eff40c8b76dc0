"""Retries: tenacity's loop with our clock, limits and events."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import NoReturn, TypeVar

from msgspec import Struct
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from cs_sync.contracts.errors import CsSyncError

MAX_ATTEMPTS = 6
MAX_THROTTLED_ATTEMPTS = 20
"""A 429 is a request to wait, not a failure: it may come oftener."""
MAX_RETRY_TIME = timedelta(minutes=15)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0

T = TypeVar("T")


class RetryableFailure(Exception):
    """A failed attempt worth a retry; `error` is raised when no attempts are left.

    Args:
        error: The final error.
        pause: Seconds that the vendor asked for.
        throttled: Whether the rate limiter does the waiting instead.
    """

    def __init__(
        self, error: CsSyncError, pause: float | None = None, *, throttled: bool = False
    ) -> None:
        super().__init__(error.message)
        self.error, self.pause, self.throttled = error, pause, throttled


def calculate_backoff(attempt: int, rng: Callable[[], float]) -> float:
    """Return the seconds before the next attempt: doubling, capped, upper half random.

    Args:
        attempt: The number of the failed attempt, from 1.
        rng: Returns a random number, 0 ≤ x < 1.
    """
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * (0.5 + rng() / 2))


class RequestRetrier(Struct, frozen=True):
    """Repeats a function that raises RetryableFailure, up to a number and a time."""

    now: Callable[[], datetime]
    sleep: Callable[[float], object]
    rng: Callable[[], float]

    def run(self, once: Callable[[int], T], on_retry: Callable[[float, str, int], object]) -> T:
        """Return the result of `once(attempt)`, retried as needed.

        Args:
            once: The function; its argument counts from 1.
            on_retry: Called with (seconds, reason, attempt) before each retry.

        Raises:
            CsSyncError: The error of the last RetryableFailure when the limits are reached.
        """

        try:
            return once(1)  # as nearly always, and without what repeating takes
        except RetryableFailure as failure:
            first = failure

        def report_retry(state: RetryCallState) -> None:
            on_retry(state.upcoming_sleep, str(_get_failure(state)), state.attempt_number)

        def retry_once() -> T:
            attempt = next(tries)
            if attempt == 1:
                raise first
            return once(attempt)

        tries = count(1)
        retrying = Retrying(
            retry=retry_if_exception_type(RetryableFailure),
            stop=_RetryLimits(self.now).is_exhausted,
            wait=self._pause,
            sleep=self._sleep_if_positive,
            before_sleep=report_retry,
            retry_error_callback=_raise_last_error,
        )
        return retrying(retry_once)

    def _sleep_if_positive(self, seconds: float) -> None:
        if seconds > 0:
            self.sleep(seconds)

    def _pause(self, state: RetryCallState) -> float:
        again = _get_failure(state)
        if again.throttled:
            return 0.0
        return max(again.pause or 0.0, calculate_backoff(state.attempt_number, self.rng))


class _RetryLimits:
    """The limits on one request's failures: number and total time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._first: datetime | None = None
        self._failed = self._throttled = 0

    def is_exhausted(self, state: RetryCallState) -> bool:
        self._first = self._first or self._now()
        if _get_failure(state).throttled:
            self._throttled += 1
        else:
            self._failed += 1
        ends = self._now() + timedelta(seconds=state.upcoming_sleep)
        return (
            self._failed >= MAX_ATTEMPTS
            or self._throttled >= MAX_THROTTLED_ATTEMPTS
            or ends - self._first > MAX_RETRY_TIME
        )


def _get_failure(state: RetryCallState) -> RetryableFailure:
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, RetryableFailure):
        raise TypeError(f"only Again is retried, not {failure!r}")
    return failure


def _raise_last_error(state: RetryCallState) -> NoReturn:
    raise _get_failure(state).error
