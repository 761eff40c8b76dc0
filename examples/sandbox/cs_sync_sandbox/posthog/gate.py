"""PostHog's gate: keys, scopes, and the limits that all keys of a project share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from cs_sync_sandbox.keys import POSTHOG_KEY, POSTHOG_NARROW_KEY
from cs_sync_sandbox.limits import RollingWindow
from cs_sync_sandbox.posthog.errors import PostHogError

SCOPES = {
    POSTHOG_KEY: {"query:read", "person:read", "group:read", "survey:read", "user:read"},
    POSTHOG_NARROW_KEY: {"group:read", "survey:read", "user:read"},
}
QUERIES_AT_ONCE = 3


@dataclass
class Gate:
    """Checks keys and counts requests."""

    limits: bool
    running: int = 0
    queries: list[RollingWindow] = field(
        default_factory=lambda: [RollingWindow(240, 60.0), RollingWindow(2400, 3600.0)]
    )
    others: list[RollingWindow] = field(
        default_factory=lambda: [RollingWindow(480, 60.0), RollingWindow(4800, 3600.0)]
    )

    def admit(self, authorization: str, scope: str, now: datetime) -> None:
        """Raise 401 for unknown keys, 403 without scope, 429 above the limit."""
        key = authorization.removeprefix("Bearer ")
        if key not in SCOPES:
            raise PostHogError(
                401, "authentication_error", "authentication_failed", "Invalid personal API key."
            )
        if scope not in SCOPES[key]:
            detail = f"API key missing required scope '{scope}'"
            raise PostHogError(403, "authentication_error", "permission_denied", detail)
        windows = self.queries if scope == "query:read" else self.others
        waits = [window.take("project", now) for window in windows] if self.limits else []
        if late := [wait for wait in waits if wait is not None]:
            raise make_throttled_error(max(late))

    @contextmanager
    def one_query(self) -> Iterator[None]:
        """Hold one of the places for running queries, or raise a 429."""
        if self.limits and self.running >= QUERIES_AT_ONCE:
            raise make_throttled_error(1)
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1


def make_throttled_error(seconds: float) -> PostHogError:
    """Return the 429 that says when to come again."""
    wait = math.ceil(seconds)
    detail = f"Request was throttled. Expected available in {wait} seconds."
    return PostHogError(429, "throttled_error", "throttled", detail, {"Retry-After": str(wait)})
