"""A source in memory that tells of changes for thirty days only, as Stripe does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cs_sync.contracts.errors import CsSyncError
from cs_sync.contracts.events import Event
from cs_sync.contracts.source import Page, Rejection, Stream, Window
from cs_sync.store.engine import Store
from cs_sync.store.leases import LeasedStore, acquire_lease, release_lease
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.result import StreamResult
from cs_sync.sync.session import SyncSession
from cs_sync.sync.windows import ReadRequest
from cs_sync_schemas import Ticket
from tests.conftest import Clock
from tests.sync.scripted import Scripted, tickets

TOLD = timedelta(days=30)
A_PAGE = 2


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Forgetful:
    """Tickets that are listed by creation, and a feed of the ids that changed.

    `lives` is how many pages it gives before the reading process dies; `before` is what happens
    while a page is asked for, by the number of the page.
    """

    clock: Clock
    created: dict[str, datetime] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    feed: list[tuple[datetime, str]] = field(default_factory=list)
    bad: dict[str, str | None] = field(default_factory=dict)
    """Tickets that cannot be mapped, and the id that can be told of each."""
    expect: int | None = None
    lives: int | None = None
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    asked: list[Window] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def stream(self, **facts: Any) -> Stream:
        given = {"deletes": "feed", "history": timedelta(days=28), **facts}
        late = timedelta(minutes=10)
        return Stream("tickets", Ticket, self.read, cursor="time", lookback=late, **given)

    def add(self, *ids: str, days_ago: float = 0) -> None:
        for id_ in ids:
            self.created[id_] = self.clock.now - timedelta(days=days_ago)
            self.edit(id_, "new")

    def edit(self, id_: str, subject: str) -> None:
        self.subjects[id_] = subject
        self._tell(id_)

    def delete(self, *ids: str) -> None:
        for id_ in ids:
            del self.created[id_], self.subjects[id_]
            self._tell(id_)

    def _tell(self, id_: str) -> None:
        self.feed.append((self.clock.now, id_))

    def read(self, window: Window) -> Iterator[Page]:
        with self._turn:
            self.asked.append(window)
        parts = self._listed(window) if window.backfill else self._changed(window)
        while True:
            with self._turn:
                page = self._page(*next(parts))
            yield page
            if page.resume is None:
                return

    def _page(self, ids: list[str], resume: Any) -> Page:
        """Time passes with every page."""
        self.clock.advance(seconds=1)
        if self.lives == 0:
            raise Killed
        self.lives = None if self.lives is None else self.lives - 1
        good = [id_ for id_ in ids if id_ in self.created and id_ not in self.bad]
        rows = [row for id_ in good for row in tickets(id_, subject=self.subjects[id_])[Ticket]]
        return Page(
            {Ticket: rows},
            resume,
            {Ticket: [id_ for id_ in ids if id_ not in self.created]},
            [Rejection(Ticket, self.bad[i], "bad", "no date", i) for i in ids if i in self.bad],
            self.expect,
        )

    def _listed(self, window: Window) -> Iterator[tuple[list[str], Any]]:
        """What exists when a page is asked for, by creation; goes on after the last one shown."""
        after, number = window.resume or ["", ""], 0
        while True:
            self.before.pop(number, lambda: None)()
            number += 1
            existing = sorted((at.isoformat(), id_) for id_, at in self.created.items())
            since = window.since.isoformat() if window.since else ""
            own = [k for k in existing if since <= k[0] < window.until.isoformat()]
            rest = [list(k) for k in own if list(k) > after]
            some, after = rest[:A_PAGE], (rest[:A_PAGE] or [after])[-1]
            yield [id_ for _, id_ in some], after if len(rest) > A_PAGE else None

    def _changed(self, window: Window) -> Iterator[tuple[list[str], Any]]:
        """A place in the feed is known as long as what stands there."""
        assert window.since is not None
        least = max(window.since, self.clock.now - TOLD)
        events = [(n, e) for n, e in enumerate(self.feed) if least <= e[0] < window.until]
        if window.resume is not None:
            if window.resume not in [n for n, _ in events]:
                raise CsSyncError("no such event", "it is longer ago than events are kept")
            events = [(n, e) for n, e in events if n > window.resume]
        while True:
            some, events = events[:A_PAGE], events[A_PAGE:]
            yield list(dict.fromkeys(id_ for _, (_, id_) in some)), some[-1][0] if events else None


@dataclass
class Process:
    """One process that syncs a stream, and what it said."""

    outcome: StreamResult | None = None
    warnings: list[str] = field(default_factory=list)


def sync(
    store: Store, clock: Clock, stream: Stream, request: ReadRequest | None = None, name: str = ""
) -> Process:
    """Sync a stream in a process of its own, which may be killed."""
    process = Process()
    clock.advance(minutes=1)

    def hear(event: Event) -> None:
        if event.name == "warning":
            process.warnings.append(str(event.detail["message"]))

    with store.write() as connection:
        held = acquire_lease(connection, f"run-{clock.now}", clock())
    session = SyncSession(LeasedStore(store, held), "run", clock, hear)
    source = Scripted([stream]).opened(name or "scripted")
    with suppress(Killed):
        [process.outcome] = sync_sources(
            session, [source], request or ReadRequest(), lambda _outcome: None
        )
    with store.write() as connection:
        release_lease(connection, held, clock())
    return process
