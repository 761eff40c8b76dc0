"""Read one window of one stream into the store, page by page."""

from hashlib import blake2b
from typing import Any, Protocol

import orjson
from msgspec import Struct
from sqlalchemy import Connection

from cs_sync.contracts.errors import CsSyncError
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Page, Stream
from cs_sync.store.fast.bulk_upserts import RowsExist
from cs_sync.store.privacy.erase import erase_reappeared
from cs_sync.store.privacy.redact_record import RecordRedactor
from cs_sync.store.records.counts import StoredCounts
from cs_sync.store.records.page import (
    ValidPage,
    count_main_records,
    store_page,
    validate_page,
)
from cs_sync.store.records.stream_state import OpenWindow, WindowProgress, advance
from cs_sync.store.records.write import WriteContext
from cs_sync.sync.session import SyncSession
from cs_sync.sync.windows import should_delete_missing


class SourceContractError(CsSyncError):
    """A connector or its vendor violates a guarantee of the source contract."""


SWALLOWED = "the connector went on after an error"


class ErrorSwallowed(SourceContractError):
    """A connector went on after an `error` of its client: what it asked for is missing."""

    def __init__(self, stream: str, error: CsSyncError) -> None:
        super().__init__(
            f"{stream}: {SWALLOWED}, so the read is not complete: {error.message}",
            error.remedy,
        )
        self.error = error


class ReadCost(Protocol):
    """The cost of reading, and the first error that its requests raised."""

    requests: int
    waited_seconds: float
    failure: CsSyncError | None


class WindowResult(Struct, frozen=True):
    """The number of records read from a window, and the number expected by the source.

    `more`: only its first page was read, and others follow.
    """

    read: int
    expect: int | None
    resume: Any
    more: bool = False


class StreamReader(Struct):
    """Reads the windows of one stream into the store.

    `parts` receives the counts of each page, also if a window fails half-way; `cost` remembers
    what the source's client raised. `tracked=False` leaves the stream state alone, for ranges
    requested by the user. `expects_new`: nothing is looked up until a page shows a stored row.
    """

    session: SyncSession
    source: str
    stream: Stream
    parts: list[StoredCounts]
    cost: ReadCost
    tracked: bool = True
    expects_new: bool = False

    def read_window(self, opened: OpenWindow, *, first: bool = False) -> WindowResult:
        """Store every page of a window with its resume point.

        A kill costs one page at most.

        Args:
            opened: The window to read.
            first: Read only the first page, or nothing if it is already stored.

        Raises:
            SourceContractError: No page said that it is the last, or an error was swallowed.
        """
        session, stream = self.session, self.stream
        read, expect, ended = opened.records, None, False
        before, resume = read, opened.window.resume
        resume_points: set[bytes] = set()
        session.raise_if_stopped()  # it may have waited for its turn
        if first and resume is not None:
            return WindowResult(read, expect, resume, more=True)
        for page in stream.read(opened.window):
            session.raise_if_stopped()
            self._refuse_swallowed_error()
            _refuse_repeated_resume(stream, resume, resume_points)
            resume = page.resume if page.resume is not None else resume
            expect = page.expect if page.expect is not None else expect
            ended = page.ends_window
            read += count_main_records(stream, page)
            before = before if page.resume is None else read
            part = self._redact_and_store(page, opened, before)
            self.parts.append(part)
            detail = {
                "records": part.records,
                "changed": part.changed,
                "rejected": part.rejected,
                "window": opened.partition,
                "read": read,
                "expect": expect,
            }
            session.emit(Event("page_stored", session.clock(), self.source, stream.name, detail))
            if first and not ended:
                return WindowResult(read, expect, resume, more=True)
        self._refuse_swallowed_error()
        if not ended:
            raise _unfinished_error(stream)
        return WindowResult(read, expect, resume)

    def _refuse_swallowed_error(self) -> None:
        """Raise if the connector went on after an error of its client."""
        if self.cost.failure is not None:
            raise ErrorSwallowed(self.stream.name, self.cost.failure)

    def _redact_and_store(self, page: Page, opened: OpenWindow, before: int) -> StoredCounts:
        """Store one page without erased people.

        Args:
            page: The page as read.
            opened: The window of the page.
            before: The number of records before the resume point.
        """
        suppressed = self.session.suppressed
        if not suppressed:
            return self._store(page, opened, before)
        # One page at a time: what another stream stores of somebody new to the list must either
        # be there already when they are erased, or not yet be cleaned.
        with suppressed.turn:
            return self._store(_redact_page(self.session, self.source, page), opened, before)

    def _store(self, page: Page, opened: OpenWindow, before: int) -> StoredCounts:
        valid = validate_page(self.stream, page)
        if self.expects_new:
            try:
                return self._store_valid(valid, opened, before)
            except RowsExist:
                self.expects_new = False
        return self._store_valid(valid, opened, before)

    def _store_valid(self, valid: ValidPage, opened: OpenWindow, before: int) -> StoredCounts:
        session, stream = self.session, self.stream
        moment = WriteContext(self.source, session.clock(), session.keep_raw, self.expects_new)
        confirm = should_delete_missing(stream, opened.window)
        progress = WindowProgress(valid.page.resume, before)

        def work(connection: Connection) -> StoredCounts:
            part = store_page(connection, stream, valid, moment, session.run_id, confirm=confirm)
            if self.tracked:
                window = (self.source, stream.name, opened.partition)
                advance(connection, *window, progress, moment.now)
            return part

        return session.store.transact(work)


def _redact_page(session: SyncSession, source: str, page: Page) -> Page:
    """Return the page without erased people, including those with new ids."""
    eraser = RecordRedactor(session.suppressed, source)
    newcomers = eraser.find_unknown_ids(page)
    if newcomers:
        refs, now = [(source, source_id) for source_id in newcomers], session.clock()

        def work(connection: Connection) -> None:
            erase_reappeared(connection, session.suppressed, refs, now)

        session.store.transact(work)
    return eraser.page(page)


def _refuse_repeated_resume(stream: Stream, resume: Any, resume_points: set[bytes]) -> None:
    """Raise if a resume point repeats: the read would never end."""
    if resume is None:
        return
    # A digest, as the bytes that orjson makes keep hold of kilobytes each.
    point = blake2b(orjson.dumps(resume, default=str), digest_size=16).digest()
    if point in resume_points:
        raise SourceContractError(
            f"{stream.name}: the source returned the same cursor twice",
            "report it to the connector's author; nothing stored is lost",
        )
    resume_points.add(point)


def _unfinished_error(stream: Stream) -> SourceContractError:
    return SourceContractError(
        f"{stream.name}: the read ended without a last page, so it is not complete",
        "tell the connector's author: the last page of a window has resume=None, or last=True"
        " with a token; nothing stored is lost",
    )
