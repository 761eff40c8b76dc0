"""The test harness of sources: the real sync into a real database, per process."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Page, Source, Stream, Window
from cs_sync.http import RequestStats, VendorHttp
from cs_sync.store.leases import LeasedStore
from cs_sync.store.records.rejects import read_rejects
from cs_sync.store.records.stream_state import read_cursor_times
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.result import Status, StreamResult, derive_run_status
from cs_sync.sync.session import SyncSession
from cs_sync.sync.stream_sync import OpenSource
from cs_sync.sync.windows import ReadRequest
from cs_sync.testing.fault_transport import (
    READING,
    Fault,
    FaultTransport,
    ProcessKilled,
    SentRequest,
    pass_through,
)
from cs_sync.testing.harness import Harness
from cs_sync.testing.stored import Rows, read_all_rows, read_cursors, read_present_rows
from cs_sync.testing.vendor import VendorFake


@dataclass(slots=True)
class SyncRun:
    """The results of one process before it ended."""

    outcomes: dict[str, StreamResult] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    read: list[tuple[Stream, Page]] = field(default_factory=list)
    """The pages as the connector gave them, unless all streams were read side by side."""
    sent: list[SentRequest] = field(default_factory=list)
    killed: bool = False

    @property
    def status(self) -> Status:
        """The status of all streams together."""
        return derive_run_status(self.outcomes.values())

    @property
    def changed(self) -> int:
        """Number of new or changed rows."""
        return sum(o.stored.changed + o.stored.deleted for o in self.outcomes.values())

    def pages(self, stream: str) -> int:
        """Return the stored pages of a stream."""
        stored = [e for e in self.events if e.name == "page_stored" and e.stream == stream]
        return len(stored)

    def problems(self) -> str:
        """The streams' messages, one a line."""
        return "\n".join(
            f"{name} {outcome.status}: {outcome.error}"
            for name, outcome in self.outcomes.items()
            if outcome.error
        )


@dataclass(frozen=True, slots=True)
class _PartialSource:
    """A source limited to some streams."""

    whole: Source
    given: Sequence[Stream]
    name: str

    def streams(self) -> Sequence[Stream]:
        return self.given


class SyncHarness(Harness[VendorFake]):
    """Runs the real sync; every run is a new process."""

    @cached_property
    def streams(self) -> Sequence[Stream]:
        """Return the connector's streams."""
        with self.open_connector() as source:
            return tuple(source.streams())

    def restore_first_run(self) -> None:
        """Restore the state after an undisturbed first run."""
        reference = run_reference(self.kind)
        self.restore(reference.database)
        self.clock.sleep((reference.ended_at - self.clock.now()).total_seconds())

    def restore(self, database: bytes) -> None:
        """Continue with a copy of an earlier database."""
        self.store.close()
        self.path.write_bytes(database)

    def sync(
        self,
        fault: Fault = pass_through,
        *,
        only: Collection[str] = (),
        full: bool = False,
        side_by_side: bool = False,
        pages: int | None = None,
        keep_raw: bool = False,
    ) -> SyncRun:
        """Sync in one process: stream by stream, or `side_by_side` like the host.

        Stream by stream a backfill is one window, so that it has many pages and the cases are
        fast. `pages` kills the process after so many stored pages. A fault may kill it, too.
        """
        run = SyncRun()

        def emit(event: Event) -> None:
            run.events.append(event)
            if pages is not None and sum(e.name == "page_stored" for e in run.events) >= pages:
                self.wire.dead = True
                raise ProcessKilled

        lease = self.renew_lease()
        session = SyncSession(
            LeasedStore(self.store, lease), lease.holder, self.clock.now, emit, keep_raw
        )
        with self.open_http(fault, emit) as client:
            source = self.kind.connector(self.config(), client)
            streams = [s for s in source.streams() if not only or s.name in only]
            watched = [[_watch_stream(stream, run.read)] for stream in streams]
            groups = [streams] if side_by_side else watched
            try:
                for group in groups:
                    partial_source: Any = (
                        source if side_by_side else _PartialSource(source, group, self.name)
                    )
                    sync_sources(
                        session,
                        [OpenSource(self.name, partial_source, _count_per_stream(client))],
                        ReadRequest(full=full, max_deletions=1.0 if full else 0.5),
                        lambda outcome: run.outcomes.__setitem__(outcome.stream, outcome),
                    )
            except ProcessKilled:
                run.killed = True
        run.sent = list(self.wire.sent)
        return run

    def take_over(self, other: "SyncHarness") -> None:
        """Take another harness's vendor, clock and folder, with an own database."""
        self.clock, self.vendor, self.folder = other.clock, other.vendor, other.folder
        self.wire = FaultTransport(self.vendor.answer, self.clock.now)

    def rows(self) -> Rows:
        """Return all stored rows."""
        with self.store.read() as connection:
            return read_all_rows(connection, self.name, self.streams)

    def present(self) -> Rows:
        """Return the present rows."""
        with self.store.read() as connection:
            return read_present_rows(connection, self.name, self.streams, self.clock.now())

    def rejects(self) -> Sequence[Mapping[str, Any]]:
        """Return the rejected records, with their reasons."""
        with self.store.read() as connection:
            return read_rejects(connection)

    def has_been_read(self, stream: str) -> bool:
        """Return whether a stream was read to its end before."""
        with self.store.read() as connection:
            return (self.name, stream) in read_cursor_times(connection)

    def read_positions(self) -> list[tuple[Any, ...]]:
        """Return the position of the streams."""
        with self.store.read() as connection:
            return read_cursors(connection, self.name)


def _watch_stream(stream: Stream, pages: list[tuple[Stream, Page]]) -> Stream:
    """Return the stream in one window, with each page noted."""

    def read(window: Window) -> Iterator[Page]:
        for page in stream.read(window):
            pages.append((stream, page))
            yield page

    return replace(stream, splits=False, read=read)


def _count_per_stream(client: VendorHttp) -> Callable[[str], Any]:
    """Count requests per stream, and tell the transport which stream sends them."""

    @contextmanager
    def count_requests(stream: str) -> Iterator[RequestStats]:
        token = READING.set(stream)
        try:
            with client.count_requests(stream) as count:
                yield count
        finally:
            READING.reset(token)

    return count_requests


@dataclass(frozen=True, slots=True)
class Reference:
    """The stored rows, rejects and requests of a vendor's undisturbed first run."""

    rows: Rows
    rejects: Sequence[Mapping[str, Any]]
    run: SyncRun
    streams: Mapping[str, Stream]
    database: bytes
    ended_at: datetime


@cache
def run_reference(kind: type[VendorFake]) -> Reference:
    """Run a vendor's undisturbed first sync; done once."""
    with tempfile.TemporaryDirectory() as folder:
        bench = SyncHarness(kind, Path(folder))
        run = bench.sync()
        rows, rejects = bench.rows(), bench.rejects()
        streams = {stream.name: stream for stream in bench.streams}
        bench.close()
        return Reference(rows, rejects, run, streams, bench.path.read_bytes(), bench.clock.now())
