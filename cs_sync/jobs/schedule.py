"""Running a job on the cron of the configuration: every slot once, missed ones together once."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from secrets import token_hex
from socket import gethostname

from cs_sync.config.cron import last_slot, next_slot
from cs_sync.contracts.errors import ConfigError, CsSyncError, LeaseHeld, StoreError
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.slots import (
    INTERRUPTED,
    UNFINISHED,
    Claim,
    claim_slot,
    end_slot,
    newest_slot,
)
from cs_sync.sync.reading import Interrupted

JOB = "run"
LONGEST_WAIT = timedelta(minutes=1)
"""Waits are cut into pieces, so that a machine that slept or a clock that was set is noticed."""

Perform = Callable[[], str]
"""Does the job once and returns its status: ok, partial or failed."""


@dataclass(slots=True)
class Scheduler:
    """Performs a job once for every slot, until `stop` is set.

    The slot's row in the database decides who performs it, so any number of schedulers may run
    on one workspace. What was missed while nobody was there is made up for by one run.
    `wait` waits so many seconds, or until `stop` is set; `say` tells a person.
    """

    workspace: Workspace
    perform: Perform
    stop: threading.Event
    wait: Callable[[float], object]
    say: Callable[[str], None]
    holder: str = field(default_factory=lambda: f"{gethostname()}:{os.getpid()}:{token_hex(3)}")

    def run(self) -> None:
        """Go on until asked to stop. Raises ConfigError when there is no cron."""
        begun = self.workspace.clock()
        cron = _cron(self.workspace)
        while not self.stop.is_set():
            try:
                slot = self._due(cron, begun)
                worked = slot is not None and self._work(slot)
            except StoreError as error:
                self.say(str(error))
                worked = False
            if not worked:
                self._wait(cron)

    def _due(self, cron: str, begun: datetime) -> datetime | None:
        """The newest slot, when its time has come and nobody has finished it."""
        now, zone = self.workspace.clock(), self.workspace.config.workspace.timezone
        slot = last_slot(cron, zone, now)
        if now < slot + jitter(self.workspace, slot):
            return None
        with self.workspace.store.read() as connection:
            newest = newest_slot(connection, JOB)
        if newest is None:  # what was due before the very first start was promised to nobody
            return slot if slot >= begun else None
        unfinished = slot == newest.slot and newest.status in UNFINISHED
        return slot if slot > newest.slot or unfinished else None

    def _work(self, slot: datetime) -> bool:
        """Perform the job unless somebody else does; whether it came to its end."""
        claim = Claim(JOB, slot, self.holder)
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
        """The job's status; interrupted when it was stopped or another run is at work."""
        try:
            return self.perform()
        except (Interrupted, LeaseHeld) as error:
            self.say(str(error))
            return INTERRUPTED
        except CsSyncError as error:
            self.say(f"the run failed: {error}")
        except Exception as error:  # noqa: BLE001 - the next slot may go well
            self.say(f"the run failed: unexpected {type(error).__name__}: {error}")
        return "failed"

    def _wait(self, cron: str) -> None:
        now, zone = self.workspace.clock(), self.workspace.config.workspace.timezone
        slots = (last_slot(cron, zone, now), next_slot(cron, zone, now))
        moments = [slot + jitter(self.workspace, slot) for slot in slots]
        until = min(moment for moment in moments if moment > now)
        self.wait(min(until - now, LONGEST_WAIT).total_seconds())


def jitter(workspace: Workspace, slot: datetime) -> timedelta:
    """How late this workspace begins a slot: evenly spread, and the same whoever asks."""
    name = f"{workspace.config.path}|{workspace.config.workspace.name}|{slot.isoformat()}"
    digest = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
    return timedelta(seconds=workspace.config.schedule.jitter) * (digest / 2**64)


def next_run(workspace: Workspace) -> datetime:
    """When the job begins next, jitter included, in the reporting zone. Raises ConfigError."""
    zone = workspace.config.workspace.timezone
    slot = next_slot(_cron(workspace), zone, workspace.clock())
    return (slot + jitter(workspace, slot)).astimezone(zone)


def _cron(workspace: Workspace) -> str:
    cron = workspace.config.schedule.cron
    if cron is None:
        raise ConfigError(
            f"{workspace.config.path.name} has no [schedule] cron",
            'add it, for example cron = "15 5 * * *" for every day at 05:15',
        )
    return cron
