"""Runs that begin before and end after the clocks are changed, or the year ends."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from sqlalchemy import select

from cs_sync.contracts.source import Page, Stream, Window
from cs_sync.http import VendorHttp
from cs_sync.store.engine import Store
from cs_sync.store.leases import LeasedStore, acquire_lease, release_lease
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.result import StreamResult
from cs_sync.sync.session import SyncSession
from cs_sync.sync.windows import ReadRequest
from cs_sync_posthog.config import PostHogConfig
from cs_sync_posthog.source import PostHogSource
from cs_sync_sandbox.posthog.events import open_events
from cs_sync_sandbox.posthog.hogql import run_query
from cs_sync_sandbox.world import World, build_world
from cs_sync_schemas import Ticket, UsageDay, get_table
from tests.conftest import Clock
from tests.sync.scripted import Scripted

CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("Europe/Berlin", "2026-12-31T23:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("America/New_York", "2027-01-01T05:00"),
]
"""A zone, and the instant (UTC) at which its clocks are changed or its year ends."""
HOURS = {"2026-03-29": 23, "2026-10-25": 25, "2026-03-08": 23, "2026-11-01": 25}
"""How long the days are; all others have 24."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVERY = timedelta(minutes=7)


@pytest.fixture(params=CHANGES, ids=lambda actual: " ".join(actual))
def change(request: pytest.FixtureRequest) -> tuple[ZoneInfo, datetime]:
    zone, at = request.param
    return ZoneInfo(zone), datetime.fromisoformat(at).replace(tzinfo=UTC)


