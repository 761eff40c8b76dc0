"""A worker: says that it lives, takes over what dead ones left, and queues what is due."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from secrets import token_hex
from socket import gethostname
from typing import Any, NoReturn, TypeVar

from msgspec import Struct
from sqlalchemy import Connection

from cs_sync.store.control.open import check_control, migrate_control, open_control
from cs_sync.store.control.workers import (
    DEAD_AFTER,
    claim_reaping,
    forget_worker,
    forget_workers,
    read_live_workers,
    record_heartbeat,
)
from cs_sync.store.control.workspaces import (
    WorkspaceEntry,
    change_queued,
    change_workspace,
    lock_due_workspaces,
    read_workspace,
)
from cs_sync.store.engine import Store
from cs_sync.store.reconnect import ConnectionLost
from cs_sync.workers.due_times import (
    Schedule,
    calculate_backoff,
    find_due_slot,
    find_next_due_time,
)
from cs_sync.workers.durable_queue import DurableQueue, QueueClient, Stopped
from cs_sync.workers.run_pool import RunPool
from cs_sync.workers.run_process import AWAY, FAILED, HELD, RunOutcome, RunRequest

T = TypeVar("T")

PLANNED_AT_ONCE = 100
SKIPPED = "skipped"
"""The end of a run that was not begun: its workspace was removed or paused meanwhile."""
_CLEAN_EVERY = 3600.0


class Timing(Struct, frozen=True):
    """The rhythm of a worker, in seconds."""

    tick: float = 1.0
    """Between two heartbeats, and looks at what is due."""
    dead_after: float = DEAD_AFTER
    retry_after: float = 5.0
    retry_for: float = 360.0
    """How long a run waits for another one on its workspace: longer than a lease lives."""


def start_worker(
    url: str,
    concurrency: int,
    stop: threading.Event,
    say: Callable[[str], None],
    timing: Timing | None = None,
) -> None:
    """Run workspaces until stopped.

    Args:
        url: The PostgreSQL that workers share.
        concurrency: Runs at a time.
        stop: Set when the worker is to end, after the pages that its runs are storing.
        say: Tells a person, a sentence at a time.
        timing: The rhythm.

    Raises:
        CsSyncError: The database cannot be opened, or is of another version.
    """
    control = open_control(url)
    try:
        migrate_control(control)
        Worker(control, url, concurrency, stop, say, timing or Timing()).run()
    finally:
        control.close()


class Worker:
    """One worker process.

    Args:
        control: The database that workers share.
        url: Its URL.
        concurrency: Runs at a time.
        stop: Set when the worker is to end.
        say: Tells a person, a sentence at a time.
        timing: The rhythm.
    """

    def __init__(
        self,
        control: Store,
        url: str,
        concurrency: int,
        stop: threading.Event,
        say: Callable[[str], None],
        timing: Timing,
    ) -> None:
        self.id = f"{gethostname()}:{os.getpid()}:{token_hex(3)}"
        self._control, self._url, self._stop, self._say = control, url, stop, say
        self._timing, self._concurrency = timing, concurrency
        self._pool = RunPool(url, stop, timing.retry_after, timing.retry_for)
        self._queue = DurableQueue(url, self.id, concurrency)
        self._client = QueueClient(control.engine)
        self._steady_since = time.monotonic()
        self._cleaned_at = -_CLEAN_EVERY
        self._away = False

    def run(self) -> None:
        """Work until stopped."""
        try:
            self._begin_work()
            while not self._stop.is_set():
                self._tick()
                self._stop.wait(self._timing.tick)
        finally:
            self._stop.set()
            self._pool.wait_for_end()
            self._queue.close()
            with suppress(ConnectionLost), self._control.write() as connection:
                forget_worker(connection, self.id)

    def _begin_work(self) -> None:
        """Begin to take runs, once the database answers."""
        while not self._stop.is_set():
            try:
                self._record_heartbeat()  # before its first run: who is not known to live is dead
                with self._control.translate_errors():
                    self._queue.launch(self._perform, self._record, self._timing.tick)
            except ConnectionLost as error:
                self._report_away(error)
                self._queue.close()
                self._queue = DurableQueue(self._url, self.id, self._concurrency)
                self._stop.wait(self._timing.tick)
            else:
                self._report_back()
                return

    def _tick(self) -> None:
        """Do what is due every second: heartbeat, take-overs, new runs."""
        try:
            check_control(self._control)
            self._record_heartbeat()
            self._take_over()
            self._queue_due()
        except ConnectionLost as error:
            self._report_away(error)
        else:
            self._report_back()

    def _report_away(self, error: ConnectionLost) -> None:
        """Tell once that the database is away."""
        self._steady_since = time.monotonic()
        if not self._away:
            self._say(f"{error.message}; trying again until it answers, nothing is lost")
        self._away = True

    def _report_back(self) -> None:
        """Tell once that the database is back."""
        if self._away:
            self._say("the database answers again")
        self._away = False

    def _record_heartbeat(self) -> None:
        with self._control.write() as connection:
            record_heartbeat(connection, self.id, version("customer-success-sync"))

    def _take_over(self) -> None:
        """Queue again what workers without a heartbeat had begun.

        Not before it could have seen a heartbeat of each: after the database was away, all of
        them are late.
        """
        if time.monotonic() - self._steady_since < self._timing.dead_after:
            return
        within = timedelta(seconds=self._timing.dead_after)
        with self._control.write() as connection:
            if not claim_reaping(connection):
                return
            running = self._queue.list_running()  # first: who has begun one, has said it lives
            live = read_live_workers(connection, within)
            stranded = [run for run, worker in running.items() if worker not in live]
            self._queue.resume(stranded)
            for run in stranded:
                self._say(f"{run}: its worker is dead; another one goes on with it")
            forget_workers(connection, except_for=live)
            if time.monotonic() - self._cleaned_at >= _CLEAN_EVERY:
                self._queue.forget_finished(utc_now())
                self._cleaned_at = time.monotonic()

    def _queue_due(self) -> None:
        """Queue one run for each workspace that is due.

        It stands for all slots that were missed.
        """
        now = utc_now()
        with self._control.write() as connection:
            for entry in lock_due_workspaces(connection, now, PLANNED_AT_ONCE):
                schedule = get_entry_schedule(entry)
                slot = find_due_slot(schedule, now)
                if entry.last_slot is not None and slot <= entry.last_slot:
                    coming = find_next_due_time(schedule, entry.last_slot)
                    change_workspace(connection, entry.name, next_due_at=coming)
                    continue
                self._client.enqueue(connection, entry.name, slot)
                change_workspace(connection, entry.name, queued_slot=slot)

    def _perform(self, name: str, slot: datetime) -> RunOutcome:
        """Perform a queued run, unless its workspace was removed or paused meanwhile."""

        def begin(connection: Connection) -> WorkspaceEntry | None:
            entry = read_workspace(connection, name)
            if entry is None or entry.queued_slot != slot or entry.paused:
                return None
            change_queued(connection, name, slot, started_at=utc_now(), worker=self.id)
            return entry

        entry = self._persist(begin)
        if entry is None:
            return RunOutcome(SKIPPED)
        holder = f"worker {self.id} {token_hex(3)}"
        return self._pool.perform(
            RunRequest(name, entry.config, entry.env_file, slot, holder, self._url)
        )

    def _record(self, name: str, slot: datetime, outcome: RunOutcome) -> None:
        """Record how a run ended, and when the next one is due."""
        known = self._persist(
            lambda connection: record_outcome(connection, name, slot, outcome, utc_now())
        )
        message = f": {outcome.message}" if outcome.message else ""
        if not known:
            self._say(f"{name}: was removed while its run was queued or going on{message}")
        elif outcome.status != SKIPPED:
            self._say(f"{name}: {outcome.status}{message}")

    def _persist(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction, however long the database is away.

        Raises:
            Stopped: The worker was stopped meanwhile.
        """
        while True:
            try:
                return self._control.transact(work)
            except ConnectionLost:
                if self._stop.wait(self._timing.retry_after):
                    raise Stopped from None


