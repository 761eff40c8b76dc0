"""P47–P52: how other tools lose state, let runs collide, and grow without bound."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import func, select

from cs_sync.contracts.errors import LeaseHeld, StoreError
from cs_sync.contracts.source import Page, Stream, Window
from cs_sync.store.engine import Store
from cs_sync.store.leases import acquire_lease
from cs_sync.store.records.stream_state import STATE, read_stream_position
from cs_sync.sync.windows import BACKFILL_EDGES
from cs_sync_schemas import Ticket, get_table
from tests.conftest import Clock
from tests.jobs.road import small_company
from tests.sync.scripted import stream, tickets
from tests.sync.test_engine import living, run

PAGES = [("1", "2"), ("3",), ("4",)]


def read(window: Window) -> Iterator[Page]:
    """Three pages; `resume` is the number of the next one."""
    for number, ids in enumerate(PAGES):
        if number >= (window.resume or 0):
            yield Page(tickets(*ids), number + 1 if number + 1 < len(PAGES) else None)


def cursor(store: Store, name: str) -> object:
    with store.read() as connection:
        return read_stream_position(connection, "scripted", name).cursor


@pytest.mark.slow("syncs whole workspaces")
def test_p47_a_failing_stream_stops_no_other_and_keeps_its_pages(
    store: Store, clock: Clock
) -> None:
    failing = [True]

    def breaks(window: Window) -> Iterator[Page]:
        for page in read(window):
            if failing and page.resume is None:
                raise RuntimeError("a stranger's mistake")
            yield page

    fine = stream(lambda _window: iter([Page(tickets("x"))]), "other")
    outcomes = run(store, clock, stream(breaks), fine)
    assert (outcomes["tickets"].status, outcomes["other"].status) == ("failed", "ok")
    assert living(store) == ["1", "2", "3", "x"]
    failing.clear()
    again = run(store, clock, stream(breaks), fine)["tickets"]
    assert again.status == "ok"
    assert living(store) == ["1", "2", "3", "4", "x"]


def test_p48_state_is_a_row_per_part_and_does_not_grow(store: Store, clock: Clock) -> None:
    def two_pages(window: Window) -> Iterator[Page]:
        yield Page(tickets(f"{window.since}"), resume="behind the first")
        yield Page({})

    split = stream(two_pages, splits=True)
    counts = []
    for _ in range(6):
        run(store, clock, split)
        with store.read() as connection:
            counts.append(connection.scalar(select(func.count()).select_from(STATE)))
    assert counts[0] == len(BACKFILL_EDGES) + 2, "the parts of the first read, and the cursor"
    assert set(counts[1:]) == {2}, "one window and the cursor, however many runs"


def test_p49_rows_and_cursor_are_stored_together_or_not_at_all(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_named: object) -> None:
        raise StoreError("the state cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr("cs_sync.sync.reader.advance", broken)
        with pytest.raises(StoreError):
            run(store, clock, stream(read))
    assert living(store) == [], "no row without its place to go on from"
    outcome = run(store, clock, stream(read))["tickets"]
    assert (outcome.stored.changed, living(store)) == (4, ["1", "2", "3", "4"])


def test_p50_a_second_run_is_refused_and_one_that_lost_its_lease_stores_nothing(
    store: Store, clock: Clock
) -> None:
    def overtaken(window: Window) -> Iterator[Page]:
        for page in read(window):
            yield page
            with store.write() as connection, pytest.raises(LeaseHeld, match="another run works"):
                acquire_lease(connection, "second", clock())
            clock.advance(hours=1)  # it slept for so long that its lease ended
            with store.write() as connection:
                acquire_lease(connection, "second", clock())

    with pytest.raises(LeaseHeld, match="lost its lease"):
        run(store, clock, stream(overtaken))
    assert living(store) == ["1", "2"]


@pytest.mark.slow("starts a process")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own peak")
def test_p51_a_sync_is_one_process_of_modest_size_and_one_file(tmp_path: Path) -> None:
    place = small_company(tmp_path)
    program = r"""
        import re, subprocess, sys
        from pathlib import Path
        from cs_sync.cli import main

        def refuse(*_args, **_named):
            raise SystemExit("it starts another process")

        subprocess.Popen.__init__ = refuse
        code = main(["--config", sys.argv[1], "sync"])
        status = Path("/proc/self/status").read_text()
        print(code, re.search(r"VmHWM:\s+(\d+) kB", status)[1])
        """
    command = [sys.executable, "-c", dedent(program), str(place.path / "cs_sync.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, kilobytes = map(int, done.stdout.splitlines()[-1].split())
    assert code == 0
    assert kilobytes < 250_000
    made = {path.name for path in tmp_path.iterdir()} - {"data", "cs_sync.toml"}
    assert made == {"cs_sync.db"}


def test_p52_a_new_stream_resets_no_other(store: Store, clock: Clock) -> None:
    asked: list[tuple[str, bool]] = []

    def noting(name: str) -> Stream:
        def pages(window: Window) -> Iterator[Page]:
            asked.append((name, window.backfill))
            yield Page(tickets(name))

        return stream(pages, name)

    run(store, clock, noting("old"))
    before = cursor(store, "old")
    run(store, clock, noting("old"), noting("new"))
    assert sorted(asked) == [("new", True), ("old", False), ("old", True)]
    assert cursor(store, "old") != before, "it went on from there"
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(get_table(Ticket))) == 2
