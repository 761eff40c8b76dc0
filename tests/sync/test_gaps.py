"""Gaps: what was deleted while nobody listened is learnt from a complete read."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select

from cs_sync.contracts.source import Page, Stream, Window
from cs_sync.store.engine import Store
from cs_sync.store.records import write as records
from cs_sync.store.records.stream_state import read_stream_position
from cs_sync.sync.windows import ReadRequest
from cs_sync_schemas import Invoice, InvoiceLine, Record, Ticket, get_table
from tests.conftest import NOW, Clock, migrated_sqlite
from tests.examples import FEW
from tests.sync.forgetful import Forgetful, sync
from tests.sync.test_children import invoice, line
from tests.sync.test_children import living as living_of
from tests.sync.test_engine import living

FULL = ReadRequest(full=True)
"""As `sync --full` asks."""
GAP = timedelta(days=40).days
AGES = (2000, 700, 400, 100, 90, 30, 3)
"""Days since each ticket of the start was created: several in one part of a split backfill."""


@pytest.fixture
def vendor(clock: Clock) -> Forgetful:
    made = Forgetful(clock)
    for number, age in enumerate(AGES):
        made.add(str(number), days_ago=age)
    return made


def cursor(store: Store) -> Any:
    with store.read() as connection:
        return read_stream_position(connection, "scripted", "tickets").cursor


def subjects(store: Store) -> dict[str, str]:
    table = get_table(Ticket)
    with store.read() as connection:
        alive = select(table.c.source_id, table.c.subject).where(table.c.deleted_at.is_(None))
        return {row.source_id: row.subject for row in connection.execute(alive)}


@pytest.mark.parametrize("splits", [False, True])
def test_what_was_deleted_in_a_gap_is_gone(
    store: Store, clock: Clock, vendor: Forgetful, splits: bool
) -> None:
    stream = vendor.stream(splits=splits)
    sync(store, clock, stream)
    vendor.delete("1", "4")
    vendor.add("new")
    clock.advance(days=GAP)
    opened = clock.now + timedelta(minutes=1)
    process = sync(store, clock, stream)
    assert process.outcome is not None
    assert (process.outcome.status, process.outcome.stored.deleted) == ("ok", 2)
    assert process.outcome.stored.changed == 1, "what did not change is not written"
    assert living(store) == ["0", "2", "3", "5", "6", "new"]
    assert "all is read again" in process.warnings[0]
    assert cursor(store) == opened.isoformat(), "events since the opening are still to be read"


@pytest.mark.parametrize(
    ("splits", "pages"), [*((False, pages) for pages in range(3)), *((True, n) for n in range(8))]
)
def test_killed_at_any_page_of_the_second_backfill_it_ends_as_it_should(
    sqlite_store: Store, clock: Clock, vendor: Forgetful, pages: int, splits: bool
) -> None:
    """What was shown before the death counts as shown, what was deleted after it is told later."""
    store, stream = sqlite_store, vendor.stream(splits=splits)
    sync(store, clock, stream)
    vendor.delete("2")
    clock.advance(days=GAP)
    vendor.lives = pages
    assert sync(store, clock, stream).outcome is None
    assert set(living(store)) >= set(vendor.created), "nothing is buried before all was read"
    vendor.lives = None
    vendor.delete("0")
    vendor.add("new")
    assert sync(store, clock, stream).warnings == [], "it goes on, and does not begin anew"
    sync(store, clock, stream)
    assert living(store) == ["1", "3", "4", "5", "6", "new"]


def test_a_backfill_left_open_for_a_gap_is_followed_by_another(
    sqlite_store: Store, clock: Clock, vendor: Forgetful
) -> None:
    """What it had shown and was deleted since, no event tells of any more."""
    store, stream = sqlite_store, vendor.stream()
    vendor.lives = 2
    sync(store, clock, stream)
    vendor.lives = None
    assert "0" in living(store)
    vendor.delete("0")
    clock.advance(days=GAP)
    sync(store, clock, stream)
    assert living(store) == sorted(vendor.created)


def test_a_feed_left_open_for_a_gap_is_given_up_for_a_backfill(
    sqlite_store: Store, clock: Clock, vendor: Forgetful
) -> None:
    """The place where it was left is forgotten as well: going on there would fail for ever."""
    store, stream = sqlite_store, vendor.stream()
    sync(store, clock, stream)
    clock.advance(hours=1)
    vendor.delete("0", "1", "2")
    vendor.lives = 1
    clock.advance(minutes=1)
    sync(store, clock, stream)
    assert living(store) == ["2", "3", "4", "5", "6"]
    vendor.lives = None
    clock.advance(days=GAP)
    process = sync(store, clock, stream)
    assert process.outcome is not None
    assert process.outcome.status == "ok"
    assert process.warnings
    assert living(store) == ["3", "4", "5", "6"]


def test_what_happens_during_the_backfill_is_neither_lost_nor_swept(
    store: Store, clock: Clock, vendor: Forgetful
) -> None:
    """Deleted after it was shown, deleted before its page, and added: the next run has it all."""
    stream = vendor.stream()
    sync(store, clock, stream)
    clock.advance(days=GAP)
    vendor.before = {1: lambda: vendor.delete("0"), 2: lambda: vendor.delete("6")}
    vendor.before[0] = lambda: vendor.add("new")
    sync(store, clock, stream)
    assert living(store) == ["0", "1", "2", "3", "4", "5"]
    clock.advance(hours=1)
    sync(store, clock, stream)
    assert vendor.asked[-1].backfill is False
    assert living(store) == ["1", "2", "3", "4", "5", "new"]


@pytest.mark.parametrize("splits", [False, True])
def test_a_full_read_learns_of_deletions_at_once(
    store: Store, clock: Clock, vendor: Forgetful, splits: bool
) -> None:
    stream = vendor.stream(splits=splits)
    sync(store, clock, stream)
    vendor.delete("3")
    clock.advance(hours=1)
    vendor.before = {0: lambda: vendor.delete("2")} if splits else {2: lambda: vendor.delete("2")}
    sync(store, clock, stream, FULL)
    assert "3" not in living(store)
    sync(store, clock, stream)
    assert vendor.asked[-1].backfill is False
    assert living(store) == ["0", "1", "4", "5", "6"]


def test_a_sweep_of_most_rows_waits_and_is_spoken_of_until_it_is_confirmed(
    sqlite_store: Store, clock: Clock, vendor: Forgetful
) -> None:
    store, stream = sqlite_store, vendor.stream()
    many = [f"m{number:02}" for number in range(60)]
    vendor.add(*many, days_ago=10)
    sync(store, clock, stream)
    vendor.delete(*many)
    clock.advance(days=GAP)
    for _ in range(2):
        outcome = sync(store, clock, stream).outcome
        assert outcome is not None
        assert outcome.status == "partial"
        assert f"60 of {60 + len(AGES)} records are no longer there" in (outcome.error or "")
        assert len(living(store)) == 60 + len(AGES)
        clock.advance(hours=1)
    vendor.add("new")
    clock.advance(minutes=1)
    outcome = sync(store, clock, stream, replace(FULL, max_deletions=1.0)).outcome
    assert outcome is not None
    assert (outcome.status, outcome.stored.deleted) == ("ok", 60)
    assert living(store) == sorted(vendor.created)
    sync(store, clock, stream)
    assert vendor.asked[-1].backfill is False


def test_a_range_sweeps_nothing(sqlite_store: Store, clock: Clock, vendor: Forgetful) -> None:
    store, stream = sqlite_store, vendor.stream()
    sync(store, clock, stream)
    vendor.delete("1")
    clock.advance(days=GAP)
    before = cursor(store)
    for request in (ReadRequest(since=NOW - timedelta(days=120)), ReadRequest(until=NOW)):
        sync(store, clock, stream, request)
        assert living(store) == [str(number) for number in range(len(AGES))]
        assert cursor(store) == before
    sync(store, clock, stream)
    assert living(store) == sorted(vendor.created)


def test_fewer_than_the_source_counts_is_no_complete_read(
    sqlite_store: Store, clock: Clock, vendor: Forgetful
) -> None:
    store, stream = sqlite_store, vendor.stream()
    sync(store, clock, stream)
    before = cursor(store)
    vendor.delete("1")
    vendor.expect = len(AGES)
    clock.advance(days=GAP)
    outcome = sync(store, clock, stream).outcome
    assert outcome is not None
    assert outcome.status == "partial"
    assert "1" in living(store)
    assert cursor(store) == before
    vendor.expect = len(AGES) - 1
    sync(store, clock, stream)
    assert living(store) == sorted(vendor.created)


def test_what_was_refused_with_its_id_is_not_gone(
    store: Store, clock: Clock, vendor: Forgetful
) -> None:
    stream = vendor.stream()
    sync(store, clock, stream)
    vendor.delete("1")
    vendor.bad = {"2": "2"}
    clock.advance(days=GAP)
    outcome = sync(store, clock, stream).outcome
    assert outcome is not None
    assert (outcome.status, outcome.stored.deleted) == ("partial", 1)
    assert living(store) == ["0", "2", "3", "4", "5", "6"]


def test_nothing_is_gone_while_one_was_refused_without_its_id_even_by_a_killed_process(
    store: Store, clock: Clock, vendor: Forgetful
) -> None:
    stream = vendor.stream()
    sync(store, clock, stream)
    vendor.delete("6")
    vendor.bad = {"0": None}
    clock.advance(days=GAP)
    vendor.lives = 1
    sync(store, clock, stream)
    vendor.lives = None
    for _ in range(2):
        outcome = sync(store, clock, stream).outcome
        assert outcome is not None
        assert outcome.status == "partial"
        assert "have no id" in (outcome.error or "")
        assert living(store) == [str(number) for number in range(len(AGES))]
    vendor.bad = {}
    sync(store, clock, stream)
    assert living(store) == sorted(vendor.created)


@pytest.mark.parametrize("facts", [{"history": None}, {"deletes": "flag"}, {"deletes": "never"}])
def test_only_a_feed_that_forgets_is_swept(
    sqlite_store: Store, clock: Clock, vendor: Forgetful, facts: dict[str, Any]
) -> None:
    """Others name in a backfill what is gone, or cannot tell."""
    store, stream = sqlite_store, vendor.stream(**facts)
    sync(store, clock, stream)
    vendor.delete("1")
    clock.advance(days=GAP)
    sync(store, clock, stream, FULL)
    assert "1" in living(store)


def test_children_end_with_their_swept_parent_and_others_stay(store: Store, clock: Clock) -> None:
    """A table may hold rows of another stream and of another source: none of them is swept."""

    def reading(*names: str) -> Stream:
        def read(_window: Window) -> Iterator[Page]:
            lines = [line(f"line of {name}", name) for name in names]
            yield Page({Invoice: [invoice(name) for name in names], InvoiceLine: lines})

        children: dict[type[Record], str] = {InvoiceLine: "invoice_source_id"}
        month = timedelta(days=28)
        return Stream(
            "invoices", Invoice, read, "time", deletes="feed", history=month, children=children
        )

    def foreign(_window: Window) -> Iterator[Page]:
        yield Page({InvoiceLine: [line("line of nobody", "in_0")]})

    sync(store, clock, reading("in_1", "in_2"))
    sync(store, clock, reading("in_1", "in_2"), name="another")
    sync(store, clock, Stream("lines", InvoiceLine, foreign))
    clock.advance(days=GAP)
    sync(store, clock, reading("in_2"))
    table = get_table(Invoice)
    with store.read() as connection:
        alive = select(table.c.source, table.c.source_id).where(table.c.deleted_at.is_(None))
        actual = sorted(tuple(row) for row in connection.execute(alive))
    assert actual == [("another", "in_1"), ("another", "in_2"), ("scripted", "in_2")]
    others = ["line of in_1", "line of in_2", "line of in_2", "line of nobody"]
    assert living_of(store, InvoiceLine) == others


def test_the_first_backfill_marks_nothing_as_seen(
    store: Store, clock: Clock, vendor: Forgetful, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows nothing that was there before it, and need not pay for marking rows."""
    marked: list[list[str]] = []
    really = records._mark_seen

    def listening(connection: Any, table: Any, seen: Any, moment: Any) -> None:
        marked.append(list(seen))
        really(connection, table, marked[-1], moment)

    monkeypatch.setattr(records, "_mark_seen", listening)
    vendor.lives = 2
    sync(store, clock, vendor.stream())
    vendor.lives = None
    sync(store, clock, vendor.stream())
    assert not any(marked)
    clock.advance(days=GAP)
    vendor.edit("3", "edited: written, and seen by that")
    sync(store, clock, vendor.stream())
    assert [ids for ids in marked if ids] == [["0", "1"], ["2"], ["4", "5"], ["6"]]


