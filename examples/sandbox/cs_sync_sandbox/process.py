"""Runs the sandbox as a child process that ends with its parent."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType

from cs_sync_sandbox.settings import format_config
from cs_sync_sandbox.world.usage import DAYS


class Sandbox:
    """A sandbox on a free loopback port: `with Sandbox(seed=7) as box: box.url`.

    Args:
        seed: the random seed.
        today: the world's day; by default the day it is in UTC.
        accounts: how many customers Acme has.
        usage_days: how many days back its usage goes.
        limits: whether rate limits are enforced.
        latency: seconds each answer is held back.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        today: date | None = None,
        accounts: int = 400,
        usage_days: int = DAYS,
        limits: bool = True,
        latency: float = 0.0,
    ) -> None:
        self.today = today or datetime.now(UTC).date()
        self.url = ""
        self._usage_days = usage_days
        self._arguments = [
            "--seed", str(seed), "--today", self.today.isoformat(), "--accounts", str(accounts),
            "--usage-days", str(usage_days),
            "--latency", str(latency), *([] if limits else ["--no-limits"]),
        ]  # fmt: skip
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Sandbox:
        """Start the child and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", "cs_sync_sandbox", "--port", "0", "--tied", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            self._stop()
            message = "the sandbox did not start; run `python -m cs_sync_sandbox` to see why"
            raise RuntimeError(message)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the child."""
        self._stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    def config_toml(self, database_path: str | Path) -> str:
        """Return the `cs_sync.toml` for this sandbox and a SQLite file."""
        return format_config(self.url, database_path, self._usage_days)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
