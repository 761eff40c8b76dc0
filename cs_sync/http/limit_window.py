"""One limit of a vendor's, kept: so many requests in any so many seconds."""

import math
import re
from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush, nsmallest

from cs_sync.contracts.http import Limit

UNPUBLISHED = Limit(requests=10**9, seconds=1.0)
"""Stands in where a vendor publishes no limit: open until a 429 teaches better."""
GROWTH = 0.5
"""Capacity won back per good answer: one full window restores half of what a 429 took."""
TRIPS = 64
"""Round trips that are remembered, and how many it takes to judge by them."""
QUICKER = 0.25
"""A request may be on its way by this share of the quickest round trip quicker than any before."""
UNEVEN = 0.02
"""Seconds by which a request may be taken up earlier or later for want of a free processor."""


@dataclass(eq=False, slots=True)
class Window:
    """A rolling window; whoever keeps it keeps every window with fixed edges of that length, too.

    The vendor counts a request at some instant between its being sent and its answer, so its place
    is free again a window after the answer at the latest. Mostly it is free earlier: two requests
    are counted as far apart as they were sent, give or take what one was longer on its way than
    the other, and that is no more than round trips differ. After a 429 that nobody could foresee
    the vendor counts otherwise, and the answer alone is trusted.
    """

    limit: Limit
    ceiling: float = 0.0
    capacity: float = 0.0
    running: int = 0
    taken: list[float] = field(default_factory=list)
    """A heap: when the places of the requests that were answered are free again."""
    trips: deque[float] = field(default_factory=lambda: deque(maxlen=TRIPS))
    quickest: float = math.inf
    """Of all trips ever: where requests queue, the next one may find the queue gone."""
    closed_until: float = 0.0
    last_cut: float = -1.0

    def __post_init__(self) -> None:
        self.ceiling = self.capacity = float(max(1, self.limit.requests))

    @property
    def overall(self) -> bool:
        """Does it cover every request?"""
        return not (self.limit.path or self.limit.method)

    def covers(self, method: str, path: str) -> bool:
        """Does a request count in this window?"""
        return self.limit.method.upper() in ("", method) and bool(re.search(self.limit.path, path))

    def delay(self, now: float) -> float | None:
        """Seconds until there is a place; None if only an outstanding answer can tell."""
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
        """A request that was sent then, if at all, has been answered now."""
        self.running -= 1
        begins = now
        if sent is not None:
            self.trips.append(now - sent)
            self.quickest = min(self.quickest, now - sent)
            begins = min(now, sent + self._spread())
        heappush(self.taken, begins + self.limit.seconds)

    def _spread(self) -> float:
        """By how much longer one request may be on its way than another."""
        if len(self.trips) < TRIPS or self.last_cut >= 0:
            return math.inf
        return max(self.trips) - self.quickest + max(QUICKER * self.quickest, UNEVEN)

    def shrink(self, sent: float, now: float) -> None:
        """Halve the capacity, once for all requests that were under way together."""
        if sent < self.last_cut:
            return
        used = self.running + len(self.taken)
        unknown = self.limit.requests == UNPUBLISHED.requests
        known = min(self.capacity, used) if unknown else self.capacity
        self.capacity, self.last_cut = max(1.0, known / 2), now

    def grow(self) -> None:
        """A good answer wins back a little of what was cut."""
        self.capacity = min(self.ceiling, self.capacity + GROWTH)

    def adopt(self, maximum: int, remaining: int, now: float) -> None:
        """Take over the vendor's own count, with what others have used as if just answered."""
        self.capacity = maximum if self.capacity >= self.ceiling else min(self.capacity, maximum)
        self.ceiling = float(maximum)
        foreign = maximum - remaining - self.running - len(self.taken)
        for _ in range(foreign):
            heappush(self.taken, now + self.limit.seconds)
