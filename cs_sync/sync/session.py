"""What the readers of a run share, and how a run is stopped."""

import threading
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct, field

from cs_sync.contracts.errors import CsSyncError
from cs_sync.contracts.events import Event
from cs_sync.store.leases import LeasedStore
from cs_sync.store.privacy.suppression import SuppressionList


class Interrupted(CsSyncError):
    """The user or the system stopped the run; stored data stays, the rest resumes."""


class SyncSession(Struct, frozen=True):
    """The shared state of all readers of a run."""

    store: LeasedStore
    run_id: str
    clock: Callable[[], datetime]
    emit: Callable[[Event], None]
    keep_raw: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    suppressed: SuppressionList = field(default_factory=SuppressionList)

    def raise_if_stopped(self) -> None:
        """Raise Interrupted after a request to stop the run."""
        if self.stop.is_set():
            raise Interrupted("the run was stopped", "run it again: it resumes where it was")