STEPS = st.tuples(
    st.lists(st.tuples(st.sampled_from(["add", "edit", "delete"]), st.integers(0, 7)), max_size=4),
    st.sampled_from((1, 1, 24 * 10, 24 * GAP)),
    st.sampled_from((None, None, 0, 1, 2)),
    st.sampled_from((False, False, False, True)),
)
"""What changes, hours until the next process, how many pages it lives, whether it reads all."""


@pytest.mark.slow("syncs many times")
@FEW
@given(steps=st.lists(STEPS, min_size=1, max_size=8))
def test_after_any_gaps_and_deaths_the_store_holds_what_the_source_holds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    clock = Clock()
    vendor = Forgetful(clock)
    vendor.add("0", "1", "2", days_ago=50)
    with migrated_sqlite(tmp_path_factory.mktemp("gaps")) as store:
        for number, (changes, hours, lives, full) in enumerate(steps):
            for what, id_ in changes:
                change(vendor, what, str(id_), number)
                clock.advance(seconds=1)
            clock.advance(hours=hours)
            vendor.lives = lives
            sync(store, clock, vendor.stream(), ReadRequest(full=full))
        vendor.lives = None
        sync(store, clock, vendor.stream())
        assert subjects(store) == vendor.subjects


def change(vendor: Forgetful, what: str, id_: str, number: int) -> None:
    if what == "add" and id_ not in vendor.created:
        vendor.add(id_)
    elif what == "edit" and id_ in vendor.created:
        vendor.edit(id_, f"edited in step {number}")
    elif what == "delete" and id_ in vendor.created:
        vendor.delete(id_)
