"""Workspaces in a real PostgreSQL, and worker processes that can be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from cs_sync.plugins import PluginRegistry, load_plugins
from cs_sync.store.control.open import migrate_control, open_control
from cs_sync.store.control.tables import CONTROL_SCHEMA
from cs_sync.workers.register import add_workspace, prepare_workspace
from tests.workers.pebble_server import Village

DAILY = "0 5 * * *"
PROGRAM = """
import faulthandler, signal, sys, threading
from cs_sync.workers.worker import Timing, end_process, start_worker
if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop.set).start())
    timing = Timing(tick=0.2, dead_after=float(sys.argv[3]), retry_after=0.5, retry_for=60)
    say = lambda words: print(words, flush=True)
    start_worker(sys.argv[1], int(sys.argv[2]), stop, say, timing)
    end_process(0)
"""


@dataclass
class Place:
    """A folder of configurations, one server with all data, one vendor for all."""

    folder: Path
    url: str
    village: Village
    names: list[str] = field(default_factory=list)
    plugins: PluginRegistry = field(default_factory=load_plugins)

    def write(self, name: str, *, key: str = "shared", cron: str = DAILY, url: str = "") -> Path:
        """Write a workspace's configuration and its environment; return the former."""
        self.village.settle(name)
        file = self.folder / f"{name}.toml"
        file.write_text(
            f"""
[database]
url = "{url or self.url}"
schema = "{name}"
[workspace]
name = "{name}"
[connectors.pebble]
api_key = "env:PEBBLE_KEY"
base_url = "{self.village.url}/{name}"
[schedule]
cron = "{cron}"
jitter = 0
[report]
keep = 0
copy_to = "reports_{name}"
""",
            encoding="utf-8",
        )
        env_file = self.folder / f"{name}.env"
        env_file.write_text(f"# its own\nPEBBLE_KEY='{key}'\n", "utf-8")
        env_file.chmod(0o644)
        return file

    def add(self, name: str, *, due: bool = True, **how: Any) -> None:
        """Add a workspace; one that is due has missed its last three days."""
        file = self.write(name, **how)
        now = datetime.now(UTC)
        env_file = self.folder / f"{name}.env"
        entry = prepare_workspace(self.plugins, file, name=None, env_file=env_file, now=now)
        control = open_control(self.url)
        if not self.names:
            migrate_control(control)
        add_workspace(control, entry)
        control.close()
        self.names.append(name)
        if due:
            self.set_due(name, now - timedelta(days=3))

    def set_due(self, name: str, at: datetime) -> None:
        """Say when a workspace is due next."""
        self.execute(f"UPDATE {CONTROL_SCHEMA}.workspace SET next_due_at = :at WHERE name = :name",
                     at=at, name=name)  # fmt: skip

    def execute(self, statement: str, url: str = "", **values: Any) -> None:
        """Execute a statement."""
        engine = create_engine(url or self.url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text(statement), values)

    def execute_alone(self, statement: str) -> None:
        """Execute a statement that may not stand in a transaction."""
        engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))

    def select(self, statement: str, url: str = "", **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        engine = create_engine(url or self.url, poolclass=NullPool)
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement), values).mappings()]

    def workspaces(self) -> dict[str, dict[str, Any]]:
        """The rows of the list, by name."""
        rows = self.select(f"SELECT * FROM {CONTROL_SCHEMA}.workspace")
        return {row["name"]: row for row in rows}

    def count_unfinished(self) -> int:
        """How many are queued, run, or are due."""
        return int(
            self.select(
                f"SELECT count(*) AS n FROM {CONTROL_SCHEMA}.workspace"
                " WHERE queued_slot IS NOT NULL OR (next_due_at <= now() AND NOT paused)"
            )[0]["n"]
        )


@dataclass
class WorkerProcess:
    """A worker in a process of its own; what it says goes to a file."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @classmethod
    def start(cls, place: Place, *, runs: int = 2, dead_after: float = 6.0) -> "WorkerProcess":
        """Start one."""
        program = place.folder / "worker.py"
        if not program.exists():
            program.write_text(PROGRAM, encoding="utf-8")
        log = place.folder / f"worker-{time.monotonic_ns()}.log"
        environment = {**os.environ, "OTHERS_SECRET": "canary-of-the-worker"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(program), place.url, str(runs), str(dead_after)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        return cls(process, log)

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """Kill it; its runs have to end by themselves."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float = 30) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def wait_until(true: Callable[[], Any], seconds: float, words: Callable[[], str]) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, words()
        time.sleep(0.2)


def with_database(server: str, name: str) -> str:
    """The URL of another database of a server."""
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def parse_rows(text: str) -> list[dict[str, Any]]:
    """Rows of a command's JSON."""
    rows: list[dict[str, Any]] = json.loads(text)
    return rows
