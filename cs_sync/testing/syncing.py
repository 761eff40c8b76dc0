"""The test bench of sources: the real sync into a real database, process after process."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Source, Stream
from cs_sync.http import Count, VendorHttp
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.outcome import Outcome, Status, run_status
from cs_sync.sync.reading import Session
from cs_sync.sync.streams import OpenSource
from cs_sync.sync.windows import Request
from cs_sync.testing.bench import Bench
from cs_sync.testing.stored import Rows, all_rows, present_rows, standing
from cs_sync.testing.vendor import VendorFake
from cs_sync.testing.wire import READING, Fault, Killed, Sent, Wire, no_fault


@dataclass(slots=True)
class Run:
    """What one process did before it ended."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    killed: bool = False

    @property
    def status(self) -> Status:
        """Of all streams together."""
        return run_status(self.outcomes.values())

    @property
    def changed(self) -> int:
        """Rows that were new or different."""
        return sum(o.stored.changed + o.stored.deleted for o in self.outcomes.values())

    def pages(self, stream: str) -> int:
        """Pages of a stream that were stored."""
        stored = [e for e in self.events if e.name == "page_stored" and e.stream == stream]
        return len(stored)

    def problems(self) -> str:
        """What the streams say of themselves, one a line."""
        return "\n".join(
            f"{name} {outcome.status}: {outcome.error}"
            for name, outcome in self.outcomes.items()
            if outcome.error
        )


@dataclass(frozen=True, slots=True)
class _Only:
    """A source of which only some streams are read, one request at a time."""

    whole: Source
    given: Sequence[Stream]
    name: str
    concurrency: int = 1

    def streams(self) -> Sequence[Stream]:
        return self.given


class SyncBench(Bench[VendorFake]):
    """Runs the real sync; every run is a new process."""

    @cached_property
    def streams(self) -> Sequence[Stream]:
        """The connector's streams, for the facts they state."""
        with self.opened() as source:
            return tuple(source.streams())

    def begin_synced(self) -> None:
        """Begin where an undisturbed first run ends, without running it once more."""
        found = reference(self.kind)
        self.restore(found.database)
        self.clock.sleep((found.ended_at - self.clock.now()).total_seconds())

    def restore(self, database: bytes) -> None:
        """Go on with a copy of the database that was made before."""
        self.store.close()
        self.path.write_bytes(database)

    def sync(
        self,
        fault: Fault = no_fault,
        *,
        only: Collection[str] = (),
        full: bool = False,
        side_by_side: bool = False,
        pages: int | None = None,
        keep_raw: bool = False,
    ) -> Run:
        """One process syncs: stream by stream, or as the host does it, `side_by_side`.

        Stream by stream a backfill is one window, so that its pages are many and the cases quick.

        `pages`: it dies after so many stored pages. A fault may kill it as well.
        """
        run = Run()

        def emit(event: Event) -> None:
            run.events.append(event)
            if pages is not None and sum(e.name == "page_stored" for e in run.events) >= pages:
                self.wire.dead = True
                raise Killed

        held = self.lease()
        session = Session(self.store, held.holder, held, self.clock.now, emit, keep_raw)
        with self.door(fault, emit) as door:
            source = self.kind.connector(self.config(), door)
            streams = [s for s in source.streams() if not only or s.name in only]
            whole = [replace(stream, splits=False) for stream in streams]
            groups = [streams] if side_by_side else [[stream] for stream in whole]
            try:
                for group in groups:
                    some: Any = source if side_by_side else _Only(source, group, self.name)
                    sync_sources(
                        session,
                        [OpenSource(self.name, some, _counting(door))],
                        Request(full=full, confirmed=full),
                        lambda outcome: run.outcomes.__setitem__(outcome.stream, outcome),
                    )
            except Killed:
                run.killed = True
        run.sent = list(self.wire.sent)
        return run

    def take_over(self, other: "SyncBench") -> None:
        """Go on with another bench's vendor, clock and folder, and with a database of our own."""
        self.clock, self.vendor, self.folder = other.clock, other.vendor, other.folder
        self.wire = Wire(self.vendor.answer, self.clock.now)

    def rows(self) -> Rows:
        """Everything stored."""
        with self.store.read() as connection:
            return all_rows(connection, self.name, self.streams)

    def present(self) -> Rows:
        """What is stored as true now."""
        with self.store.read() as connection:
            return present_rows(connection, self.name, self.streams, self.clock.now())

    def standing(self) -> list[tuple[Any, ...]]:
        """How far the streams have come."""
        with self.store.read() as connection:
            return standing(connection, self.name)


def _counting(door: VendorHttp) -> Callable[[str], Any]:
    """The door's count per stream, which also tells the wire whose requests these are."""

    @contextmanager
    def counting(stream: str) -> Iterator[Count]:
        token = READING.set(stream)
        try:
            with door.counting(stream) as count:
                yield count
        finally:
            READING.reset(token)

    return counting


@dataclass(frozen=True, slots=True)
class Reference:
    """What an undisturbed first run of a vendor stores, and what it took."""

    rows: Rows
    run: Run
    streams: Mapping[str, Stream]
    database: bytes
    ended_at: datetime


@cache
def reference(kind: type[VendorFake]) -> Reference:
    """The undisturbed first run of a vendor, done once."""
    with tempfile.TemporaryDirectory() as folder:
        bench = SyncBench(kind, Path(folder))
        run = bench.sync()
        rows, streams = bench.rows(), {stream.name: stream for stream in bench.streams}
        bench.close()
        return Reference(rows, run, streams, bench.path.read_bytes(), bench.clock.now())
