"""Recorded runs: the lease, the row in `run`, and a heartbeat that keeps both alive."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import reduce
from operator import add
from secrets import token_hex
from typing import TypeVar

from msgspec import Struct, field
from sqlalchemy import Connection

from cs_sync.alerts.causes import Drop
from cs_sync.contracts.errors import CsSyncError, LeaseHeld, StoreError
from cs_sync.contracts.events import Event
from cs_sync.runtime.monotonic_clock import make_monotonic
from cs_sync.runtime.run_result import NO_WRITES, RunSummary, combine_statuses, format_stream_rows
from cs_sync.runtime.workspace import Workspace
from cs_sync.store.leases import LeasedStore, LeaseToken, acquire_lease, release_lease, renew_lease
from cs_sync.store.privacy.suppression import read_suppression_list
from cs_sync.store.reconnect import ConnectionLost
from cs_sync.store.records.counts import StoredCounts
from cs_sync.store.runs import begin_run, end_run, read_last_run_time, save_run_streams
from cs_sync.store.schedule_slots import SlotClaim, end_slot, take_slot
from cs_sync.sync.result import StreamResult
from cs_sync.sync.session import Interrupted, SyncSession
from cs_sync_schemas.tables import RUN_STREAM

T = TypeVar("T")
HEARTBEAT = 60.0


class RunSession(Struct):
    """A run in progress; jobs add their outcomes, statuses and messages."""

    workspace: Workspace
    id: str
    started_at: datetime
    store: LeasedStore
    outcomes: list[StreamResult] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    writes: dict[str, int] = field(default_factory=lambda: dict(NO_WRITES))
    messages: list[str] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    slot: SlotClaim | None = None
    """The slot of a schedule that ends with the run."""

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Do work in one transaction that checks the lease first.

        Raises:
            LeaseHeld: Another run has taken the lease over.
        """
        return self.store.transact(work)

    def session(self) -> SyncSession:
        """Return the context shared by the readers of this run."""
        workspace = self.workspace
        with self.store.read() as connection:
            suppressed = read_suppression_list(connection)
        return SyncSession(
            store=self.store,
            run_id=self.id,
            clock=workspace.clock,
            emit=workspace.emit,
            keep_raw=workspace.config.database.keep_raw,
            stop=workspace.stop,
            suppressed=suppressed,
        )

    def record_outcome(self, outcome: StreamResult) -> None:
        """Store the outcome of a stream."""
        self.outcomes.append(outcome)
        row = {
            "run_id": self.id,
            "source": outcome.source,
            "stream": outcome.stream,
            "tables": list(outcome.tables),
            "status": outcome.status,
            "ended_at": self.workspace.clock(),
            "records": outcome.stored.records,
            "changed": outcome.stored.changed,
            "rejected": outcome.stored.rejected,
            "deleted": outcome.stored.deleted,
            "requests": outcome.requests,
            "waited_seconds": outcome.waited_seconds,
            "error": outcome.error,
        }
        assert row.keys() == set(RUN_STREAM.c.keys())  # noqa: S101 - one definition
        self.transact(lambda connection: save_run_streams(connection, [row]))

    def summary(self) -> RunSummary:
        """Return the summary of the run so far."""
        return RunSummary(
            run=self.id,
            status=combine_statuses(self.statuses),
            started_at=self.started_at,
            ended_at=self.workspace.clock(),
            streams=format_stream_rows(self.outcomes),
            writes=self.writes,
            message="\n".join(self.messages),
        )


@contextmanager
def record_run(
    workspace: Workspace, command: str, slot: SlotClaim | None = None
) -> Iterator[RunSession]:
    """Hold the lease and record the run during the body.

    Args:
        workspace: The workspace.
        command: The command to record.
        slot: A slot of a schedule; it is taken and ends with the run.

    Raises:
        LeaseHeld: Another run is in progress.
        SlotFinished: The slot was run to its end before.
    """
    with workspace.store.read() as connection:
        workspace.clock = make_monotonic(workspace.clock, read_last_run_time(connection))
    started_at = workspace.clock()
    run_id = f"{started_at:%Y%m%dT%H%M%S}-{token_hex(3)}"

    def begin(connection: Connection) -> LeaseToken:
        lease = acquire_lease(connection, run_id, started_at)
        if slot is not None:
            take_slot(connection, slot, started_at)
        begin_run(connection, run_id, command, started_at)
        return lease

    lease = workspace.store.transact(begin)
    workspace.emit(Event("run_started", started_at, detail={"run": run_id, "command": command}))
    store = LeasedStore(workspace.store, lease)
    recorded = RunSession(workspace, run_id, started_at, store, slot=slot)
    ended = threading.Event()
    renewing = (workspace, lease, ended)
    beating = threading.Thread(target=_renew_lease_until, args=renewing, daemon=True)
    beating.start()
    try:
        yield recorded
    except BaseException as error:
        if not isinstance(error, Exception):
            workspace.stop.set()  # who is stopped waits for nothing, not even for the database
        # What went wrong first is what the user has to know, also when no word of it can be kept.
        with suppress(StoreError, Interrupted):
            _finish_run(recorded, _get_failure_status(error), error)
        raise
    else:
        _finish_run(recorded, recorded.summary().status, None)
    finally:
        ended.set()
        beating.join()


def _get_failure_status(error: BaseException) -> str:
    is_unfinished = isinstance(error, (Interrupted, ConnectionLost))  # its slot may be run again
    stopped = is_unfinished or not isinstance(error, CsSyncError)
    return "interrupted" if stopped else "failed"


def _finish_run(recorded: RunSession, status: str, error: BaseException | None) -> None:
    workspace, now = recorded.workspace, recorded.workspace.clock()
    if not isinstance(error, LeaseHeld):
        message = None if error is None else f"{type(error).__name__}: {error}"

        def end(connection: Connection) -> None:
            end_run(connection, recorded.id, status, now, writes=recorded.writes, error=message)
            if recorded.slot is not None:
                end_slot(connection, recorded.slot, status, now)
            release_lease(connection, recorded.store.lease, now)

        workspace.store.transact(end)
    detail = {"run": recorded.id, "status": status, **_sum_counts(recorded.outcomes)}
    workspace.emit(Event("run_ended", now, detail={**detail, "writes": dict(recorded.writes)}))


def _sum_counts(outcomes: Sequence[StreamResult]) -> dict[str, int]:
    """Return the counts of all streams together."""
    stored = reduce(add, (outcome.stored for outcome in outcomes), StoredCounts())
    return {
        "records": stored.records,
        "changed": stored.changed,
        "rejected": stored.rejected,
        "deleted": stored.deleted,
        "requests": sum(outcome.requests for outcome in outcomes),
    }


def _renew_lease_until(workspace: Workspace, lease: LeaseToken, ended: threading.Event) -> None:
    """Renew the lease until the run ends; stop without it."""
    while not ended.wait(HEARTBEAT):
        try:
            with workspace.store.write() as connection:
                renew_lease(connection, lease, workspace.clock())
        except LeaseHeld:
            workspace.stop.set()
            return
        except (StoreError, Interrupted):  # the run finds out by itself; the next may succeed
            continue
