"""A read that swallows an error, or just stops, deletes nothing and moves no cursor."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import func, select

from cs_sync.contracts.errors import (
    CsSyncError,
    PermissionMissing,
    RequestRefused,
    Throttled,
    Unreachable,
)
from cs_sync.contracts.http import Http
from cs_sync.contracts.source import Page, Stream, Window
from cs_sync.http import VendorHttp
from cs_sync.store.engine import Store
from cs_sync.store.leases import LeasedStore, acquire_lease, release_lease
from cs_sync.store.records.stream_state import read_stream_position
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.result import StreamResult, derive_run_status
from cs_sync.sync.session import SyncSession
from cs_sync.sync.stream_sync import OpenSource
from cs_sync.sync.windows import ReadRequest
from cs_sync_schemas import SourceAccount, get_table
from tests.conftest import Clock
from tests.sync.scripted import Scripted

ACCOUNT = get_table(SourceAccount)
ALL, PAGE = 10, 4
Read = Callable[[Http, Window], Iterator[Page]]


def read_page(http: Http, start: int) -> Page:
    """One page of the list of accounts; its place is the number of the next one."""
    answer = http.get("/accounts", {"start": start})
    return Page({SourceAccount: answer["items"]}, answer["next"])


def read_on(http: Http, start: int) -> Iterator[Page]:
    while True:
        page = read_page(http, start)
        yield page
        if page.resume is None:
            return
        start = page.resume


def swallow(*errors: type[CsSyncError]) -> Read:
    def read(http: Http, window: Window) -> Iterator[Page]:
        try:
            yield from read_on(http, window.resume or 0)
        except errors:
            return

    return read


def show_nothing_instead(*errors: type[CsSyncError]) -> Read:
    def read(http: Http, window: Window) -> Iterator[Page]:
        try:
            yield from read_on(http, window.resume or 0)
        except errors:
            yield Page({})

    return read


def leave_a_page_out(http: Http, window: Window) -> Iterator[Page]:
    """A page that cannot be read is skipped, and the next one read."""
    for start in range(window.resume or 0, ALL, PAGE):
        try:
            yield read_page(http, start)
        except Unreachable:
            continue


class Vendor:
    """Ten accounts in three pages; from a request on it answers otherwise."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.other: httpx.Response | None = None
        self.only: int | None = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["start"])
        if self.other is not None and start == (PAGE if self.only is None else self.only):
            return self.other
        items = [{"source_id": f"a{n}"} for n in range(start, min(ALL, start + PAGE))]
        more = start + PAGE if start + PAGE < ALL else None
        return httpx.Response(200, json={"items": items, "next": more})

    def sync(self, store: Store, read: Read) -> StreamResult:
        """Sync a swept stream that is read in this way, in a process of its own."""
        self.clock.advance(minutes=1)
        with store.write() as connection:
            held = acquire_lease(connection, f"run-{self.clock.now}", self.clock())
        session = SyncSession(LeasedStore(store, held), "run", self.clock, lambda _event: None)
        line = httpx.Client(transport=httpx.MockTransport(self.answer))
        with VendorHttp("vendor", now=self.clock, sleep=lambda _s: None, client=line) as client:
            http = client.at("https://vendor.example")
            stream = Stream(
                "accounts", SourceAccount, lambda window: read(http, window), deletes="sweep"
            )
            source = OpenSource("scripted", Scripted([stream]), client.count_requests)
            [outcome] = sync_sources(session, [source], ReadRequest(), lambda _outcome: None)
        with store.write() as connection:
            release_lease(connection, held, self.clock())
        return outcome


@pytest.fixture
def vendor(store: Store, clock: Clock) -> Vendor:
    """A vendor whose accounts are all stored."""
    given = Vendor(clock)
    assert given.sync(store, swallow()).status == "ok"
    assert count_living(store) == ALL
    return given


def count_living(store: Store) -> int:
    with store.read() as connection:
        living = select(func.count()).select_from(ACCOUNT).where(ACCOUNT.c.deleted_at.is_(None))
        return connection.scalar(living) or 0


OUTAGE = httpx.Response(503, json={})
QUOTA = httpx.Response(429, headers={"Retry-After": "7200"}, json={})
FORBIDDEN = httpx.Response(403, json={})


@pytest.mark.parametrize("way", [swallow, show_nothing_instead])
@pytest.mark.parametrize(
    ("error", "response"),
    [(Unreachable, OUTAGE), (Throttled, QUOTA), (PermissionMissing, FORBIDDEN)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_swallowed_error_buries_nobody(
    store: Store, vendor: Vendor, way: Callable[..., Read], error: type, response: httpx.Response
) -> None:
    vendor.other = response
    outcome = vendor.sync(store, way(error))
    assert outcome.status == "failed"
    assert "the connector went on after an error" in (outcome.error or "")
    assert f" {response.status_code}" in (outcome.error or "") or error is Throttled
    assert count_living(store) == ALL
    vendor.other = None
    again = vendor.sync(store, way(error))
    assert (again.status, again.stored.deleted) == ("ok", 0)
    assert count_living(store) == ALL


def test_a_swallowed_quota_is_waited_for_by_the_next_run(store: Store, vendor: Vendor) -> None:
    vendor.other = QUOTA
    outcome = vendor.sync(store, swallow(Throttled))
    assert outcome.throttled
    assert derive_run_status([outcome]) == "partial"


def test_a_page_that_is_left_out_is_read_by_the_next_run(store: Store, vendor: Vendor) -> None:
    """What comes behind it is not stored either, or the next run would go on from there."""
    vendor.other, vendor.only = OUTAGE, PAGE
    outcome = vendor.sync(store, leave_a_page_out)
    assert (outcome.status, outcome.stored.records) == ("failed", PAGE)
    with store.read() as connection:
        [window] = read_stream_position(connection, "scripted", "accounts").windows
    assert window.window.resume == PAGE
    vendor.other = None
    assert vendor.sync(store, swallow()).status == "ok"
    assert count_living(store) == ALL


def test_a_read_that_just_stops_buries_nobody(store: Store, vendor: Vendor) -> None:
    def stop_early(http: Http, _window: Window) -> Iterator[Page]:
        yield read_page(http, 0)

    outcome = vendor.sync(store, stop_early)
    assert outcome.status == "failed"
    assert "ended without a last page" in (outcome.error or "")
    assert count_living(store) == ALL


def test_a_read_without_a_page_is_not_complete(store: Store, vendor: Vendor) -> None:
    def read(_http: Http, _window: Window) -> Iterator[Page]:
        return iter(())

    assert vendor.sync(store, read).status == "failed"
    assert count_living(store) == ALL


def test_a_refusal_is_an_answer_that_a_connector_may_act_on(store: Store, vendor: Vendor) -> None:
    """An object that is gone meanwhile, or a place in a list that no longer exists."""

    def begin_again(http: Http, _window: Window) -> Iterator[Page]:
        try:
            http.get("/accounts", {"start": PAGE})
        except RequestRefused:
            yield from read_on(http, 0)

    vendor.other = httpx.Response(404, json={})
    vendor.only = PAGE
    reads = iter([httpx.Response(404, json={})])
    answer = vendor.answer

    def once(request: httpx.Request) -> httpx.Response:
        if (refusal := next(reads, None)) is not None:
            return refusal
        vendor.other = None
        return answer(request)

    vendor.answer = once  # type: ignore[method-assign]
    assert vendor.sync(store, begin_again).status == "ok"
    assert count_living(store) == ALL
