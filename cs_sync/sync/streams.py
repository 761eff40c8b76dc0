"""Bringing one stream up to date: its windows, its cursor, its sweep."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from operator import add
from typing import Protocol

from sqlalchemy import Connection

from cs_sync.contracts.errors import CsSyncError, LeaseHeld, StoreError, Throttled
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Source, Stream
from cs_sync.store.leases import check_lease
from cs_sync.store.pages import Stored
from cs_sync.store.records import Moment
from cs_sync.store.rejects import any_unnamed, forget_unseen_rejects
from cs_sync.store.states import (
    OpenWindow,
    Standing,
    advance,
    open_windows,
    read_standing,
    set_cursor,
)
from cs_sync.store.sweeping import count_unseen, sweep
from cs_sync.sync.concurrency import Concurrency
from cs_sync.sync.outcome import Outcome, Status
from cs_sync.sync.reading import Interrupted, Session, WindowRead, read_window, tables_of
from cs_sync.sync.windows import (
    Request,
    needs_backfill,
    next_cursor,
    next_windows,
    parts_of,
    sweeps,
)

SWEEP_SHARE = 0.5
SWEEP_FLOOR = 50
"""A sweep that would bury more than this share of more than so many rows has to be confirmed."""


class Count(Protocol):
    """What reading cost."""

    requests: int
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source that is ready to be read; `counting` measures what the calls inside it cost."""

    name: str
    source: Source
    counting: Callable[[str], AbstractContextManager[Count]]
    concurrency: Concurrency = field(default_factory=Concurrency)


