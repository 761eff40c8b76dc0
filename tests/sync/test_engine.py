"""Syncing: nothing lost and nothing twice, whatever happens on the way."""

import gc
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from cs_sync.contracts.errors import LeaseHeld, PermissionMissing, Throttled, Unreachable
from cs_sync.contracts.source import Page, Stream, Window
from cs_sync.store.engine import Store
from cs_sync.store.leases import LeasedStore, acquire_lease, release_lease
from cs_sync.store.records.rejects import REJECTED
from cs_sync.store.records.stream_state import delete_stream_state, read_stream_position
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.gc_tuning import GC_THRESHOLD
from cs_sync.sync.result import StreamResult, derive_run_status
from cs_sync.sync.session import SyncSession
from cs_sync.sync.windows import BACKFILL_EDGES, ReadRequest
from cs_sync_schemas import Record, Ticket, get_history_table, get_table
from tests.conftest import Clock, migrated_sqlite
from tests.examples import FEW
from tests.sync.scripted import Scripted, stream, tickets

TICKET = get_table(Ticket)
PAGES = [("1", "2"), ("3",), ("4", "5"), ("6",)]
ALL = ["1", "2", "3", "4", "5", "6"]


class Killed(BaseException):
    """The process dies here."""


def run(
    store: Store, clock: Clock, *streams: Stream, request: ReadRequest | None = None
) -> dict[str, StreamResult]:
    clock.advance(minutes=1)
    with store.write() as connection:
        held = acquire_lease(connection, f"run-{clock.now}", clock())
    session = SyncSession(LeasedStore(store, held), "run", clock, lambda _event: None)
    source = Scripted(list(streams)).opened()
    noted: list[StreamResult] = []
    try:
        sync_sources(session, [source], request or ReadRequest(), noted.append)
    finally:
        with store.write() as connection:
            release_lease(connection, held, clock())
    return {outcome.stream: outcome for outcome in noted}


def living(store: Store) -> list[str]:
    with store.read() as connection:
        ids = select(TICKET.c.source_id).where(TICKET.c.deleted_at.is_(None))
        return sorted(connection.scalars(ids))


def following_page(number: int) -> int | None:
    return number + 1 if number + 1 < len(PAGES) else None


def pages(window: Window) -> Iterator[Page]:
    """Four pages; `resume` is the number of the next one."""
    for number, ids in enumerate(PAGES):
        if number >= (window.resume or 0):
            yield Page(tickets(*ids), following_page(number))


def dying_before(page: int, error: BaseException, asked: list[int]) -> Stream:
    def read(window: Window) -> Iterator[Page]:
        for number, ids in enumerate(PAGES):
            if number < (window.resume or 0):
                continue
            asked.append(number)
            if number == page and asked.count(number) == 1:
                raise error
            yield Page(tickets(*ids), following_page(number))

    return stream(read)


def test_everything_is_read_and_the_cursor_moves(store: Store, clock: Clock) -> None:
    outcome = run(store, clock, stream(pages))["tickets"]
    assert (outcome.status, outcome.stored.records, outcome.stored.changed) == ("ok", 6, 6)
    assert living(store) == ALL
    with store.read() as connection:
        standing = read_stream_position(connection, "scripted", "tickets")
    assert standing.cursor == clock.now.isoformat()
    assert standing.windows == ()


def test_a_first_read_over_stored_rows_changes_what_any_other_read_would(
    store: Store, clock: Clock
) -> None:
    run(store, clock, stream(pages))
    with store.write() as connection:
        delete_stream_state(connection, "scripted")

    def later(window: Window) -> Iterator[Page]:
        yield Page(tickets("0"), 1)
        yield Page(tickets("1", "2"), 2)
        yield Page(tickets("1", subject="Export fails"), 3)
        yield Page(tickets("3", "4", "5", "6"), None)

    outcome = run(store, clock, stream(later))["tickets"]
    assert (outcome.status, outcome.stored.records, outcome.stored.changed) == ("ok", 8, 2)
    assert living(store) == ["0", *ALL]


def test_an_id_on_two_pages_of_a_first_read_is_stored_once_as_shown_last(
    store: Store, clock: Clock
) -> None:
    def twice(window: Window) -> Iterator[Page]:
        yield Page(tickets("1", "2", subject="first"), 1)
        clock.advance(minutes=1)
        yield Page(tickets("2", "3", subject="last"), None)

    outcome = run(store, clock, stream(twice))["tickets"]
    assert (outcome.stored.records, outcome.stored.changed) == (4, 4)
    with store.read() as connection:
        subjects = select(TICKET.c.source_id, TICKET.c.subject).order_by(TICKET.c.source_id)
        assert [tuple(row) for row in connection.execute(subjects)] == [
            ("1", "first"),
            ("2", "last"),
            ("3", "last"),
        ]
        history = get_history_table(TICKET)
        assert history is not None
        past = select(history.c.subject).where(history.c.source_id == "2")
        assert list(connection.scalars(past)) == ["first"]


