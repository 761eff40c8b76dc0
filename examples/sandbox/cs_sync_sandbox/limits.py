"""Rolling windows: how many requests a vendor takes in how many seconds."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class RollingWindow:
    """At most `limit` requests per `seconds`, counted for each key on its own."""

    limit: int
    seconds: float
    _taken: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def take(self, key: str, now: datetime) -> float | None:
        """Count one request; return seconds to wait above the limit."""
        stamp, taken = now.timestamp(), self._taken[key]
        while taken and taken[0] <= stamp - self.seconds:
            taken.popleft()
        if len(taken) >= self.limit:
            return taken[0] + self.seconds - stamp
        taken.append(stamp)
        return None

    def remaining(self, key: str) -> int:
        """Return the requests left at the time of the last one.

        Of the last one counted.
        """
        return max(0, self.limit - len(self._taken[key]))
