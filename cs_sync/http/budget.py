"""How many requests one credential may send, and when: shared by all threads that use it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Condition

from cs_sync.contracts.http import Limit
from cs_sync.http.limit_window import UNPUBLISHED, Window
from cs_sync.http.quota import Quota

PACE = 600.0
"""Seconds: a longer window is a quota and not a pace. Halving it at every 429 would end a run for
an hour although the vendor asks for seconds: such a quota closes for as long as the vendor says,
and what is halved is the pace within it."""
DAILY_RECHECK = 3600.0
MARGIN = 1e-6
"""Waits are this much longer, so that rounding never opens a window too early."""
NOTICEABLE = 1e-3

Announce = Callable[[float, str], object]
"""Told (seconds, reason) before each wait; may raise to refuse the wait."""


@dataclass(slots=True)
class Place:
    """What a request holds; `sent` when it went out, None for one that did not yet."""

    sent: float | None = None


@dataclass(slots=True)
class Allowance:
    """The vendor said: so many more until then."""

    left: int
    until: float

    def delay(self, now: float) -> float:
        """Seconds until the next request may go."""
        return self.until - now if self.left <= 0 and now < self.until else 0.0


class Budget:
    """The rolling windows of a credential, kept by all threads together.

    `now` counts seconds from any fixed moment, `sleep` lets that many seconds pass.
    """

    def __init__(
        self, limits: Sequence[Limit], now: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:
        self._windows = [Window(limit) for limit in limits]
        if not any(window.overall for window in self._windows):
            self._windows.append(Window(UNPUBLISHED))
        self._allowances: dict[str, Allowance] = {}
        self._clock, self._sleep = now, sleep
        self._ahead = 0.0
        self._freed = Condition()

    def narrow(self, limits: Sequence[Limit]) -> None:
        """Keep these limits, too."""
        with self._freed:
            known = {window.limit for window in self._windows}
            self._windows += [Window(limit) for limit in limits if limit not in known]

    @contextmanager
    def place(self, method: str, path: str, announce: Announce) -> Iterator[Place]:
        """Hold a place for one request, after waiting for it; the caller notes when it is sent."""
        windows = self._enter(method, path, announce)
        place = Place()
        try:
            yield place
        finally:
            with self._freed:
                now = self.seconds()
                for window in windows:
                    window.release(place.sent, now)
                self._freed.notify_all()

    def answered(self, quota: Quota, *, good: bool, method: str, path: str) -> None:
        """Learn from the headers of any answer."""
        with self._freed:
            now = self.seconds()
            if good:
                for window in self._covering(method, path):
                    window.grow()
            if quota.rolling is not None:
                maximum, remaining, seconds = quota.rolling
                self._rolling(seconds, maximum).adopt(maximum, remaining, now)
            if quota.remaining is not None and quota.reset:
                self._allow("window", quota.remaining, now + quota.reset)
            if quota.daily_remaining is not None:
                self._allow("day", quota.daily_remaining, now + DAILY_RECHECK)

    def refused(
        self, method: str, path: str, *, sent: float, wait: float, everywhere: bool
    ) -> None:
        """A 429: close for `wait` seconds and go on at half the pace.

        Where the endpoint has limits of its own only these are closed, unless the vendor says
        that it means everything.
        """
        with self._freed:
            now = self.seconds()
            covering = self._covering(method, path)
            own = [window for window in covering if not window.overall]
            meant = covering if everywhere or not own else own
            paced = [window for window in meant if window.limit.seconds <= PACE]
            for window in meant:
                window.closed_until = max(window.closed_until, now + wait)
            for window in paced or [self._pace_within(meant[0])]:
                window.shrink(sent, now)

    def _pace_within(self, quota: Window) -> Window:
        """A short window for what a long quota covers, as the vendor publishes none."""
        asked = replace(UNPUBLISHED, path=quota.limit.path, method=quota.limit.method)
        window = Window(asked)
        self._windows.append(window)
        return window

    def seconds(self) -> float:
        """The budget's own clock."""
        return self._clock() + self._ahead

    def _enter(self, method: str, path: str, announce: Announce) -> list[Window]:
        while True:
            with self._freed:
                now, windows = self.seconds(), self._covering(method, path)
                delays = [window.delay(now) for window in windows]
                if None in delays:
                    self._freed.wait()
                    continue
                wait = max(delay for delay in delays if delay is not None)
                promised = max((a.delay(now) for a in self._allowances.values()), default=0.0)
                if max(wait, promised) <= 0:
                    self._take(windows, now)
                    return windows
            reason = "the vendor's limit" if wait >= promised else "the vendor's remaining quota"
            self._pause(max(wait, promised) + MARGIN, reason, announce)

    def _pause(self, seconds: float, reason: str, announce: Announce) -> None:
        """Sleep outside the lock. A `sleep` that did not let time pass is believed all the same,
        so that tests may make it do nothing.
        """
        announce(seconds, reason)
        wakes = self.seconds() + seconds
        self._sleep(seconds)
        with self._freed:
            missing = wakes - self.seconds()
            self._ahead += missing if missing > NOTICEABLE else 0.0

    def _take(self, windows: list[Window], now: float) -> None:
        for window in windows:
            window.running += 1
        for name, allowance in list(self._allowances.items()):
            allowance.left -= 1
            if allowance.until <= now:
                del self._allowances[name]

    def _covering(self, method: str, path: str) -> list[Window]:
        return [window for window in self._windows if window.covers(method, path)]

    def _rolling(self, seconds: float, maximum: int) -> Window:
        for window in self._windows:
            if window.overall and window.limit.seconds == seconds:
                return window
        window = Window(Limit(maximum, seconds))
        self._windows.append(window)
        return window

    def _allow(self, name: str, remaining: int, until: float) -> None:
        """Answers overtake one another: within one window the lowest count is the true one."""
        known = self._allowances.get(name)
        under_way = max(window.running for window in self._windows)
        left = remaining - under_way
        if known is not None and name == "window" and self.seconds() < known.until:
            left, until = min(left, known.left), known.until
        self._allowances[name] = Allowance(left, until)
