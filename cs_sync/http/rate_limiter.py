"""Rate limiter of one credential, shared by all threads that use it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Condition

from msgspec import Struct

from cs_sync.contracts.http import Limit
from cs_sync.http.rate_limit_headers import RateLimitInfo
from cs_sync.http.rate_window import UNPUBLISHED, RateWindow
from cs_sync.http.request_budget import OnWait, Permit

MAX_PACE_SECONDS = 600.0
"""Seconds: a longer window is a quota and not a pace. Halving it at every 429 would end a run for
an hour although the vendor asks for seconds: such a quota closes for as long as the vendor says,
and what is halved is the pace within it."""
DAILY_RECHECK = 3600.0
ROUNDING_MARGIN = 1e-6
"""Waits are this much longer, so that rounding never opens a window too early."""
CLOCK_TOLERANCE = 1e-3


class Allowance(Struct):
    """The vendor's statement of how many requests are left until an instant."""

    left: int
    until: float

    def delay(self, now: float) -> float:
        """Return the seconds until the next request may be sent."""
        return self.until - now if self.left <= 0 and now < self.until else 0.0


class RateLimiter:
    """The rolling windows of one credential; safe to share between threads.

    Args:
        limits: The vendor's published limits.
        now: Seconds since any fixed instant.
        sleep: Lets that many seconds pass.
    """

    def __init__(
        self, limits: Sequence[Limit], now: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:
        self._windows = [RateWindow(limit) for limit in limits]
        if not any(window.covers_everything for window in self._windows):
            self._windows.append(RateWindow(UNPUBLISHED))
        self._allowances: dict[str, Allowance] = {}
        self._clock, self._sleep = now, sleep
        self._ahead = 0.0
        self._freed = Condition()

    def add_limits(self, limits: Sequence[Limit]) -> None:
        """Add these limits to the present ones."""
        with self._freed:
            existing = {window.limit for window in self._windows}
            self._windows += [RateWindow(limit) for limit in limits if limit not in existing]

    @contextmanager
    def reserve(self, method: str, path: str, announce: OnWait) -> Iterator[Permit]:
        """Hold a permit for one request, waiting for it if necessary.

        The caller records on it when the request is sent.
        """
        windows = self._wait_for_permit(method, path, announce)
        place = Permit()
        try:
            yield place
        finally:
            with self._freed:
                now = self.read_clock()
                for window in windows:
                    window.release(place.sent, now)
                self._freed.notify_all()

    def begin_request(self, method: str, path: str, announce: OnWait) -> float:  # noqa: ARG002
        """Return when a permitted request begins, which is now."""
        return self.read_clock()

    def record_response(self, quota: RateLimitInfo, *, good: bool, method: str, path: str) -> None:
        """Learn from the rate limit headers of any response."""
        with self._freed:
            now = self.read_clock()
            if good:
                for window in self._find_windows(method, path):
                    window.grow()
            if quota.rolling is not None:
                maximum, remaining, seconds = quota.rolling
                self._find_or_add_window(seconds, maximum).adopt_count(maximum, remaining, now)
            if quota.remaining is not None and quota.reset:
                self._set_allowance("window", quota.remaining, now + quota.reset)
            if quota.daily_remaining is not None:
                self._set_allowance("day", quota.daily_remaining, now + DAILY_RECHECK)

    def record_refusal(
        self, method: str, path: str, *, sent: float, wait: float, everywhere: bool
    ) -> None:
        """Close for `wait` seconds after a 429, then halve the pace.

        If the endpoint has limits of its own, only these are closed, unless the vendor means
        all.

        Args:
            method: The method of the request.
            path: The path of the request.
            sent: When it was sent, by the limiter's own clock.
            wait: Seconds to stay closed.
            everywhere: Whether the whole account is meant.
        """
        with self._freed:
            now = self.read_clock()
            covering = self._find_windows(method, path)
            own = [window for window in covering if not window.covers_everything]
            meant = covering if everywhere or not own else own
            paced = [window for window in meant if window.limit.seconds <= MAX_PACE_SECONDS]
            for window in meant:
                window.closed_until = max(window.closed_until, now + wait)
            for window in paced or [self._add_pace_window(meant[0])]:
                window.shrink(sent, now)

    def _add_pace_window(self, quota: RateWindow) -> RateWindow:
        """Add a short window below a long quota.

        The vendor publishes none.
        """
        limit = replace(UNPUBLISHED, path=quota.limit.path, method=quota.limit.method)
        window = RateWindow(limit)
        self._windows.append(window)
        return window

    def read_clock(self) -> float:
        """Return the time of the limiter's own clock, in seconds."""
        return self._clock() + self._ahead

    def _wait_for_permit(self, method: str, path: str, announce: OnWait) -> list[RateWindow]:
        while True:
            with self._freed:
                now, windows = self.read_clock(), self._find_windows(method, path)
                delays = [window.delay(now) for window in windows]
                if None in delays:
                    self._freed.wait()
                    continue
                wait = max(delay for delay in delays if delay is not None)
                promised = max((a.delay(now) for a in self._allowances.values()), default=0.0)
                if max(wait, promised) <= 0:
                    self._count_request(windows, now)
                    return windows
            reason = "the vendor's limit" if wait >= promised else "the vendor's remaining quota"
            self._pause(max(wait, promised) + ROUNDING_MARGIN, reason, announce)

    def _pause(self, seconds: float, reason: str, announce: OnWait) -> None:
        """Sleep outside the lock.

        A `sleep` during which no time passed still counts as slept, so that tests may stub it.
        """
        announce(seconds, reason)
        wakes = self.read_clock() + seconds
        self._sleep(seconds)
        with self._freed:
            missing = wakes - self.read_clock()
            self._ahead += missing if missing > CLOCK_TOLERANCE else 0.0

    def _count_request(self, windows: list[RateWindow], now: float) -> None:
        for window in windows:
            window.running += 1
        for name, allowance in list(self._allowances.items()):
            allowance.left -= 1
            if allowance.until <= now:
                del self._allowances[name]

    def _find_windows(self, method: str, path: str) -> list[RateWindow]:
        return [window for window in self._windows if window.covers(method, path)]

    def _find_or_add_window(self, seconds: float, maximum: int) -> RateWindow:
        for window in self._windows:
            if window.covers_everything and window.limit.seconds == seconds:
                return window
        window = RateWindow(Limit(maximum, seconds))
        self._windows.append(window)
        return window

    def _set_allowance(self, name: str, remaining: int, until: float) -> None:
        """Record how many requests are left.

        Responses overtake one another: within one window the lowest count is the true one.
        """
        current = self._allowances.get(name)
        under_way = max(window.running for window in self._windows)
        left = remaining - under_way
        if current is not None and name == "window" and self.read_clock() < current.until:
            left, until = min(left, current.left), current.until
        self._allowances[name] = Allowance(left, until)