@dataclass(slots=True)
class StreamSync:
    """One stream in one run."""

    session: Session
    source: OpenSource
    stream: Stream
    request: Request
    pool: Executor
    parts: list[Stored] = field(default_factory=list)
    costs: list[Count] = field(default_factory=list)

    def run(self) -> Outcome:
        """Read what there is; raises only what must stop the whole run."""
        try:
            problem = self._catch_up()
        except (LeaseHeld, StoreError, Interrupted):
            raise
        except CsSyncError as error:
            outcome = self._outcome("failed", str(error))
            return replace(outcome, throttled=isinstance(error, Throttled))
        except Exception as error:  # noqa: BLE001 - a stranger's mistake must not stop the others
            told = f"the connector {self.source.name} broke: {type(error).__name__}: {error}"
            return self._outcome("failed", told)
        return self._outcome("partial" if problem else "ok", problem)

    def _catch_up(self) -> str | None:
        """Finish the windows that were left open, then read what follows; what is missing."""
        names = (self.source.name, self.stream.name)
        left_open = self.session.store.transact(lambda c: read_standing(c, *names)).windows
        problem = self._read_windows()
        if left_open and not problem and not (self.request.full or self.request.ranged):
            problem = self._read_windows()
        return problem

    def _read_windows(self) -> str | None:
        windows, before = self._open(), len(self.parts)
        parts = parts_of(self.stream, windows)
        reads = self._read_all(windows, first=bool(parts))
        if any(read.more for read in reads):
            windows = self._cut(parts)
            # What the first page held is shown again: only what became of it counts from here.
            again = [replace(p, records=0, main=0, rejected=0) for p in self.parts[before:]]
            self.parts[before:] = again
            reads = self._read_all(windows)
        missing = _missing(reads)
        if missing or self.request.ranged:
            return missing
        return self._close(windows, reads)

    def _read_all(self, windows: Sequence[OpenWindow], *, first: bool = False) -> list[WindowRead]:
        tasks = [self._begin(opened, first) for opened in windows]
        wait(tasks)
        return [task.result() for task in tasks]

    def _cut(self, parts: Sequence[OpenWindow]) -> Sequence[OpenWindow]:
        """Read these in place of the whole that was begun."""

        def work(connection: Connection) -> None:
            check_lease(connection, self.session.held)
            names = (self.source.name, self.stream.name)
            open_windows(connection, *names, parts, self.session.run_id)

        if not self.request.ranged:
            self.session.store.transact(work)
        return parts

    def _open(self) -> Sequence[OpenWindow]:
        names, now = (self.source.name, self.stream.name), self.session.clock()

        def begin(connection: Connection) -> tuple[Standing, Sequence[OpenWindow]]:
            check_lease(connection, self.session.held)
            standing = read_standing(connection, *names)
            windows = next_windows(self.stream, standing, self.request, now)
            if windows is not standing.windows and not self.request.ranged:
                open_windows(connection, *names, windows, self.session.run_id)
            return standing, windows

        standing, windows = self.session.store.transact(begin)
        asked = self.request.full or self.request.ranged or windows is standing.windows
        if not asked and needs_backfill(self.stream, standing, now):
            self._say(now, "the last read is longer ago than changes are told: all is read again")
        return windows

    def _say(self, now: datetime, message: str) -> None:
        name, stream = self.source.name, self.stream.name
        told = {"message": f"{name} {stream}: {message}"}
        self.session.emit(Event("warning", now, name, stream, told))

    def _begin(self, opened: OpenWindow, first: bool) -> Future[WindowRead]:
        """Let a reader in as soon as there is work for one more."""
        self.source.concurrency.enter()
        task = self.pool.submit(self._read, opened, first)
        task.add_done_callback(self.source.concurrency.leave)
        return task

    def _read(self, opened: OpenWindow, first: bool) -> WindowRead:
        tracked = not self.request.ranged
        with self.source.counting(self.stream.name) as cost:
            self.costs.append(cost)
            read = read_window(
                self.session,
                self.source.name,
                self.stream,
                opened,
                self.parts,
                tracked=tracked,
                first=first,
            )
        if tracked and not read.more:
            self._mark_done(opened, read)
        return read

    def _mark_done(self, opened: OpenWindow, read: WindowRead) -> None:
        now = self.session.clock()

        def work(connection: Connection) -> None:
            check_lease(connection, self.session.held)
            advance(
                connection,
                self.source.name,
                self.stream.name,
                opened.partition,
                resume=read.resume,
                records=read.read,
                now=now,
                done=True,
            )

        self.session.store.transact(work)

    def _close(self, windows: Sequence[OpenWindow], reads: Sequence[WindowRead]) -> str | None:
        """All windows are done: sweep what they did not show, and move the cursor.

        Where a sweep has to wait, the cursor stays: the next run must come to the same again.
        """
        now = self.session.clock()
        cursor = next_cursor(self.stream, tuple(windows), reads[-1].resume)

        def work(connection: Connection) -> tuple[str | None, Stored]:
            check_lease(connection, self.session.held)
            problem, swept = None, Stored()
            if all(sweeps(self.stream, opened.window) for opened in windows):
                problem, swept = self._sweep(connection, windows[0].opened_at, now)
            if not problem:
                names = (self.source.name, self.stream.name)
                set_cursor(connection, *names, cursor, self.session.run_id, now)
            return problem, swept

        problem, swept = self.session.store.transact(work)
        self.parts.append(swept)
        return problem

    def _sweep(
        self, connection: Connection, since: datetime, now: datetime
    ) -> tuple[str | None, Stored]:
        """Bury what a complete read did not show; why not, where that would be too bold."""
        name, record = self.source.name, self.stream.record
        gone, living = count_unseen(connection, record, name, since)
        problem = None if self.request.confirmed else _too_many(gone, living)
        if problem:
            return problem, Stored()
        forget_unseen_rejects(connection, name, self.stream.name, since)
        if gone and any_unnamed(connection, name, self.stream.name, record):
            return _unclear(gone, living), Stored()
        return None, sweep(connection, self.stream, since, Moment(name, now)) if gone else Stored()

    def _outcome(self, status: Status, error: str | None) -> Outcome:
        stored = reduce(add, self.parts, Stored())
        if stored.rejected and status == "ok":
            status = "partial"
            were = "record was" if stored.rejected == 1 else "records were"
            error = f"{stored.rejected} {were} rejected; see `cs-sync rejects list`"
        return Outcome(
            source=self.source.name,
            stream=self.stream.name,
            tables=tables_of(self.stream),
            status=status,
            stored=stored,
            requests=sum(cost.requests for cost in self.costs),
            waited_seconds=round(sum(cost.waited_seconds for cost in self.costs), 1),
            error=error,
        )


def _missing(reads: Sequence[WindowRead]) -> str | None:
    short = [read for read in reads if read.expect is not None and read.read < read.expect]
    if not short:
        return None
    read, expect = sum(r.read for r in short), sum(r.expect or 0 for r in short)
    return f"the source counts {expect} records but gave {read}; they are read again next time"


def _too_many(gone: int, living: int) -> str | None:
    if living <= SWEEP_FLOOR or gone <= living * SWEEP_SHARE:
        return None
    return (
        f"{gone} of {living} records are no longer there; they are kept until "
        "`cs-sync sync --full` confirms that they are gone"
    )


def _unclear(gone: int, living: int) -> str:
    return (
        f"{gone} of {living} records were not shown, but others were that have no id; all are "
        "kept until those are mended: see `cs-sync rejects list`"
    )
