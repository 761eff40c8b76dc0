"""Whole processes that are killed by SIGKILL at any moment, against the sandbox over loopback."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import pytest

from cs_sync.runtime.workspace import Workspace
from cs_sync_sandbox import Sandbox
from tests.jobs.conftest import acme_in
from tests.jobs.road import DAY, Acme
from tests.jobs.test_kills_and_losses import PROGRAM
from tests.soak.tally import Tally

PATIENCE = 3
PATHS = ("customers", "subscriptions", "invoices", "companies", "incremental", "query")


def kill_processes(rng: Random, kills: int, tally: Tally) -> None:
    """So many kills, a few for every database, each of which then has to come to its end."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Sandbox(seed=7, today=DAY, accounts=16, limits=False) as box,
        tempfile.TemporaryDirectory() as folder,
    ):
        patch.setattr(Workspace, "_sleep", lambda _workspace, _seconds: None)
        undisturbed = acme_in(_new(folder, "undisturbed"), box)
        assert undisturbed.run("sync").code == 0
        facts = undisturbed.facts()
        number = 0
        while number < kills:
            acme = acme_in(_new(folder, f"killed-{number}"), box)
            for _ in range(rng.randrange(1, 5)):
                number += _killed(acme, rng, tally)
            _recover(acme, facts, tally)


def _new(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


def _killed(acme: Acme, rng: Random, tally: Tally) -> int:
    """One process, dead a moment after it stored its first page or its hundredth."""
    acme.disturb(*(_fault(rng, tally) for _ in range(rng.randrange(0, 4))))
    config = str(acme.path / "cs_sync.toml")
    command = [sys.executable, "-c", PROGRAM, DAY.isoformat(), "--config", config]
    command += ["--log-format", "json", "sync"]
    left = rng.randrange(1, 25)
    tally.runs += 1
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            left -= json.loads(line).get("event") == "page_stored"
            if left == 0:
                time.sleep(rng.random() * 0.05)
                process.kill()
                break
        process.stderr.read()
    dead = process.returncode not in (0, 3)
    tally.faults["killed by SIGKILL"] += dead
    return 1


def _fault(rng: Random, tally: Tally) -> dict[str, object]:
    kind = rng.choice(("503", "429", "lost answer", "cut short"))
    tally.faults[kind] += 1
    what: dict[str, dict[str, object]] = {
        "503": {"status": 503},
        "429": {"status": 429, "headers": {"Retry-After": "1"}},
        "lost answer": {"drop": True},
        "cut short": {"truncate": True},
    }
    return {"path": rng.choice(PATHS), "times": rng.randrange(1, 3), **what[kind]}


def _recover(acme: Acme, facts: frozenset[str], tally: Tally) -> None:
    acme.calm()
    for _ in range(PATIENCE):
        tally.recoveries += 1
        ran = acme.run("sync")
        if ran.code == 0:
            break
    else:
        tally.stuck.append(f"process: {ran.messages}")
    actual = acme.facts()
    tally.compared += len(actual)
    tally.lost += [f"process: {fact[:200]} is missing" for fact in facts - actual]
    tally.doubled += [f"process: {fact[:200]} should not be there" for fact in actual - facts]