@pytest.fixture
def events(change: tuple[ZoneInfo, datetime]) -> list[datetime]:
    """What happened, every seven minutes of four days around the change."""
    first = change[1] - 48 * HOUR
    return [first + number * EVERY for number in range(96 * 60 // 7)]


def run(store: Store, clock: Clock, stream: Stream, request: ReadRequest) -> StreamResult:
    with store.write() as connection:
        held = acquire_lease(connection, f"run-{clock.now}", clock())
    session = SyncSession(LeasedStore(store, held), "run", clock, lambda _event: None)
    try:
        (outcome,) = sync_sources(
            session, [Scripted([stream]).opened()], request, lambda _outcome: None
        )
    finally:
        with store.write() as connection:
            release_lease(connection, held, clock())
    assert outcome.status == "ok", outcome
    return outcome


def told_in(zone: ZoneInfo, events: list[datetime], clock: Clock) -> Stream:
    """A vendor that writes times as its clock on the wall shows them; a page takes a minute."""

    def read(window: Window) -> Iterator[Page]:
        since = window.since or datetime.min.replace(tzinfo=UTC)
        actual = [at for at in events if since <= at < window.until and at < clock.now]
        for place in range(0, len(actual), 10):
            clock.advance(minutes=1)
            some = [at.astimezone(zone) for at in actual[place : place + 10]]
            rows = [{"source_id": f"t{at.timestamp():.0f}", "opened_at": at} for at in some]
            yield Page({Ticket: rows}, resume=place)
        yield Page({})

    return Stream("tickets", Ticket, read, cursor="time", lag=2 * MINUTE)


def opened(store: Store) -> list[datetime]:
    ticket = get_table(Ticket)
    with store.read() as connection:
        return sorted(connection.scalars(select(ticket.c.opened_at)))


def test_windows_lose_nothing_and_count_nothing_twice(
    change: tuple[ZoneInfo, datetime], events: list[datetime], sqlite_store: Store
) -> None:
    zone, at = change
    clock, counted = Clock(), 0
    # The second of the runs is the one that the change happens to.
    for begins in (at - 30 * HOUR, at - 2 * MINUTE, at + HOUR, at + 90 * MINUTE, at + 60 * HOUR):
        clock.now = begins
        outcome = run(sqlite_store, clock, told_in(zone, events, clock), ReadRequest())
        counted += outcome.stored.records
        settled = [event for event in events if event < begins - 2 * MINUTE]
        assert opened(sqlite_store) == settled
        assert counted == len(settled)
        assert begins != at - 2 * MINUTE or clock.now > at
    assert counted == len(events)


def test_a_day_that_is_asked_for_is_as_long_as_it_was(
    change: tuple[ZoneInfo, datetime], events: list[datetime], sqlite_store: Store
) -> None:
    zone, at = change
    day = at.astimezone(zone).date() - timedelta(days=at.astimezone(zone).hour == 0)
    bounds = [datetime.combine(d, time(), zone) for d in (day, day + timedelta(days=1))]
    clock = Clock(at + 60 * HOUR)
    outcome = run(
        sqlite_store,
        clock,
        told_in(zone, events, clock),
        ReadRequest(since=bounds[0], until=bounds[1]),
    )
    hours = HOURS.get(str(day), 24)
    assert abs(outcome.stored.records * EVERY - hours * HOUR) < EVERY
    assert outcome.stored.records == sum(event.astimezone(zone).date() == day for event in events)
    assert len(opened(sqlite_store)) == outcome.stored.records


@cache
def get_world() -> World:
    """A small Acme, of which these tests need none but the form."""
    return build_world(7, date(2026, 1, 1), accounts=2)


class Project:
    """PostHog's query endpoint: it knows what happened until now, and takes ten minutes."""

    def __init__(self, events: list[datetime], clock: Clock) -> None:
        self.clock = clock
        self.database = open_events(get_world())
        self.database.execute(
            "INSERT INTO log SELECT 'e' || moment, 'saved', 'ann', moment, 'alpha', 'one', '{}'"
            " FROM (SELECT unnest(?)::TIMESTAMP AS moment)",
            [[at.replace(tzinfo=None) for at in events]],
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = orjson.loads(request.content)["query"]
        known = self.clock.now.replace(tzinfo=None).isoformat()
        sql = asked["query"].replace("FROM events", f"FROM {self._until(known)}")
        self.clock.advance(minutes=10)
        return httpx.Response(200, json=run_query(self.database, sql, asked["values"]))

    def _until(self, known: str) -> str:
        view = "CREATE OR REPLACE VIEW known AS SELECT * FROM events"
        self.database.execute(f"{view} WHERE \"$group_0\" = 'alpha' AND timestamp < '{known}'")
        return "known"


@pytest.mark.slow("syncs many times")
def test_every_use_is_in_one_day_of_the_reporting_zone(
    change: tuple[ZoneInfo, datetime], events: list[datetime], sqlite_store: Store
) -> None:
    zone, at = change
    clock = Clock()
    project = Project(events, clock)
    client = httpx.Client(transport=httpx.MockTransport(project.answer))
    values: dict[str, Any] = {"workspace": {"timezone": zone}, "trailing_days": 1}
    config = PostHogConfig.model_validate({"api_key": "phx_for_tests", "project_id": 7, **values})
    with VendorHttp("posthog", client=client) as http:
        streams = {s.name: s for s in PostHogSource(config, http).streams()}
        for begins in (at - 30 * HOUR, at - 5 * MINUTE, at + 26 * HOUR, at + 60 * HOUR):
            clock.now = begins
            run(sqlite_store, clock, streams["usage"], ReadRequest())
            days = whole_days(events, zone, begins)
            assert {day: stored(sqlite_store)[day] for day in days} == days
    assert sum(stored(sqlite_store).values()) == len(events)


def whole_days(events: list[datetime], zone: ZoneInfo, now: datetime) -> Counter[date]:
    """Uses by day, of the days that are over."""
    local = [at.astimezone(zone).date() for at in events]
    return Counter(day for day in local if day < now.astimezone(zone).date())


def stored(store: Store) -> Counter[date]:
    usage = get_table(UsageDay)
    with store.read() as connection:
        rows = connection.execute(select(usage.c.day, usage.c.events)).all()
    assert len({day for day, _ in rows}) == len(rows)
    return Counter(dict(rows))