@pytest.mark.parametrize("page", range(len(PAGES)))
def test_killed_before_any_page_the_next_run_asks_for_that_page_first(
    store: Store, clock: Clock, page: int
) -> None:
    asked: list[int] = []
    dying = dying_before(page, Killed(), asked)
    with pytest.raises(Killed):
        run(store, clock, dying)
    assert living(store) == sorted(i for ids in PAGES[:page] for i in ids)
    asked_before = len(asked)
    run(store, clock, dying)
    assert asked[asked_before] == page
    assert living(store) == ALL


def test_a_stream_that_fails_leaves_the_others_alone_and_resumes(
    store: Store, clock: Clock
) -> None:
    asked: list[int] = []
    failing = dying_before(2, Unreachable("no answer", "try later"), asked)
    fine = stream(lambda _window: iter([Page(tickets("x"))]), "other", cursor="none")
    outcomes = run(store, clock, failing, fine)
    assert outcomes["tickets"].status == "failed"
    assert outcomes["tickets"].error == "no answer\n  → try later"
    assert outcomes["tickets"].stored.records == 3
    assert outcomes["other"].status == "ok"
    assert derive_run_status(outcomes.values()) == "partial"
    assert run(store, clock, failing, fine)["tickets"].status == "ok"
    assert living(store) == [*ALL, "x"]


def test_a_quota_that_is_used_up_is_waited_for_by_the_next_run_and_no_failure(
    store: Store, clock: Clock
) -> None:
    waiting = dying_before(2, Throttled("the quota is used up", "run again tomorrow"), [])
    outcomes = run(store, clock, waiting)
    assert outcomes["tickets"].error == "the quota is used up\n  → run again tomorrow"
    assert outcomes["tickets"].stored.records == 3
    assert derive_run_status(outcomes.values()) == "partial"
    away = dying_before(0, Unreachable("no answer", "try later"), [])
    assert derive_run_status(run(store, clock, away).values()) == "failed"
    assert run(store, clock, waiting)["tickets"].status == "ok"
    assert living(store) == ALL


def test_a_missing_permission_fails_the_stream_and_is_no_empty_stream(
    store: Store, clock: Clock
) -> None:
    run(store, clock, stream(pages, cursor="none", deletes="sweep"))

    def forbidden(_window: Window) -> Iterator[Page]:
        raise PermissionMissing("may not read tickets", "grant tickets:read")
        yield

    outcome = run(store, clock, stream(forbidden, cursor="none", deletes="sweep"))["tickets"]
    assert outcome.status == "failed"
    assert living(store) == ALL


def test_a_connector_that_breaks_is_named(store: Store, clock: Clock) -> None:
    def broken(_window: Window) -> Iterator[Page]:
        raise KeyError("data")
        yield

    outcome = run(store, clock, stream(broken))["tickets"]
    assert outcome.error == "the connector scripted broke: KeyError: 'data'"


def test_a_place_to_go_on_from_that_repeats_ends_the_stream(store: Store, clock: Clock) -> None:
    def circling(_window: Window) -> Iterator[Page]:
        while True:
            yield Page(tickets("1"), resume="same")

    outcome = run(store, clock, stream(circling))["tickets"]
    assert outcome.status == "failed"
    assert "twice" in (outcome.error or "")


def test_a_token_that_stays_the_same_at_the_end_is_no_repetition(
    store: Store, clock: Clock
) -> None:
    def exporting(window: Window) -> Iterator[Page]:
        yield Page(tickets("1") if window.resume is None else {}, resume="end", last=True)

    export = stream(exporting, cursor="token")
    assert run(store, clock, export)["tickets"].status == "ok"
    again = run(store, clock, export)["tickets"]
    assert (again.status, again.stored.records) == ("ok", 0)


def test_what_a_complete_read_no_longer_shows_is_gone(store: Store, clock: Clock) -> None:
    run(store, clock, stream(pages, cursor="none", deletes="sweep"))
    fewer = stream(lambda _window: iter([Page(tickets("1", "4"))]), cursor="none", deletes="sweep")
    outcome = run(store, clock, fewer)["tickets"]
    assert outcome.stored.deleted == 4
    assert living(store) == ["1", "4"]


