"""What every vendor's module is given: the world, the clock and whether limits count.

A vendor module offers `routes(site) -> list[Route]` with its paths under its own prefix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cs_sync_sandbox.world.records import World


@dataclass(frozen=True, slots=True)
class Site:
    """The sandbox as one vendor sees it; `now()` is aware UTC and never before `world.now`."""

    world: World
    now: Callable[[], datetime]
    limits: bool = True


def make_clock(world: World) -> Callable[[], datetime]:
    """Make a clock that runs as the real one, from `today`.

    On the real today it *is* the real clock, so that a client's windows and ours agree.
    """
    offset = timedelta(days=(world.today - datetime.now(UTC).date()).days)
    return lambda: datetime.now(UTC) + offset
