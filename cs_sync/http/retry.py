"""When to try again: tenacity's loop with our clock, our bounds and our events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import NoReturn, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from cs_sync.contracts.errors import CsSyncError

ATTEMPTS = 6
THROTTLED_ATTEMPTS = 20
"""A 429 is a request to wait, not a failure: it may come oftener."""
TOTAL = timedelta(minutes=15)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0

T = TypeVar("T")


class Again(Exception):
    """Not this time: `error` is what to raise when there is no next time.

    `pause` is what the vendor asked for in seconds; a `throttled` try waits at the budget instead.
    """

    def __init__(
        self, error: CsSyncError, pause: float | None = None, throttled: bool = False
    ) -> None:
        super().__init__(error.message)
        self.error, self.pause, self.throttled = error, pause, throttled


def backoff(attempt: int, rng: Callable[[], float]) -> float:
    """Seconds before the next try: doubling, capped, with the upper half left to chance."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * (0.5 + rng() / 2))


@dataclass(frozen=True, slots=True)
class Retry:
    """Repeats a function that raises Again, within bounds of number and of time."""

    now: Callable[[], datetime]
    sleep: Callable[[float], object]
    rng: Callable[[], float]

    def run(self, once: Callable[[int], T], told: Callable[[float, str, int], object]) -> T:
        """The result of `once(attempt)`; `told` hears (seconds, reason, attempt) before each retry.

        Raises the error of the last Again when the bounds are reached.
        """

        try:
            return once(1)  # as nearly always, and without what repeating takes
        except Again as failure:
            first = failure

        def tell(state: RetryCallState) -> None:
            told(state.upcoming_sleep, str(_again(state)), state.attempt_number)

        def another() -> T:
            attempt = next(tries)
            if attempt == 1:
                raise first
            return once(attempt)

        tries = count(1)
        retrying = Retrying(
            retry=retry_if_exception_type(Again),
            stop=_Patience(self.now).exhausted,
            wait=self._pause,
            sleep=self._rest,
            before_sleep=tell,
            retry_error_callback=_give_up,
        )
        return retrying(another)

    def _rest(self, seconds: float) -> None:
        if seconds > 0:
            self.sleep(seconds)

    def _pause(self, state: RetryCallState) -> float:
        again = _again(state)
        if again.throttled:
            return 0.0
        return max(again.pause or 0.0, backoff(state.attempt_number, self.rng))


class _Patience:
    """How long one request may go on failing."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._first: datetime | None = None
        self._failed = self._throttled = 0

    def exhausted(self, state: RetryCallState) -> bool:
        self._first = self._first or self._now()
        if _again(state).throttled:
            self._throttled += 1
        else:
            self._failed += 1
        ends = self._now() + timedelta(seconds=state.upcoming_sleep)
        return (
            self._failed >= ATTEMPTS
            or self._throttled >= THROTTLED_ATTEMPTS
            or ends - self._first > TOTAL
        )


def _again(state: RetryCallState) -> Again:
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, Again):
        raise TypeError(f"only Again is retried, not {failure!r}")
    return failure


def _give_up(state: RetryCallState) -> NoReturn:
    raise _again(state).error
