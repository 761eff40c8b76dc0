"""Reading one window of one stream, page by page, into the store."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson
from sqlalchemy import Connection

from cs_sync.contracts.errors import CsSyncError
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Page, Stream
from cs_sync.store.database import Store
from cs_sync.store.forgetting import forget_again
from cs_sync.store.leases import Held, check_lease
from cs_sync.store.pages import Stored, admit_page, main_records, store_page
from cs_sync.store.personal import Eraser
from cs_sync.store.records import Moment
from cs_sync.store.states import OpenWindow, advance
from cs_sync.store.suppression import Suppressed
from cs_sync.sync.windows import sweeps
from cs_sync_schemas import Record


class Interrupted(CsSyncError):
    """The user or the machine asked the run to stop; what is stored stays, the rest resumes."""


class SourceMisbehaves(CsSyncError):
    """A connector or its vendor breaks a promise that the sync relies on."""


@dataclass(frozen=True, slots=True)
class Session:
    """What every reader of a run shares."""

    store: Store
    run_id: str
    held: Held
    clock: Callable[[], datetime]
    emit: Callable[[Event], None]
    keep_raw: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    suppressed: Suppressed = field(default_factory=Suppressed)

    def raise_if_stopped(self) -> None:
        """Raises Interrupted once the run was asked to stop."""
        if self.stop.is_set():
            raise Interrupted("the run was stopped", "run it again: it resumes where it was")


@dataclass(frozen=True, slots=True)
class WindowRead:
    """How many records a window held, and how many the source said it should.

    `more` says that only its first page was read, and that others follow.
    """

    read: int
    expect: int | None
    resume: Any
    more: bool = False


def read_window(
    session: Session,
    source: str,
    stream: Stream,
    opened: OpenWindow,
    parts: list[Stored],
    *,
    tracked: bool = True,
    first: bool = False,
) -> WindowRead:
    """Store every page of a window; each with its resume point, so that a kill costs one page.

    `parts` receives what each page came to, also of a window that fails half-way.
    `tracked` False reads beside the state, for ranges that the user asked for.
    `first` reads no more than the first page, and nothing where that is stored already.
    """
    read, expect = opened.records, None
    before, resume = read, opened.window.resume
    seen: set[bytes] = set()
    session.raise_if_stopped()  # it may have waited for its turn
    if first and resume is not None:
        return WindowRead(read, expect, resume, more=True)
    for page in stream.read(opened.window):
        session.raise_if_stopped()
        _refuse_repeats(stream, resume, seen)
        resume = page.resume if page.resume is not None else resume
        expect = page.expect if page.expect is not None else expect
        read += main_records(stream, page)
        before = before if page.resume is None else read
        part = _store(session, source, stream, page, opened, before if tracked else None)
        parts.append(part)
        detail = {"records": part.records, "changed": part.changed, "rejected": part.rejected}
        session.emit(Event("page_stored", session.clock(), source, stream.name, detail))
        if first and page.resume is not None:
            return WindowRead(read, expect, resume, more=True)
    return WindowRead(read, expect, resume)


def _store(
    session: Session,
    source: str,
    stream: Stream,
    page: Page,
    opened: OpenWindow,
    before: int | None,
) -> Stored:
    """Store one page; `before` is how many records lie before the place to go on from."""
    if not session.suppressed:
        return _store_as_it_is(session, source, stream, page, opened, before)
    # One page at a time: what another stream stores of somebody new to the list must either be
    # there already when they are erased, or not yet be cleaned.
    with session.suppressed.turn:
        clean = _without_suppressed(session, source, page)
        return _store_as_it_is(session, source, stream, clean, opened, before)


def _store_as_it_is(
    session: Session,
    source: str,
    stream: Stream,
    page: Page,
    opened: OpenWindow,
    before: int | None,
) -> Stored:
    admitted, rejected = admit_page(stream, page)
    now = session.clock()
    moment = Moment(source, now, session.keep_raw)

    def work(connection: Connection) -> Stored:
        check_lease(connection, session.held)
        part = store_page(
            connection,
            stream,
            page,
            admitted,
            rejected,
            moment,
            session.run_id,
            confirm=sweeps(stream, opened.window),
        )
        if before is not None:
            advance(
                connection,
                source,
                stream.name,
                opened.partition,
                resume=page.resume,
                records=before,
                now=now,
            )
        return part

    return session.store.transact(work)


def _without_suppressed(session: Session, source: str, page: Page) -> Page:
    """The page without people who were forgotten, also under ids that are new to us."""
    eraser = Eraser(session.suppressed, source)
    newcomers = eraser.unknown_ids(page)
    if newcomers:
        refs, now = [(source, source_id) for source_id in newcomers], session.clock()

        def work(connection: Connection) -> None:
            check_lease(connection, session.held)
            forget_again(connection, session.suppressed, refs, now)

        session.store.transact(work)
    return eraser.page(page)


def _refuse_repeats(stream: Stream, resume: Any, seen: set[bytes]) -> None:
    """Another page after a resume point that was there before would never end."""
    if resume is None:
        return
    # A digest, as the bytes that orjson makes keep hold of kilobytes each.
    point = blake2b(orjson.dumps(resume, default=str), digest_size=16).digest()
    if point in seen:
        raise SourceMisbehaves(
            f"{stream.name}: the source gave the same place to go on from twice",
            "report it to the connector's author; nothing stored is lost",
        )
    seen.add(point)


def tables_of(stream: Stream) -> tuple[str, ...]:
    """Names of the tables that a stream fills."""
    kinds: list[type[Record]] = [stream.record, *stream.extra, *stream.children]
    return tuple(dict.fromkeys(str(kind.__tablename__) for kind in kinds))
