"""A monotonic clock: stored rows are ordered by time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cs_sync.contracts.errors import StoreError

Clock = Callable[[], datetime]

TOLERANCE = timedelta(hours=1)
"""How far back a clock may be set without a word: it stands still until it has caught up."""


def make_monotonic(clock: Clock, latest: datetime | None) -> Clock:
    """Wrap a clock so that it never runs backwards.

    It does not start before `latest` either. Changes are found by their time of storage, so a row
    with an earlier time would be missed.

    Args:
        clock: The clock to wrap.
        latest: The last time stored by a run.

    Raises:
        StoreError: The clock is too far behind `latest`.
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
