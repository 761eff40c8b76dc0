"""Scheduled runs on the configured cron: each slot once, and one run for missed slots."""

import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import token_hex
from socket import gethostname

from msgspec import Struct, field

from cs_sync.config.cron import compute_delay, find_last_slot, find_next_slot
from cs_sync.contracts.errors import ConfigError, CsSyncError, LeaseHeld, StoreError
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.reconnect import ConnectionLost
from cs_sync.store.schedule_slots import (
    INTERRUPTED,
    UNFINISHED,
    SlotClaim,
    claim_slot,
    end_slot,
    read_newest_slot,
)
from cs_sync.sync.session import Interrupted

JOB = "run"
LONGEST_WAIT = timedelta(minutes=1)
"""Waits are cut into pieces, so that a machine that slept or a clock that was set is noticed."""

Job = Callable[[], str]
"""Does the job once and returns its status: ok, partial or failed."""


class Scheduler(Struct):
    """A loop that performs a job once per slot, until `stop` is set.

    The slot's row in the database decides who performs it, so any number of schedulers may
    run on one workspace. One run catches up all slots missed while no scheduler was
    running. `wait` waits so many seconds, or until `stop` is set; `say` prints a message.
    """

    workspace: Workspace
    perform: Job
    stop: threading.Event
    wait: Callable[[float], object]
    say: Callable[[str], None]
    holder: str = field(default_factory=lambda: f"{gethostname()}:{os.getpid()}:{token_hex(3)}")

    def run(self) -> None:
        """Perform the job at every slot until stopped.

        Raises:
            ConfigError: No cron is configured.
        """
        begun = self.workspace.clock()
        cron = _get_cron(self.workspace)
        while not self.stop.is_set():
            try:
                slot = self._find_due_slot(cron, begun)
                worked = slot is not None and self._claim_and_perform(slot)
            except StoreError as error:
                self.say(str(error))
                worked = False
            if not worked:
                self._wait(cron)

    def _find_due_slot(self, cron: str, begun: datetime) -> datetime | None:
        """Return the newest slot if it is due and unfinished."""
        now, zone = self.workspace.clock(), self.workspace.config.workspace.timezone
        slot = find_last_slot(cron, zone, now)
        if now < slot + compute_jitter(self.workspace, slot):
            return None
        with self.workspace.store.read() as connection:
            newest = read_newest_slot(connection, JOB)
        if newest is None:  # what was due before the very first start was promised to nobody
            return slot if slot >= begun else None
        unfinished = slot == newest.slot and newest.status in UNFINISHED
        return slot if slot > newest.slot or unfinished else None

    def _claim_and_perform(self, slot: datetime) -> bool:
        """Claim a slot and perform the job.

        Returns:
            Whether this scheduler finished the job.
        """
        claim = SlotClaim(JOB, slot, self.holder)
        with self.workspace.store.write() as connection:
            if not claim_slot(connection, claim, self.workspace.clock()):
                return False
        status = INTERRUPTED
        try:
            status = self._perform()
        finally:
            with self.workspace.store.write() as connection:
                end_slot(connection, claim, status, self.workspace.clock())
        return status != INTERRUPTED

    def _perform(self) -> str:
        """Perform the job and return its status.

        The status is `interrupted` if it was stopped, another run is in progress or the database
        was away.
        """
        try:
            return self.perform()
        except (Interrupted, LeaseHeld, ConnectionLost) as error:
            self.say(str(error))
            return INTERRUPTED
        except CsSyncError as error:
            self.say(f"the run failed: {error}")
        except Exception as error:  # noqa: BLE001 - the next slot may go well
            self.say(f"the run failed: unexpected {type(error).__name__}: {error}")
        return "failed"

    def _wait(self, cron: str) -> None:
        now, zone = self.workspace.clock(), self.workspace.config.workspace.timezone
        slots = (find_last_slot(cron, zone, now), find_next_slot(cron, zone, now))
        moments = [slot + compute_jitter(self.workspace, slot) for slot in slots]
        until = min(moment for moment in moments if moment > now)
        self.wait(min(until - now, LONGEST_WAIT).total_seconds())


def compute_jitter(workspace: Workspace, slot: datetime) -> timedelta:
    """Compute the delay of a slot in this workspace.

    Evenly spread and deterministic.
    """
    config = workspace.config
    name = f"{config.path}|{config.workspace.name}"
    return compute_delay(name, slot, config.schedule.jitter)


def get_next_run(workspace: Workspace) -> datetime:
    """Return the next run's start, with jitter, in the zone.

    Raises:
        ConfigError: No cron is configured.
    """
    zone = workspace.config.workspace.timezone
    slot = find_next_slot(_get_cron(workspace), zone, workspace.clock())
    return (slot + compute_jitter(workspace, slot)).astimezone(zone)


def _get_cron(workspace: Workspace) -> str:
    cron = workspace.config.schedule.cron
    if cron is None:
        raise ConfigError(
            f"{workspace.config.path.name} has no [schedule] cron",
            'add it, for example cron = "15 5 * * *" for every day at 05:15',
        )
    return cron
