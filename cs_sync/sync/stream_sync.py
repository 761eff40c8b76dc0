"""Sync of one stream: its windows, its cursor, its deletions."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import AbstractContextManager
from datetime import datetime
from functools import reduce
from operator import add

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Connection

from cs_sync.contracts.errors import CsSyncError, LeaseHeld, StoreError, Throttled
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Source, Stream
from cs_sync.store.records.counts import StoredCounts
from cs_sync.store.records.delete_unseen import count_unseen, delete_unseen
from cs_sync.store.records.rejects import delete_unseen_rejects, has_unnamed_rejects
from cs_sync.store.records.stream_state import (
    OpenWindow,
    StreamPosition,
    WindowProgress,
    advance,
    read_stream_position,
    save_open_windows,
    set_cursor,
)
from cs_sync.store.records.write import WriteContext
from cs_sync.sync.concurrency import ReaderLimiter
from cs_sync.sync.reader import ErrorSwallowed, ReadCost, StreamReader, WindowResult
from cs_sync.sync.result import Status, StreamResult
from cs_sync.sync.session import Interrupted, SyncSession
from cs_sync.sync.stream_tables import list_stream_tables
from cs_sync.sync.windows import (
    ReadRequest,
    compute_next_cursor,
    needs_backfill,
    plan_windows,
    should_delete_missing,
    split_backfill,
)

MIN_GUARDED_RECORDS = 20
"""Of a stream with more records, no more than the request's share is soft-deleted."""


class OpenSource(Struct, frozen=True):
    """A source ready to be read; `count_requests` measures the cost of the calls inside it."""

    name: str
    source: Source
    count_requests: Callable[[str], AbstractContextManager[ReadCost]]
    concurrency: ReaderLimiter = field(default_factory=ReaderLimiter)


