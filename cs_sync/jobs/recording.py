"""A run on record: the lease, the row in `run`, and a heartbeat that keeps both alive."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection

from cs_sync.contracts.errors import CsSyncError, LeaseHeld, StoreError
from cs_sync.contracts.events import Event
from cs_sync.jobs.steady_clock import steady
from cs_sync.jobs.summary import NO_WRITES, RunSummary, stream_rows, worst
from cs_sync.jobs.workspace import Workspace
from cs_sync.store.leases import Held, give_back, renew_lease, take_lease
from cs_sync.store.runs import begin_run, end_run, last_moment, note_streams
from cs_sync.store.suppression import read_suppressed
from cs_sync.sync.outcome import Outcome
from cs_sync.sync.reading import Interrupted, Session
from cs_sync_schemas import RunStream

HEARTBEAT = 60.0


@dataclass(slots=True)
class Recorded:
    """A run in progress; the jobs inside it add what they did."""

    workspace: Workspace
    id: str
    started_at: datetime
    held: Held
    outcomes: list[Outcome] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    writes: dict[str, int] = field(default_factory=lambda: dict(NO_WRITES))
    messages: list[str] = field(default_factory=list)

    def session(self) -> Session:
        """What the readers of this run share."""
        workspace = self.workspace
        with workspace.store.read() as connection:
            suppressed = read_suppressed(connection)
        return Session(
            store=workspace.store,
            run_id=self.id,
            held=self.held,
            clock=workspace.clock,
            emit=workspace.emit,
            keep_raw=workspace.config.database.keep_raw,
            stop=workspace.stop,
            suppressed=suppressed,
        )

    def note(self, outcome: Outcome) -> None:
        """Put a stream's outcome on record as soon as it is known."""
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
        assert row.keys() == RunStream.model_fields.keys()  # noqa: S101 - one definition
        self.workspace.store.transact(lambda connection: note_streams(connection, [row]))

    def summary(self) -> RunSummary:
        """What the run has come to so far."""
        return RunSummary(
            run=self.id,
            status=worst(self.statuses),
            started_at=self.started_at,
            ended_at=self.workspace.clock(),
            streams=stream_rows(self.outcomes),
            writes=self.writes,
            message="\n".join(self.messages),
        )


@contextmanager
def recorded_run(workspace: Workspace, command: str) -> Iterator[Recorded]:
    """Hold the lease and keep the run's record while the body works; raises LeaseHeld."""
    with workspace.store.read() as connection:
        workspace.clock = steady(workspace.clock, last_moment(connection))
    started_at = workspace.clock()
    run_id = f"{started_at:%Y%m%dT%H%M%S}-{token_hex(3)}"

    def begin(connection: Connection) -> Held:
        held = take_lease(connection, run_id, started_at)
        begin_run(connection, run_id, command, started_at)
        return held

    held = workspace.store.transact(begin)
    workspace.emit(Event("run_started", started_at, detail={"run": run_id, "command": command}))
    recorded = Recorded(workspace, run_id, started_at, held)
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(workspace, held, ended), daemon=True)
    beating.start()
    try:
        yield recorded
    except BaseException as error:
        if not isinstance(error, Exception):
            workspace.stop.set()  # who is stopped waits for nothing, not even for the database
        # What went wrong first is what the user has to know, also when no word of it can be kept.
        with suppress(StoreError, Interrupted):
            _end(recorded, _status_after(error), error)
        raise
    else:
        _end(recorded, recorded.summary().status, None)
    finally:
        ended.set()
        beating.join()


def _status_after(error: BaseException) -> str:
    stopped = isinstance(error, Interrupted) or not isinstance(error, CsSyncError)
    return "interrupted" if stopped else "failed"


def _end(recorded: Recorded, status: str, error: BaseException | None) -> None:
    workspace, now = recorded.workspace, recorded.workspace.clock()
    if not isinstance(error, LeaseHeld):
        told = None if error is None else f"{type(error).__name__}: {error}"

        def end(connection: Connection) -> None:
            end_run(connection, recorded.id, status, now, writes=recorded.writes, error=told)
            give_back(connection, recorded.held, now)

        workspace.store.transact(end)
    detail = {"run": recorded.id, "status": status}
    workspace.emit(Event("run_ended", now, detail=detail))


def _beat(workspace: Workspace, held: Held, ended: threading.Event) -> None:
    """Renew the lease while the run lives; losing it stops the run."""
    while not ended.wait(HEARTBEAT):
        try:
            with workspace.store.write() as connection:
                renew_lease(connection, held, workspace.clock())
        except LeaseHeld:
            workspace.stop.set()
            return
        except (StoreError, Interrupted):  # the run finds out by itself; the next may succeed
            continue