def record_outcome(
    connection: Connection, name: str, slot: datetime, outcome: RunOutcome, now: datetime
) -> bool:
    """Record how a run ended, and when the next one is due.

    Doing it twice changes nothing.

    Args:
        connection: A transaction.
        name: The workspace.
        slot: The slot of the run.
        outcome: Its outcome.
        now: The current time.

    Returns:
        Whether the workspace is still there.
    """
    entry = read_workspace(connection, name)
    if entry is None or entry.queued_slot != slot:
        return entry is not None
    schedule = outcome.schedule or get_entry_schedule(entry)
    failures = _count_failures(entry.failures, outcome.status)
    after = max(slot, now + calculate_backoff(failures)) if outcome.status == FAILED else slot
    values: dict[str, Any] = {
        "queued_slot": None,
        "started_at": None,
        "worker": None,
        "last_slot": slot,
        "failures": failures,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "jitter": schedule.jitter,
        "next_due_at": find_next_due_time(schedule, after),
    }
    if outcome.status != SKIPPED:
        values |= {"last_ended_at": now, "last_status": outcome.status}
        values["last_message"] = outcome.message or None
    return change_queued(connection, name, slot, **values)


def end_process(code: int) -> NoReturn:
    """End a worker's process at once, after its runs.

    A thread of DBOS may still wait for the result of a run that another worker has taken over,
    and Python would wait for that thread.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def get_entry_schedule(entry: WorkspaceEntry) -> Schedule:
    """Return the schedule of a workspace as it was last read."""
    return Schedule(entry.name, entry.cron, entry.timezone, entry.jitter)


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def _count_failures(before: int, status: str) -> int:
    """Return how many runs failed since the last one that did not."""
    if status == FAILED:
        return before + 1
    return before if status in (HELD, AWAY, SKIPPED) else 0
