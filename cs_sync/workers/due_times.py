"""When a workspace is due: its slots, the newest of the missed ones, and pauses after failures."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from cs_sync.config.cron import compute_delay, find_last_slot, find_next_slot

FIRST_BACKOFF = timedelta(minutes=5)
LONGEST_BACKOFF = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


class Schedule(Struct, frozen=True):
    """The slots of a workspace: a cron in a zone, each begun up to `jitter` seconds late."""

    name: str
    cron: str
    timezone: str
    jitter: float

    @property
    def zone(self) -> ZoneInfo:
        """The reporting zone, in which the cron is read."""
        return ZoneInfo(self.timezone)

    def compute_due_time(self, slot: datetime) -> datetime:
        """Compute when a slot's run may begin."""
        return slot + compute_delay(self.name, slot, self.jitter)


def find_due_slot(schedule: Schedule, now: datetime) -> datetime:
    """Find the newest slot whose run may begin.

    It stands for all that were missed.
    """
    slot = find_last_slot(schedule.cron, schedule.zone, now)
    while schedule.compute_due_time(slot) > now:
        slot = find_last_slot(schedule.cron, schedule.zone, slot - _INSTANT)
    return slot


def find_next_due_time(schedule: Schedule, after: datetime) -> datetime:
    """Find when the first slot after an instant may begin."""
    return schedule.compute_due_time(find_next_slot(schedule.cron, schedule.zone, after))


def calculate_backoff(failures: int) -> timedelta:
    """Calculate the pause after so many failed runs in a row.

    5 minutes, doubled with each further one, up to a day.
    """
    if failures <= 0:
        return timedelta(0)
    doublings = min(failures - 1, 20)
    return min(FIRST_BACKOFF * float(2**doublings), LONGEST_BACKOFF)
