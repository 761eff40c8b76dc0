"""One rolling rate limit: so many requests in any so many seconds."""

import math
import re
from collections import deque
from heapq import heappop, heappush, nsmallest

from msgspec import Struct, field

from cs_sync.contracts.http import Limit

UNPUBLISHED = Limit(requests=10**9, seconds=1.0)
"""Stands in where a vendor publishes no limit: open until a 429 teaches better."""
GROWTH = 0.5
"""Capacity won back per good answer: one full window restores half of what a 429 took."""
MAX_TRIPS = 64
"""Round trips that are remembered, and how many it takes to judge by them."""
TRIP_TOLERANCE = 0.25
"""A request may be on its way by this share of the quickest round trip quicker than any before."""
SCHEDULING_JITTER = 0.02
"""Seconds by which a request may be taken up earlier or later for want of a free processor."""


def limit_covers(limit: Limit, method: str, path: str) -> bool:
    """Return whether a request counts against a limit."""
    return limit.method.upper() in ("", method) and bool(re.search(limit.path, path))


class RateWindow(Struct, eq=False):
    """A rolling window; keeping it also keeps every fixed window of that length.

    The vendor counts a request at some instant between sending and response, so its slot is
    free again one window after the response at the latest. Mostly it is free earlier: two
    requests are counted as far apart as they were sent, give or take the difference of
    their times on the way, which is at most the spread of the round trips. After an
    unexpected 429 the vendor evidently counts differently, and only the response time is
    trusted.
    """

    limit: Limit
    ceiling: float = 0.0
    capacity: float = 0.0
    running: int = 0
    taken: list[float] = field(default_factory=list)
    """A heap: when the places of the requests that were answered are free again."""
    trips: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_TRIPS))
    quickest: float = math.inf
    """Of all trips ever: where requests queue, the next one may find the queue gone."""
    closed_until: float = 0.0
    last_cut: float = -1.0

    def __post_init__(self) -> None:
        self.ceiling = self.capacity = float(max(1, self.limit.requests))

    @property
    def covers_everything(self) -> bool:
        """Whether it covers every request."""
        return not (self.limit.path or self.limit.method)

    def covers(self, method: str, path: str) -> bool:
        """Return whether a request counts in this window."""
        return limit_covers(self.limit, method, path)

    def delay(self, now: float) -> float | None:
        """Return seconds until a slot is free; None while responses are pending."""
        while self.taken and self.taken[0] <= now:
            heappop(self.taken)
        wait = max(0.0, self.closed_until - now)
        surplus = self.running + len(self.taken) - int(self.capacity)
        if surplus < 0:
            return wait
        if surplus >= len(self.taken):
            return None
        return max(wait, nsmallest(surplus + 1, self.taken)[-1] - now)

    def release(self, sent: float | None, now: float) -> None:
        """Free the slot of an answered request one window later.

        Args:
            sent: When it was sent; None if it was not.
            now: The time of the response.
        """
        self.running -= 1
        begins = now
        if sent is not None:
            self.trips.append(now - sent)
            self.quickest = min(self.quickest, now - sent)
            begins = min(now, sent + self._trip_spread())
        heappush(self.taken, begins + self.limit.seconds)

    def _trip_spread(self) -> float:
        """Compute how far two requests' times on the way may differ.

        In seconds.
        """
        if len(self.trips) < MAX_TRIPS or self.last_cut >= 0:
            return math.inf
        return (
            max(self.trips) - self.quickest + max(TRIP_TOLERANCE * self.quickest, SCHEDULING_JITTER)
        )

    def shrink(self, sent: float, now: float) -> None:
        """Halve the capacity, once for all requests sent before the last cut."""
        if sent < self.last_cut:
            return
        used = self.running + len(self.taken)
        unknown = self.limit.requests == UNPUBLISHED.requests
        measured = min(self.capacity, used) if unknown else self.capacity
        self.capacity, self.last_cut = max(1.0, measured / 2), now

    def grow(self) -> None:
        """Restore a little of the lost capacity after a good response."""
        self.capacity = min(self.ceiling, self.capacity + GROWTH)

    def adopt_count(self, maximum: int, remaining: int, now: float) -> None:
        """Adopt the vendor's own count; requests of others count as just answered."""
        self.capacity = maximum if self.capacity >= self.ceiling else min(self.capacity, maximum)
        self.ceiling = float(maximum)
        foreign = maximum - remaining - self.running - len(self.taken)
        for _ in range(foreign):
            heappush(self.taken, now + self.limit.seconds)