def test_a_sweep_of_most_records_waits_for_confirmation(store: Store, clock: Clock) -> None:
    many = [str(n) for n in range(100)]
    whole = stream(lambda _window: iter([Page(tickets(*many))]), cursor="none", deletes="sweep")
    run(store, clock, whole)
    little = stream(lambda _window: iter([Page(tickets("1"))]), cursor="none", deletes="sweep")
    for asked in (ReadRequest(), ReadRequest(full=True)):
        outcome = run(store, clock, little, request=asked)["tickets"]
        assert outcome.status == "partial"
        assert "99 of 100" in (outcome.error or "")
        assert len(living(store)) == 100
    outcome = run(store, clock, little, request=ReadRequest(full=True, max_deletions=1.0))[
        "tickets"
    ]
    assert (outcome.status, outcome.stored.deleted) == ("ok", 99)
    assert living(store) == ["1"]


@pytest.mark.parametrize("cursor", ["none", "time"])
def test_an_empty_list_where_many_were_deletes_nothing_and_the_next_one_goes_on(
    store: Store, clock: Clock, cursor: Any
) -> None:
    many = [str(n) for n in range(25)]

    def show(*ids: str, request: ReadRequest) -> StreamResult:
        clock.advance(hours=1)
        page = Page(tickets(*ids) if ids else {})
        shown = stream(lambda _window: iter([page]), cursor=cursor, deletes="sweep")
        return run(store, clock, shown, request=request)["tickets"]

    def position() -> Any:
        with store.read() as connection:
            return read_stream_position(connection, "scripted", "tickets").cursor

    show(*many, request=ReadRequest())
    before = position()
    outcome = show(request=ReadRequest(full=True))
    assert (outcome.status, outcome.stored.deleted) == ("partial", 0)
    assert "25 of 25 records are no longer there, and [sync] max_deletions allows 50%" in str(
        outcome.error
    )
    assert "`cs-sync sync --full --only scripted --allow-deletions`" in str(outcome.error)
    assert (len(living(store)), position()) == (25, before)
    assert show(*many, "new", request=ReadRequest()).status == "ok"
    assert len(living(store)) == 26


@pytest.mark.parametrize(
    ("before", "left", "share", "status"),
    [
        (20, 0, 0.5, "ok"),  # so few may all be gone
        (21, 0, 0.5, "partial"),
        (40, 20, 0.5, "ok"),  # the half is not more than half
        (40, 19, 0.5, "partial"),
        (40, 35, 0.1, "partial"),
        (40, 36, 0.1, "ok"),
        (40, 0, 1.0, "ok"),
    ],
)
def test_the_share_that_may_be_deleted_is_a_setting(
    sqlite_store: Store, clock: Clock, before: int, left: int, share: float, status: str
) -> None:
    ids = [str(n) for n in range(before)]
    for shown in (ids, ids[:left]):
        pages = [Page(tickets(*shown) if shown else {})]
        clock.advance(hours=1)
        swept = stream(lambda _window: iter(pages), cursor="none", deletes="sweep")  # noqa: B023
        request = ReadRequest(max_deletions=share)
        outcome = run(sqlite_store, clock, swept, request=request)["tickets"]
    assert outcome.status == status
    assert len(living(sqlite_store)) == (left if status == "ok" else before)


def test_fewer_records_than_the_source_counts_are_read_again(store: Store, clock: Clock) -> None:
    def short(_window: Window) -> Iterator[Page]:
        yield Page(tickets("1", "2"), expect=3)

    outcome = run(store, clock, stream(short))["tickets"]
    assert outcome.status == "partial"
    with store.read() as connection:
        assert read_stream_position(connection, "scripted", "tickets").cursor is None


