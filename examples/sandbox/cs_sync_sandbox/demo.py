"""The demo: Acme on loopback, and the same `cs-sync run` that a customer would schedule."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from math import sin
from pathlib import Path
from typing import Any

from cs_sync_sandbox.process import Sandbox

PARTIAL = 3
RATE_MONTHS = 30


def play(seed: int, *, serve: bool) -> int:
    """Run twice against a fresh Acme; return the first failing exit code."""
    folder = Path(tempfile.mkdtemp(prefix="cs-sync-demo-"))
    with Sandbox(seed=seed) as box:
        config = folder / "cs_sync.toml"
        rates = _write_rates(folder / "data")
        config.write_text(box.config_toml(folder / "cs_sync.db") + rates, encoding="utf-8")
        config.chmod(0o600)
        _say(f"Acme's Stripe, HubSpot, Zendesk and PostHog answer at {box.url}")
        _say(f"its configuration: {config}\n")
        code = _run_first_time(config)
        if code in (0, PARTIAL):
            code = max(code, _run_second_time(config))
        if serve and code in (0, PARTIAL):
            _serve(box)
    return code


def _write_rates(folder: Path) -> str:
    """Write Acme's monthly dollar rates for `files`; return its section.

    For the `files` connector.
    """
    folder.mkdir(mode=0o700)
    first = datetime.now(UTC).date().replace(day=1)
    lines = ["day,base,quote,rate"]
    for month in range(RATE_MONTHS, -1, -1):
        year, at = divmod(first.year * 12 + first.month - 1 - month, 12)
        rate = 0.92 + 0.02 * sin(month / 3)
        lines.append(f"{date(year, at + 1, 1)},USD,EUR,{rate:.4f}")
    (folder / "fx_rates.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f'\n[connectors.files]\npath = "{folder}"\n'


def _run_first_time(config: Path) -> int:
    """Everything is new to the CRM, which is why it takes --yes."""
    arguments = ("--config", str(config), "run", "--yes")
    _say("$ cs-sync " + " ".join(arguments))
    return subprocess.run([sys.executable, "-m", "cs_sync", *arguments], check=False).returncode  # noqa: S603 - our own command


def _run_second_time(config: Path) -> int:
    """Nothing has changed, so nothing may be written."""
    arguments = ("--config", str(config), "--quiet", "--format", "json", "run")
    _say("\nOnce more, to see that nothing changed means nothing written:")
    _say("$ cs-sync " + " ".join(arguments))
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "cs_sync", *arguments], check=False, stdout=subprocess.PIPE
    )
    if done.returncode in (0, PARTIAL):
        _say(_summarize_run(json.loads(done.stdout)[0], time.monotonic() - began))
    return done.returncode


def _summarize_run(run: dict[str, Any], seconds: float) -> str:
    requests = sum(stream["requests"] for stream in run["streams"])
    writes = run["writes"]
    written = sum(count for name, count in writes.items() if name != "unchanged")
    return (
        f"{len(run['streams'])} streams, {requests} requests, {seconds:.0f} s: "
        f"{written} written, {writes['unchanged']} unchanged ({run['status']})"
    )


def _serve(box: Sandbox) -> None:
    """Keep Acme open until Ctrl-C, which leaves the exit code unchanged."""
    _say(f"\nAcme's HubSpot, as its people see it: {box.url}/hubspot/  (Ctrl-C ends it)")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _say(text: str) -> None:
    print(text, flush=True)
