"""The vendors' published limits, enforced to the letter on rolling windows."""

import re
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Limit:
    """So many requests in any so many seconds, on the paths that match."""

    vendor: str
    name: str
    requests: int
    seconds: float
    path: str
    seen: deque[float] = field(default_factory=deque)
    counted: int = 0
    """Requests that the limit let pass, since it began to count."""

    def full(self, now: float) -> bool:
        """Whether one more at `now` would be too many."""
        while self.seen and self.seen[0] <= now - self.seconds:
            self.seen.popleft()
        return len(self.seen) >= self.requests

    def take(self, now: float) -> None:
        """Count one."""
        self.seen.append(now)
        self.counted += 1

    @property
    def allows_in(self) -> float:
        """Seconds that the counted requests take at the pace of the limit."""
        return self.counted * self.seconds / self.requests


def published() -> list[Limit]:
    """Stripe: 100/s, and 25/s per endpoint; HubSpot: 100 in 10 s, and 5 searches a second."""
    endpoints = (
        *("coupons", "customers", "events", "invoices", "prices", "products", "refunds"),
        *("subscription_items", "subscriptions"),
    )
    return [
        Limit("stripe", "stripe", 100, 1.0, "^/v1/"),
        *(Limit("stripe", f"stripe {name}", 25, 1.0, rf"^/v1/{name}\b") for name in endpoints),
        Limit("hubspot", "hubspot", 100, 10.0, "^/crm/"),
        Limit("hubspot", "hubspot search", 5, 1.0, "^/crm/.*/search$"),
    ]


@dataclass(slots=True)
class Guard:
    """Lets requests pass, or names the limit that they broke."""

    enforced: bool
    limits: list[Limit] = field(default_factory=published)
    refused: int = 0

    def admit(self, path: str, now: float) -> Limit | None:
        """None where the request may pass; it counts in every limit that covers it."""
        covering = [limit for limit in self.limits if re.search(limit.path, path)]
        if self.enforced:
            broken = next((limit for limit in covering if limit.full(now)), None)
            if broken is not None:
                self.refused += 1
                return broken
        for limit in covering:
            limit.take(now)
        return None

    def counts(self) -> dict[str, object]:
        """Requests by limit, refusals, and how long the slowest limit would have needed."""
        slowest = max(self.limits, key=lambda limit: limit.allows_in)
        return {
            "requests": {limit.name: limit.counted for limit in self.limits if limit.counted},
            "refused": self.refused,
            "slowest": slowest.name,
            "allows_in": slowest.allows_in,
        }

    def forget(self) -> None:
        """Begin to count anew; what the windows hold stays in them."""
        self.refused = 0
        for limit in self.limits:
            limit.counted = 0
