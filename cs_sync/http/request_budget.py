"""The port of rate limits: what the client asks before, at and after each request."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from cs_sync.contracts.http import Limit
from cs_sync.http.rate_limit_headers import RateLimitInfo

OnWait = Callable[[float, str], object]
"""Told (seconds, reason) before each wait; may raise to refuse the wait."""


class Permit(Struct):
    """Permission for one request; `sent` is its start, None before it was sent."""

    sent: float | None = None


class RequestBudget(Protocol):
    """The rate limits of one credential; safe to share between threads.

    `RateLimiter` keeps them within a process, `SharedRateLimiter` among all processes that use
    the same database.
    """

    def add_limits(self, limits: Sequence[Limit]) -> None:
        """Add these limits to the present ones."""
        ...

    def reserve(self, method: str, path: str, announce: OnWait) -> AbstractContextManager[Permit]:
        """Hold a permit for one request, waiting for it if necessary."""
        ...

    def begin_request(self, method: str, path: str, announce: OnWait) -> float:
        """Return when a permitted request begins, which is now."""
        ...

    def record_response(self, quota: RateLimitInfo, *, good: bool, method: str, path: str) -> None:
        """Learn from the rate limit headers of any response."""
        ...

    def record_refusal(
        self, method: str, path: str, *, sent: float, wait: float, everywhere: bool
    ) -> None:
        """Close for `wait` seconds after a 429, and slow down."""
        ...

    def read_clock(self) -> float:
        """Return the time of the budget's own clock, in seconds."""
        ...


MakeBudget = Callable[
    [Sequence[Limit], Callable[[], float], Callable[[float], object]], RequestBudget
]
"""(limits, clock in seconds, sleep) → the budget of a credential."""