def test_a_page_that_is_read_again_after_a_crash_is_counted_once(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted twice, the last page would hide that the source gave a record less than it counts."""

    def short(window: Window) -> Iterator[Page]:
        if window.resume is None:
            yield Page(tickets("1", "2"), resume="the rest", expect=5)
        yield Page(tickets("3", "4"), expect=5)

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("cs_sync.sync.stream_sync.advance", killed)
        with pytest.raises(Killed):
            run(store, clock, stream(short))
    outcome = run(store, clock, stream(short))["tickets"]
    assert outcome.status == "partial"
    assert "counts 5 records but gave 4" in (outcome.error or "")


def test_bad_records_are_kept_with_their_reason_until_they_are_good(
    store: Store, clock: Clock
) -> None:
    bad: Mapping[type[Record], Any] = {Ticket: [{"source_id": "1"}, *tickets("2")[Ticket]]}
    outcome = run(store, clock, stream(lambda _w: iter([Page(bad)]), cursor="none"))["tickets"]
    assert (outcome.status, outcome.stored.rejected) == ("partial", 1)
    assert living(store) == ["2"]
    with store.read() as connection:
        [row] = [r._asdict() for r in connection.execute(select(REJECTED))]
    assert (row["source_id"], row["code"], row["raw"]) == ("1", "invalid", {"source_id": "1"})
    assert "opened_at" in row["reason"]
    good = stream(lambda _window: iter([Page(tickets("1", "2"))]), cursor="none")
    assert run(store, clock, good)["tickets"].status == "ok"
    with store.read() as connection:
        assert connection.execute(select(REJECTED)).all() == []


def long_parts(seen: list[Window]) -> Stream:
    """Every window has two pages."""

    def read(window: Window) -> Iterator[Page]:
        seen.append(window)
        yield Page(tickets(f"{window.since}"), resume="behind the first")
        yield Page(tickets(f"{window.since} to {window.until}"))

    return stream(read, splits=True)


def test_a_backfill_of_more_than_a_page_is_split_and_every_part_read_once(
    store: Store, clock: Clock
) -> None:
    seen: list[Window] = []
    assert run(store, clock, long_parts(seen))["tickets"].status == "ok"
    whole, *parts = seen
    assert (whole.since, whole.until) == (None, max(part.until for part in parts))
    assert len({part.since for part in parts}) == len(parts) == len(BACKFILL_EDGES) + 1
    assert len(living(store)) == 2 * len(parts)
    seen.clear()
    run(store, clock, long_parts(seen))
    assert [window.backfill for window in seen] == [False]


def test_what_the_page_before_a_split_held_is_counted_once(store: Store, clock: Clock) -> None:
    def read(window: Window) -> Iterator[Page]:
        bad: Mapping[type[Record], Any] = {Ticket: [{"source_id": "bad"}, *tickets("1")[Ticket]]}
        if window.since is None:
            yield Page(bad, resume="behind the first")
        yield Page({})

    stored = run(store, clock, stream(read, splits=True))["tickets"].stored
    assert (stored.records, stored.main, stored.changed, stored.rejected) == (2, 2, 1, 1)


def test_a_backfill_of_one_page_stays_whole(store: Store, clock: Clock) -> None:
    seen: list[Window] = []

    def read(window: Window) -> Iterator[Page]:
        seen.append(window)
        yield Page(tickets("1"))

    assert run(store, clock, stream(read, splits=True))["tickets"].status == "ok"
    assert [(window.since, window.backfill) for window in seen] == [(None, True)]


def test_a_backfill_that_was_killed_before_it_was_split_is_split_by_the_next_run(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Window] = []

    def killed(*_given: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("cs_sync.sync.stream_sync.StreamSync._open_slices", killed)
        with pytest.raises(Killed):
            run(store, clock, long_parts(seen))
    assert len(seen) == 1
    assert run(store, clock, long_parts(seen))["tickets"].status == "ok"
    *_parts, changes = seen[1:]
    assert len(seen) == 1 + len(BACKFILL_EDGES) + 1 + 1
    assert not changes.backfill
    assert len(living(store)) == 2 * (len(BACKFILL_EDGES) + 1 + 1)


def test_a_run_that_lost_its_lease_stores_nothing_more(store: Store, clock: Clock) -> None:
    def stolen(_window: Window) -> Iterator[Page]:
        yield Page(tickets("1"))
        clock.advance(hours=1)
        with store.write() as connection:
            acquire_lease(connection, "thief", clock())
        yield Page(tickets("2"))

    with pytest.raises(LeaseHeld):
        run(store, clock, stream(stolen))
    assert living(store) == ["1"]


@pytest.mark.slow("syncs many times")
@FEW
@given(deaths=st.lists(st.integers(0, len(PAGES) - 1), max_size=6))
def test_any_series_of_deaths_ends_in_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int]
) -> None:
    clock = Clock()
    with migrated_sqlite(tmp_path_factory.mktemp("law")) as store:
        for page in deaths:
            try:
                run(store, clock, dying_before(page, Killed(), []))
            except Killed:
                continue
        run(store, clock, stream(pages))
        assert living(store) == ALL


def test_the_collector_of_the_process_is_left_as_it_was(store: Store, clock: Clock) -> None:
    during: list[int] = []

    def pages(_window: Window) -> Iterator[Page]:
        during.append(gc.get_threshold()[0])
        yield Page(tickets("1"))
        raise RuntimeError("broken")

    before = gc.get_threshold()
    gc.set_threshold(700, *before[1:])
    try:
        assert run(store, clock, stream(pages))["tickets"].status == "failed"
        assert gc.get_threshold() == (700, *before[1:])
    finally:
        gc.set_threshold(*before)
    assert during == [GC_THRESHOLD]
