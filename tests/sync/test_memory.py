"""Memory does not grow with the source: a page is held until it is stored, and then forgotten."""

import gc
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from cs_sync.contracts.source import Page, Stream, Window
from cs_sync.store.leases import LeasedStore, acquire_lease
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.session import SyncSession
from cs_sync.sync.windows import ReadRequest
from tests.conftest import Clock, migrated_sqlite
from tests.sync.scripted import Scripted, stream, tickets

pytestmark = pytest.mark.slow("traces every allocation")

PAGE = 100
PAGES = 25


def many(pages: int) -> Stream:
    """A stream of so many pages, each made when it is asked for; with what was received."""

    def read(_window: Window) -> Iterator[Page]:
        for number in range(pages):
            ids = [f"ticket-{number}-{place}" for place in range(PAGE)]
            raw = {"description": f"{number} {'long ' * 200}"}
            yield Page(tickets(*ids, raw=raw), number + 1 if number + 1 < pages else None)

    return stream(read)


def measured(folder: Path, pages: int) -> tuple[int, int]:
    """Bytes at the highest moment of a sync, and those still held at its end."""
    folder.mkdir()
    clock = Clock()
    with migrated_sqlite(folder) as store:
        with store.write() as connection:
            held = acquire_lease(connection, "run", clock())
        session = SyncSession(LeasedStore(store, held), "run", clock, lambda _event: None)
        source = Scripted([many(pages)]).opened()
        gc.collect()
        tracemalloc.start()
        try:
            [outcome] = sync_sources(session, [source], ReadRequest(), lambda _outcome: None)
            gc.collect()
            current, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert outcome.stored.records == pages * PAGE
    return peak, current


def test_four_times_the_records_take_the_same_memory(tmp_path: Path) -> None:
    measured(tmp_path / "first", PAGES)  # what is loaded and prepared once stays out of it
    peak, held = measured(tmp_path / "some", PAGES)
    peak_of_many, held_of_many = measured(tmp_path / "many", 4 * PAGES)
    # Of each page its place to go on from is remembered, so that none comes twice, and its counts.
    assert peak_of_many - peak < 3 * PAGES * 1024
    assert held_of_many - held < 3 * PAGES * 1024
