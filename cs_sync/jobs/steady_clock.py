"""A clock that never goes back, as what is stored is ordered by time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cs_sync.contracts.errors import StoreError

Clock = Callable[[], datetime]

TOLERANCE = timedelta(hours=1)
"""How far back a clock may be set without a word: it stands still until it has caught up."""


def steady(clock: Clock, latest: datetime | None) -> Clock:
    """The clock, never behind `latest` nor behind what it said before.

    Changes are found by when they were stored, so a row with an earlier time would be overlooked.
    Raises StoreError when the clock is too far behind what the last run has put on record.
    """
    now = clock()
    if latest is not None and now < latest - TOLERANCE:
        raise StoreError(
            f"this machine's clock says {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC, but the last run"
            f" was at {latest.astimezone(UTC):%Y-%m-%d %H:%M}; nothing was done",
            "set the clock; if it was the earlier run's clock that was wrong, restore the database"
            " from a backup of before it",
        )
    turn = threading.Lock()
    newest = now if latest is None else max(now, latest)

    def tell() -> datetime:
        nonlocal newest
        with turn:
            newest = max(newest, clock())
            return newest

    return tell
