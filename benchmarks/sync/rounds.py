"""Runs contestants in turn, several times, and keeps what each run cost."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.sync.contestants.race import Cost, Vendor
from benchmarks.sync.vendors.process import Server

CONTESTANTS = ("floor", "cs_sync", "plain_script", "dlt_pipeline", "dlt_picked")
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a contestant, and what the server saw of it."""

    cost: Cost
    seen: dict[str, Any]

    @property
    def requests(self) -> int:
        """All requests that were answered."""
        counted = self.seen["requests"]
        return sum(counted.get(vendor, 0) for vendor in ("stripe", "hubspot"))


@dataclass(frozen=True, slots=True)
class Books:
    """A folder of files to read, in place of a server."""

    url: str

    def counts(self) -> dict[str, Any]:
        """Nothing: nobody is asked."""
        return {}


def run_once(
    contestant: str,
    vendor: Vendor,
    server: Server | Books,
    folder: Path,
    *,
    paced: bool = False,
    database: str | None = None,
) -> Run:
    """A contestant in a process of its own; raises when it fails."""
    server.counts()
    module = f"benchmarks.sync.contestants.{contestant}"
    task = [vendor, server.url, str(folder), *(["--paced"] if paced else [])]
    task += ["--database", database] if database else []
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *task],
        capture_output=True,
        text=True,
        env={**os.environ, **QUIET},
    )
    if ended.returncode:
        raise SystemExit(f"{contestant} failed on {vendor}:\n{ended.stderr[-2000:]}")
    return Run(Cost(**json.loads(ended.stdout.splitlines()[-1])), server.counts())


def alternate(
    contestants: Sequence[str],
    vendor: Vendor,
    server: Server,
    rounds: int,
    tell: Callable[[str], object],
) -> dict[str, list[Run]]:
    """Every contestant once a round, so that a busy machine is busy for all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in contestants:
            with folder() as place:
                runs[name].append(run_once(name, vendor, server, place))
            tell(f"{vendor} round {number + 1}/{rounds} {name}: {runs[name][-1].cost}")
    return runs


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder for a database."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        yield Path(name)


def quietest(runs: Sequence[Run]) -> Run:
    """The round that took least CPU: what others take more was taken by neighbours."""
    return min(runs, key=lambda run: run.cost.cpu)
