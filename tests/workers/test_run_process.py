"""The end of a run's process."""

import multiprocessing
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cs_sync.workers.run_process import RunRequest, serve_run


@pytest.fixture
def signals() -> Iterator[None]:
    """What a run's process does with signals ends with the test."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("signals")
def test_a_run_whose_worker_has_just_died_ends_quietly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)  # it takes a second to import
    receiving, sending = multiprocessing.get_context("spawn").Pipe(duplex=False)
    receiving.close()
    missing = str(tmp_path / "none.toml")
    at = datetime(2026, 11, 30, tzinfo=UTC)
    serve_run(RunRequest("acme", missing, None, at, "holder", "postgresql://x"), sending)
    with pytest.raises(BrokenPipeError):
        sending.send("another")
