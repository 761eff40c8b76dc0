"""Rate limits of a credential that many processes use: each request takes its turn in a row.

The rule is the generic cell rate algorithm (ITU-T I.371): a row holds the theoretical arrival
time of the next request, and each request moves it on by one interval.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from msgspec import Struct

from cs_sync.contracts.http import Limit
from cs_sync.http.rate_limit_headers import RateLimitInfo
from cs_sync.http.rate_limiter import ROUNDING_MARGIN, RateLimiter
from cs_sync.http.rate_window import UNPUBLISHED, limit_covers
from cs_sync.http.request_budget import OnWait, Permit

BURST_SHARE = 10
"""One in so many requests of a window may be sent at once, the others are evenly spread."""
WAY_SHARE = 1.125
"""Intervals are longer by an eighth: requests may come closer to each other on their way to the
vendor by an eighth of a window, and its limit still holds."""
LONGEST_TURN = 1000.0
"""Seconds: no turn later than this is taken; the client does not wait for so long."""


class Pace(Struct, frozen=True):
    """How quickly turns follow each other; in seconds."""

    interval: float
    tolerance: float
    """How much earlier than evenly spread a request may come."""


def calculate_pace(limit: Limit) -> Pace:
    """Calculate the pace at which no window ever exceeds the limit.

    Of N requests in S seconds, B = N / 10 may come at once (at least one), and one in every
    1.125 · S / (N − B): at most B + (N − B) / 1.125 in any window.
    """
    requests = max(1, limit.requests)
    burst = max(1, requests // BURST_SHARE)
    interval = WAY_SHARE * limit.seconds / max(1, requests - burst)
    return Pace(interval, (burst - 1) * interval)


def name_window(limit: Limit) -> str:
    """Name the window of a limit, equal in all processes."""
    place = " ".join(part for part in (limit.method, limit.path) if part)
    return f"{limit.requests}/{limit.seconds:g}s {place}".rstrip()


class SharedTurns(Protocol):
    """The rows of one credential, which all processes share."""

    def take_turn(
        self, window: str, interval: float, tolerance: float, longest: float
    ) -> tuple[bool, float]:
        """Take the next turn of a window.

        Args:
            window: Its name.
            interval: Seconds from one turn to the next.
            tolerance: Seconds by which a turn may come before its time.
            longest: Seconds; a later turn is not taken.

        Returns:
            Whether it was taken, and the seconds until it.
        """
        ...

    def close_window(self, window: str, seconds: float) -> None:
        """Give no turn of a window for so many seconds."""
        ...


class SharedRateLimiter:
    """The limits of a credential among many processes.

    What the vendor's headers say is learned by each process, as by `RateLimiter`; the pace and
    the pauses after a 429 are shared.
    """

    def __init__(
        self,
        turns: SharedTurns,
        limits: Sequence[Limit],
        now: Callable[[], float],
        sleep: Callable[[float], object],
    ) -> None:
        self._own = RateLimiter(limits, now, sleep)
        self._turns, self._limits, self._sleep = turns, list(limits), sleep

    def add_limits(self, limits: Sequence[Limit]) -> None:
        """Add these limits to the present ones."""
        self._own.add_limits(limits)
        self._limits += [limit for limit in limits if limit not in self._limits]

    @contextmanager
    def reserve(self, method: str, path: str, announce: OnWait) -> Iterator[Permit]:
        """Hold a permit of this process for one request."""
        with self._own.reserve(method, path, announce) as permit:
            yield permit

    def begin_request(self, method: str, path: str, announce: OnWait) -> float:
        """Wait for the request's turn among all processes; return when it begins."""
        wait = 0.0
        for limit in self._find_limits(method, path):
            pace = calculate_pace(limit)
            taken, seconds = self._turns.take_turn(
                name_window(limit), pace.interval, pace.tolerance, LONGEST_TURN
            )
            if not taken:
                announce(seconds, "the vendor's limit")
            wait = max(wait, seconds)
        if wait > 0:
            announce(wait, "the vendor's limit")
            self._sleep(wait + ROUNDING_MARGIN)
        return self._own.begin_request(method, path, announce)

    def record_response(self, quota: RateLimitInfo, *, good: bool, method: str, path: str) -> None:
        """Learn from the rate limit headers of any response."""
        self._own.record_response(quota, good=good, method=method, path=path)

    def record_refusal(
        self, method: str, path: str, *, sent: float, wait: float, everywhere: bool
    ) -> None:
        """Close for all processes after a 429; slow this one down."""
        self._own.record_refusal(method, path, sent=sent, wait=wait, everywhere=everywhere)
        for limit in self._find_limits(method, path):
            tolerance = calculate_pace(limit).tolerance
            self._turns.close_window(name_window(limit), wait + tolerance)

    def read_clock(self) -> float:
        """Return the time of the limiter's own clock, in seconds."""
        return self._own.read_clock()

    def _find_limits(self, method: str, path: str) -> list[Limit]:
        """Return the limits of a request.

        Without any, processes still share the pauses after a 429.
        """
        limits = [limit for limit in self._limits if limit_covers(limit, method, path)]
        return limits or [UNPUBLISHED]