class StreamSync(Struct):
    """The sync of one stream in one run."""

    session: SyncSession
    source: OpenSource
    stream: Stream
    request: ReadRequest
    pool: Executor
    parts: list[StoredCounts] = field(default_factory=list)
    costs: list[ReadCost] = field(default_factory=list)
    is_first: bool = False
    """Whether no read of the stream was complete yet: so hardly anything of it is stored."""

    def run(self) -> StreamResult:
        """Read all windows; raise only what must stop the run."""
        try:
            problem = self._catch_up()
        except (LeaseHeld, StoreError, Interrupted):
            raise
        except CsSyncError as error:
            cause = error.error if isinstance(error, ErrorSwallowed) else error
            outcome = self._build_result("failed", str(error))
            return replace(outcome, throttled=isinstance(cause, Throttled))
        except Exception as error:  # noqa: BLE001 - a stranger's mistake must not stop the others
            message = f"the connector {self.source.name} broke: {type(error).__name__}: {error}"
            return self._build_result("failed", message)
        return self._build_result("partial" if problem else "ok", problem)

    def _catch_up(self) -> str | None:
        """Finish the open windows, then read the following ones.

        Returns what is missing.
        """
        names = (self.source.name, self.stream.name)
        left_open = self.session.store.transact(lambda c: read_stream_position(c, *names)).windows
        problem = self._read_windows()
        if left_open and not problem and not (self.request.full or self.request.is_ranged):
            problem = self._read_windows()
        return problem

    def _read_windows(self) -> str | None:
        windows, before = self._open(), len(self.parts)
        parts = split_backfill(self.stream, windows)
        reads = self._read_all(windows, first=bool(parts))
        if any(read.more for read in reads):
            windows = self._open_slices(parts)
            # What the first page held is shown again: only what became of it counts from here.
            again = [replace(p, records=0, main=0, rejected=0) for p in self.parts[before:]]
            self.parts[before:] = again
            reads = self._read_all(windows)
        missing = _describe_missing(reads)
        if missing or self.request.is_ranged:
            return missing
        return self._close(windows, reads)

    def _read_all(
        self, windows: Sequence[OpenWindow], *, first: bool = False
    ) -> list[WindowResult]:
        tasks = [self._begin_window(opened, first=first) for opened in windows]
        wait(tasks)
        return [task.result() for task in tasks]

    def _open_slices(self, parts: Sequence[OpenWindow]) -> Sequence[OpenWindow]:
        """Replace the open window by these slices."""

        def work(connection: Connection) -> None:
            names = (self.source.name, self.stream.name)
            save_open_windows(connection, *names, parts, self.session.run_id)

        if not self.request.is_ranged:
            self.session.store.transact(work)
        return parts

    def _open(self) -> Sequence[OpenWindow]:
        """Open the windows to read, and warn about an unplanned full read."""
        names, now = (self.source.name, self.stream.name), self.session.clock()
        standing = self._read_position()
        self.is_first = standing.is_first
        windows = plan_windows(self.stream, standing, self.request, now)
        if windows is not standing.windows and not self.request.is_ranged:
            self.session.store.transact(
                lambda c: save_open_windows(c, *names, windows, self.session.run_id)
            )
        requested = self.request.full or self.request.is_ranged or windows is standing.windows
        if not requested and needs_backfill(self.stream, standing, now):
            self._warn_stream(
                now, "the last read is longer ago than changes are told: all is read again"
            )
        return windows

    def _read_position(self) -> StreamPosition:
        """Return the stream's position, without an unusable token."""
        names = (self.source.name, self.stream.name)
        standing = self.session.store.transact(lambda c: read_stream_position(c, *names))
        continues, token = self.stream.continues, standing.cursor
        if continues is None or token is None or self.request.full or continues(token):
            return standing
        return replace(standing, cursor=None)

    def _warn_stream(self, now: datetime, message: str) -> None:
        name, stream = self.source.name, self.stream.name
        detail = {"message": f"{name} {stream}: {message}"}
        self.session.emit(Event("warning", now, name, stream, detail))

    def _begin_window(self, opened: OpenWindow, *, first: bool) -> Future[WindowResult]:
        """Start a reader as soon as the source's limiter admits it."""
        self.source.concurrency.enter()
        task = self.pool.submit(self._read, opened, first=first)
        task.add_done_callback(self.source.concurrency.leave)
        return task

    def _read(self, opened: OpenWindow, *, first: bool) -> WindowResult:
        tracked = not self.request.is_ranged
        with self.source.count_requests(self.stream.name) as cost:
            self.costs.append(cost)
            reader = StreamReader(
                self.session,
                self.source.name,
                self.stream,
                self.parts,
                cost,
                tracked=tracked,
                expects_new=self.is_first,
            )
            read = reader.read_window(opened, first=first)
        if tracked and not read.more:
            self._mark_done(opened, read)
        return read

    def _mark_done(self, opened: OpenWindow, read: WindowResult) -> None:
        now = self.session.clock()

        def work(connection: Connection) -> None:
            window = (self.source.name, self.stream.name, opened.partition)
            advance(connection, *window, WindowProgress(read.resume, read.read, done=True), now)

        self.session.store.transact(work)

    def _close(self, windows: Sequence[OpenWindow], reads: Sequence[WindowResult]) -> str | None:
        """Finish a complete read: delete unseen rows and move the cursor.

        If the deletion has to wait, the cursor stays: the next run must reach the same
        point again.
        """
        now = self.session.clock()
        cursor = compute_next_cursor(self.stream, tuple(windows), reads[-1].resume)

        def work(connection: Connection) -> tuple[str | None, StoredCounts]:
            problem, swept = None, StoredCounts()
            if all(should_delete_missing(self.stream, opened.window) for opened in windows):
                problem, swept = self._delete_unseen(connection, windows[0].opened_at, now)
            if not problem:
                names = (self.source.name, self.stream.name)
                set_cursor(connection, *names, cursor, self.session.run_id, now)
            return problem, swept

        problem, swept = self.session.store.transact(work)
        self.parts.append(swept)
        return problem

    def _delete_unseen(
        self, connection: Connection, since: datetime, now: datetime
    ) -> tuple[str | None, StoredCounts]:
        """Soft-delete rows missing from a complete read, or return the refusal."""
        name, record = self.source.name, self.stream.record
        unseen, living = count_unseen(connection, record, name, since)
        if living > MIN_GUARDED_RECORDS and unseen > living * self.request.max_deletions:
            return self._describe_mass_deletion(unseen, living), StoredCounts()
        delete_unseen_rejects(connection, name, self.stream.name, since)
        if unseen and has_unnamed_rejects(connection, name, self.stream.name, record):
            return _describe_unnamed_rejects(unseen, living), StoredCounts()
        return None, delete_unseen(
            connection, self.stream, since, WriteContext(name, now)
        ) if unseen else StoredCounts()

    def _describe_mass_deletion(self, unseen: int, living: int) -> str:
        return (
            f"{unseen} of {living} records are no longer there, and [sync] max_deletions allows"
            f" {self.request.max_deletions:.0%}: all are kept\n  → if they are gone, run"
            f" `cs-sync sync --full --only {self.source.name} --allow-deletions`"
        )

    def _build_result(self, status: Status, error: str | None) -> StreamResult:
        stored = reduce(add, self.parts, StoredCounts())
        if stored.rejected and status == "ok":
            status = "partial"
            were = "record was" if stored.rejected == 1 else "records were"
            error = f"{stored.rejected} {were} rejected; see `cs-sync rejects list`"
        return StreamResult(
            source=self.source.name,
            stream=self.stream.name,
            tables=list_stream_tables(self.stream),
            status=status,
            stored=stored,
            requests=sum(cost.requests for cost in self.costs),
            waited_seconds=round(sum(cost.waited_seconds for cost in self.costs), 1),
            error=error,
        )


def _describe_missing(reads: Sequence[WindowResult]) -> str | None:
    short = [read for read in reads if read.expect is not None and read.read < read.expect]
    if not short:
        return None
    read, expect = sum(r.read for r in short), sum(r.expect or 0 for r in short)
    return f"the source counts {expect} records but gave {read}; they are read again next time"


def _describe_unnamed_rejects(unseen: int, living: int) -> str:
    return (
        f"{unseen} of {living} records were not shown, but others were that have no id; all are "
        "kept until those are mended: see `cs-sync rejects list`"
    )
