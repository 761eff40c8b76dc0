"""Starts the loopback server and asks it what it saw."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str

    def counts(self) -> dict[str, Any]:
        """Requests by limit and refusals since the last call."""
        seen: dict[str, Any] = self._control("counts")
        return seen

    def change(self, share: float) -> None:
        """Change a share of all objects."""
        self._control("change", share=share)

    def _control(self, name: str, **params: float) -> Any:
        answer = httpx.get(f"{self.url}/control/{name}", params=params, timeout=60)
        return answer.raise_for_status().json()


@contextmanager
def serving(size: int, latency: float = 0.0, *, limited: bool = False) -> Iterator[Server]:
    """A server with `size` objects of each kind; latency in seconds."""
    command = [sys.executable, "-m", "benchmarks.sync.vendors.server", "--size", str(size)]
    command += ["--latency", str(latency), *(["--limited"] if limited else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address:
            raise SystemExit("the loopback server did not start")
        yield Server(address)
    finally:
        process.terminate()
        process.wait()
