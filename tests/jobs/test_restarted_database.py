"""Whole commands while PostgreSQL is restarted, or crashes, under them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from cs_sync.store.engine import open_store
from cs_sync_sandbox import Sandbox
from tests.jobs.conftest import acme_in
from tests.jobs.road import DAY, KNOWLEDGE, Acme
from tests.jobs.test_kills_and_losses import ALMOST_ALL_RED, DERIVED, tasks
from tests.postgres import Server, own_server

pytestmark = [
    pytest.mark.slow("restarts a server under processes"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals"),
]

PROGRAM = """
import sys, time_machine
from datetime import UTC, date, datetime
from cs_sync.cli import main
now = datetime.combine(date.fromisoformat(sys.argv[1]), datetime.now(UTC).time(), UTC)
with time_machine.travel(now, tick=True):
    sys.exit(main(sys.argv[2:]))
"""
AWAY = 1.5
"""Seconds for which the server is away."""


@dataclass
class Ended:
    """How a process ended, and what it told on the way."""

    code: int = 0
    seconds: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)

    def list_output(self) -> list[str]:
        """List what was printed that is not an event; drivers log what they meet."""
        return [event["said"] for event in self.events if "said" in event]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("event") == name]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as actual:
        yield actual


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=7, today=DAY, accounts=12, limits=False) as actual:
        yield actual


def workspace(folder: Path, box: Sandbox, server: Server, schema: str, more: str = "") -> Acme:
    """A workspace in a schema of its own."""
    folder.mkdir()
    place = acme_in(folder, box)
    place.config += more
    theirs = f'url = "{server.url}"\nschema = "{schema}"'
    place.connect(replace={'url = "sqlite:///cs_sync.db"': theirs})
    return place


def process(
    acme: Acme, *line: str, event: str, do: Callable[["subprocess.Popen[str]"], object]
) -> Ended:
    """A command in a process of its own; `do` at its third event of that name."""
    config = str(acme.path / "cs_sync.toml")
    command = [sys.executable, "-c", PROGRAM, DAY.isoformat(), "--config", config]
    ended, left = Ended(), 3
    with subprocess.Popen(
        [*command, "--log-format", "json", *line],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stderr is not None
        began = time.monotonic()
        for text in running.stderr:
            ended.events.append(json.loads(text) if text.startswith("{") else {"said": text})
            left -= ended.events[-1].get("event") == event
            if left == 0:
                left, began = -1, time.monotonic()
                do(running)
    assert left < 0, ended
    ended.code, ended.seconds = running.returncode, time.monotonic() - began
    return ended


def stored(server: Server, schema: str) -> dict[str, list[str]]:
    """Every source record but when we learned of it, and what was derived from them."""
    store = open_store(server.url, schema)
    with store.read() as connection:
        shape = inspect(connection)
        actual = {}
        for table in shape.get_table_names(schema=schema):
            names = [column["name"] for column in shape.get_columns(table, schema=schema)]
            if "row_hash" in names:
                wanted = ", ".join(f'"{name}"' for name in names if name not in KNOWLEDGE)
                actual[table] = wanted
        actual |= DERIVED
        rows = {
            table: sorted(map(str, connection.execute(text(f"SELECT {wanted} FROM {table}"))))
            for table, wanted in actual.items()
        }
        rows["run"] = sorted(connection.scalars(text("SELECT status FROM run")))
        rows["stream"] = sorted(
            map(
                str,
                connection.execute(
                    text(
                        "SELECT source, stream, status, records, changed, rejected FROM run_stream"
                    )
                ),
            )
        )
    store.close()
    return rows


@pytest.fixture(scope="module")
def undisturbed(
    server: Server, box: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    acme = workspace(tmp_path_factory.mktemp("calm") / "acme", box, server, "calm")
    assert acme.run("sync").code == 0
    return stored(server, "calm")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_is_restarted_or_crashes_costs_a_sync_nothing(
    server: Server,
    box: Sandbox,
    tmp_path: Path,
    undisturbed: dict[str, list[str]],
    how: signal.Signals,
) -> None:
    def restart(_running: object) -> None:
        server.stop(how=how)
        time.sleep(AWAY)
        server.start()

    name = f"restarted_{how.name.lower()}"
    acme = workspace(tmp_path / "acme", box, server, name)
    ended = process(acme, "sync", event="page_stored", do=restart)
    assert ended.code == 0, ended
    assert ended.of("retrying"), "nothing is silent"
    assert ended.list_output() == []
    assert len(undisturbed["ticket"]) > 10
    assert stored(server, name) == undisturbed


def test_what_was_sent_while_the_server_was_away_is_noted_and_not_sent_again(
    server: Server, box: Sandbox, tmp_path: Path
) -> None:
    acme = workspace(tmp_path / "acme", box, server, "pushed", ALMOST_ALL_RED)
    assert acme.run("sync").code == 0
    expected = {row["key"] for row in acme.json("plan") if row["action"] == "create"}

    def restart(_running: object) -> None:
        server.stop()
        time.sleep(AWAY)
        server.start()

    ended = process(acme, "push", "--yes", event="step_ended", do=restart)
    assert ended.code == 0, ended
    assert ended.of("retrying")
    assert ended.list_output() == []
    assert set(tasks(acme)) == expected
    (run,) = acme.json("runs", "--limit", "1")
    assert (run["status"], run["writes"]["create"]) == ("ok", len(expected))
    assert not run["writes"]["unknown"]


def test_a_signal_ends_the_waiting(server: Server, box: Sandbox, tmp_path: Path) -> None:
    acme = workspace(tmp_path / "acme", box, server, "stopped")

    def stop(running: "subprocess.Popen[str]") -> None:
        server.stop()
        time.sleep(AWAY)
        running.send_signal(signal.SIGTERM)

    try:
        ended = process(acme, "sync", event="page_stored", do=stop)
    finally:
        server.start()
    assert ended.code == 130, ended
    assert ended.seconds < 15, "and not a minute"
    assert ended.of("retrying")
    assert ended.list_output() == ["stopped; run it again and it goes on where it was\n"]
    assert acme.run("sync").code == 0
