"""Worker processes: every run once, whoever dies, and no workspace stops another."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Timer
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from cs_sync.cli import main
from cs_sync.workers.durable_queue import DurableQueue
from cs_sync.workers.worker import start_worker
from tests.postgres import fresh_database, own_server
from tests.workers.pebble_server import Village, serve
from tests.workers.worker_processes import Place, WorkerProcess, parse_rows, wait_until

pytestmark = [
    pytest.mark.slow("starts PostgreSQL and workers"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL"),
]
PATIENCE = 300
"""Seconds; on a busy machine the start of a worker alone takes two minutes."""


@pytest.fixture
def place(postgres: str, tmp_path: Path) -> Iterator[Place]:
    with serve(Village()) as village, fresh_database(postgres) as url:
        yield Place(tmp_path, url, village)


def list_ends(place: Place, name: str) -> list[str]:
    """How the runs of a workspace ended."""
    rows = place.select(f"SELECT status FROM {name}.run ORDER BY started_at")
    return [row["status"] for row in rows]


def wait_for_start(place: Place, name: str) -> None:
    """Wait until a run of a workspace asks its vendor."""
    wait_until(
        lambda: place.select("SELECT to_regclass(:table) IS NOT NULL AS is_there",
                             table=f"{name}.run")[0]["is_there"]
        and "running" in list_ends(place, name),
        PATIENCE,
        lambda: f"{name} did not begin",
    )  # fmt: skip


def test_each_workspace_for_itself(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CS_SYNC_WORKERS_DATABASE", place.url)
    for name in ("good", "idle", "removed"):
        place.add(name)
    place.add("broken", cron="* * * * *")
    place.add("thief")
    thief = place.folder / "thief.toml"
    thief.write_text(thief.read_text("utf-8").replace("env:PEBBLE_KEY", "env:OTHERS_SECRET"))
    place.village.refused.add("broken")
    place.village.slow["removed"] = 3
    assert main(["workspaces", "pause", "idle"]) == 0
    worker = WorkerProcess.start(place, runs=5)
    try:
        wait_for_start(place, "removed")
        assert main(["workspaces", "remove", "removed"]) == 0
        assert "the run that is going on goes on to its end" in capsys.readouterr().err
        wait_until(lambda: not place.count_unfinished(), PATIENCE, lambda: worker.output)
        wait_until(lambda: "removed: was removed while" in worker.output, PATIENCE,
                   lambda: worker.output)  # fmt: skip
    finally:
        assert worker.stop() == 0
    rows = place.workspaces()
    assert rows["good"]["last_status"] == "ok"
    assert list_ends(place, "good") == list_ends(place, "removed") == ["ok"]
    assert rows["broken"]["last_status"] == "failed"
    assert rows["broken"]["failures"] == 1
    pause = rows["broken"]["next_due_at"] - rows["broken"]["last_ended_at"]
    assert timedelta(minutes=5) <= pause <= timedelta(minutes=6, seconds=1)
    assert "OTHERS_SECRET is not set" in rows["thief"]["last_message"]
    assert "canary" not in worker.output
    assert rows["idle"]["last_status"] is None
    assert place.select("SELECT count(*) AS n FROM good.source_account") == [{"n": 10}]


def test_a_stopped_workers_run_goes_on_in_the_next(place: Place) -> None:
    place.add("acme")
    place.village.slow["acme"] = 2
    first = WorkerProcess.start(place)
    wait_for_start(place, "acme")
    assert first.stop() == 0
    assert place.workspaces()["acme"]["queued_slot"] is not None
    place.village.slow.clear()
    second = WorkerProcess.start(place, dead_after=3)
    try:
        wait_until(lambda: not place.count_unfinished(), PATIENCE, lambda: second.output)
    finally:
        assert second.stop() == 0
    ends = list_ends(place, "acme")
    assert ends[-1] == "ok"
    assert set(ends[:-1]) <= {"interrupted"}
    assert place.select("SELECT status FROM acme.schedule_slot") == [{"status": "ok"}]


def test_a_database_that_goes_away_loses_nothing(tmp_path: Path) -> None:
    with own_server() as server, serve(Village()) as village:
        place = Place(tmp_path, server.url, village)
        for name in ("one", "two"):
            place.add(name)
            village.slow[name] = 3
        worker = WorkerProcess.start(place, dead_after=5)
        try:
            wait_for_start(place, "one")
            server.stop()
            time.sleep(10)
            server.start()
            wait_until(lambda: not place.count_unfinished(), PATIENCE, lambda: worker.output)
            assert "trying again until it answers, nothing is lost" in worker.output
            assert "the database answers again" in worker.output
            ended = [place.select(f"SELECT status FROM {name}.schedule_slot") for name in
                     ("one", "two")]  # fmt: skip
            assert ended == [[{"status": "ok"}]] * 2
            assert [list_ends(place, name).count("ok") for name in ("one", "two")] == [1, 1]
            place.execute("UPDATE cs_sync_workers.revision SET number = 99")
            assert worker.process.wait(30) != 0
            assert "upgrade cs-sync on this machine" in worker.output
        finally:
            worker.process.kill()
            worker.process.wait()


def test_a_database_that_goes_away_while_a_worker_starts_is_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.add("acme")
    launch, losses, stop = DurableQueue.launch, [psycopg.OperationalError("gone")], Event()
    messages: list[str] = []

    def launch_and_lose(queue: DurableQueue, *arguments: Any) -> None:
        launch(queue, *arguments)
        if losses:
            raise OperationalError("BEGIN", None, losses.pop())

    def say(message: str) -> None:
        messages.append(message)
        if message.startswith("acme"):
            stop.set()

    monkeypatch.setattr(DurableQueue, "launch", launch_and_lose)
    patience = Timer(PATIENCE, stop.set)
    patience.start()
    start_worker(place.url, 1, stop, say)
    patience.cancel()
    assert messages == [
        "the database refused: gone; trying again until it answers, nothing is lost",
        "the database answers again",
        "acme: ok",
    ]


def test_the_command_runs_a_workspace_and_ends_when_it_is_asked(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CS_SYNC_WORKERS_DATABASE", place.url)
    place.add("acme")
    line = [sys.executable, "-m", "cs_sync", "workers", "start", "--runs", "1"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: not place.count_unfinished(), PATIENCE, lambda: "it did not run")
        assert main(["--format", "json", "workspaces", "status"]) == 0
        shown = capsys.readouterr()
        process.terminate()
        stderr = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert stderr.splitlines()[0] == "acme: ok"
    assert stderr.splitlines()[-1].startswith("stopped; other workers go on")
    (row,) = parse_rows(shown.out)
    assert (row["state"], row["last_status"]) == ("waiting", "ok")
    assert shown.err == "1 worker alive\n"
