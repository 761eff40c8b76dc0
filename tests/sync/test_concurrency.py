"""Readers are let in while the core is idle, and wait for one another while it is busy."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from time import process_time

import pytest

from cs_sync.contracts.source import Page, Window
from cs_sync.store.engine import Store
from cs_sync.store.leases import LeasedStore, acquire_lease
from cs_sync.sync.concurrency import (
    MAX_READERS,
    MEASURE_SECONDS,
    ReaderLimiter,
    make_reader_limiter,
    read_busy_seconds,
)
from cs_sync.sync.engine import sync_sources
from cs_sync.sync.session import Interrupted, SyncSession
from cs_sync.sync.windows import ReadRequest
from cs_sync_files.source import FilesSource
from tests.conftest import Clock
from tests.sync.scripted import Scripted, stream, tickets

PATIENCE = 5.0


def busy_for(share: float) -> ReaderLimiter:
    """Of every second that passes the process computes this share."""
    wall, computed = count(), count()
    return ReaderLimiter(lambda: float(next(wall)), lambda: next(computed) * share)


def enters(concurrency: ReaderLimiter) -> Callable[[float], bool]:
    """Another reader; the result says whether it was admitted within so many seconds."""
    inside = threading.Event()

    def come() -> None:
        concurrency.enter()
        inside.set()

    threading.Thread(target=come, daemon=True).start()
    return inside.wait


def test_while_the_core_is_busy_a_reader_waits_for_the_one_before() -> None:
    concurrency = busy_for(0.9)
    assert enters(concurrency)(PATIENCE)
    second = enters(concurrency)
    assert not second(10 * MEASURE_SECONDS)
    concurrency.leave()
    assert second(PATIENCE)


def test_while_the_core_is_idle_others_are_let_in() -> None:
    concurrency = busy_for(0.03)
    assert all(enters(concurrency)(PATIENCE) for _ in range(16))


def test_waiting_for_a_processor_counts_as_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads of Linux: nanoseconds on a processor, waiting for one, and turns."""
    for thread, counts in (("7", "9000 1500000000 3"), ("8", "9000 500000000 1")):
        (tmp_path / thread).mkdir()
        (tmp_path / thread / "schedstat").write_text(f"{counts}\n", encoding="ascii")
    (tmp_path / "9").mkdir()  # it ended meanwhile
    monkeypatch.setattr("cs_sync.sync.concurrency._THREADS", str(tmp_path))
    before = process_time()
    assert before + 2.0 <= read_busy_seconds() <= process_time() + 2.0
    monkeypatch.setattr("cs_sync.sync.concurrency._THREADS", str(tmp_path / "none"))
    assert read_busy_seconds() <= process_time()


def test_there_are_never_more_than_are_good_for_anything() -> None:
    concurrency = busy_for(0.0)
    assert all(enters(concurrency)(PATIENCE) for _ in range(MAX_READERS))
    one_more = enters(concurrency)
    assert not one_more(10 * MEASURE_SECONDS)
    concurrency.leave()
    assert one_more(PATIENCE)


def test_a_source_that_awaits_no_answer_has_one_reader_at_a_time() -> None:
    """A disk that is waited for, or a busy machine, looks like an idle core."""
    concurrency = make_reader_limiter(FilesSource)
    assert enters(concurrency)(PATIENCE)
    second = enters(concurrency)
    assert not second(20 * MEASURE_SECONDS)
    concurrency.leave()
    assert second(PATIENCE)
    several = make_reader_limiter(Scripted([]))
    assert all(enters(several)(PATIENCE) for _ in range(2))


def test_who_has_waited_for_a_run_that_was_stopped_asks_for_nothing(
    store: Store, clock: Clock
) -> None:
    asked: list[Window] = []

    def read(window: Window) -> Iterator[Page]:
        asked.append(window)
        session.stop.set()
        yield Page(tickets("1"))

    with store.write() as connection:
        held = acquire_lease(connection, "run", clock())
    session = SyncSession(LeasedStore(store, held), "run", clock, lambda _event: None)
    source = Scripted([stream(read, splits=True)]).opened()
    with pytest.raises(Interrupted):
        sync_sources(session, [source], ReadRequest(), lambda _outcome: None)
    assert len(asked) == 1
