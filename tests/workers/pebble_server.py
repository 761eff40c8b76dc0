"""One server for all workspaces: each has a Pebble of its own under its path, on loopback."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx

from cs_sync import Limit
from cs_sync_pebble.in_memory import KEY, PebbleVendor


class Village:
    """Pebbles by the workspace's name, and when each credential was used."""

    def __init__(self) -> None:
        self.vendors: dict[str, PebbleVendor] = {}
        self.arrivals: dict[str, list[float]] = defaultdict(list)
        self.url = ""
        self.refused: set[str] = set()
        """Workspaces whose vendor answers 401."""
        self.slow: dict[str, float] = {}
        """Workspace → seconds that its vendor takes for an answer."""
        self.limit: Limit | None = None
        """How many requests of one credential it answers; what exceeds it gets 429."""
        self.exceeded = 0
        """How many requests were refused for that."""
        self._lock = threading.Lock()

    def settle(self, name: str) -> PebbleVendor:
        """A Pebble for a workspace."""
        self.vendors[name] = PebbleVendor(lambda: datetime.now(UTC), Path())
        return self.vendors[name]

    def answer(self, path: str, key: str, now: float) -> httpx.Response:
        """What the Pebble of `/NAME/v1/LIST` answers."""
        name, _, rest = path.removeprefix("/").partition("/")
        time.sleep(self.slow.get(name, 0))
        with self._lock:
            if self._is_exceeded(key, now):
                self.exceeded += 1
                return httpx.Response(429, headers={"Retry-After": "5"}, json={"error": "slower"})
            self.arrivals[key].append(now)
            if name in self.refused:
                return httpx.Response(401, json={"error": "unknown key"})
            request = httpx.Request(
                "GET", f"http://x/{rest}", headers={"authorization": f"Bearer {KEY}"}
            )
            return self.vendors[name].answer(request)

    def _is_exceeded(self, key: str, now: float) -> bool:
        """Whether a credential has used up what the vendor allows it."""
        if self.limit is None:
            return False
        since = now - self.limit.seconds
        recent = takewhile(lambda at: at > since, reversed(self.arrivals[key]))
        return sum(1 for _ in recent) >= self.limit.requests

    def count_most(self, seconds: float) -> int:
        """The most requests of one credential in any window of so many seconds."""
        most = 0
        for moments in self.arrivals.values():
            ordered, first = sorted(moments), 0
            for number, at in enumerate(ordered):
                while ordered[first] <= at - seconds:
                    first += 1
                most = max(most, number - first + 1)
        return most


@contextmanager
def serve(village: Village) -> Iterator[Village]:
    """Serve it on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = village.answer(
                self.path, self.headers["authorization"] or "", time.monotonic()
            )
            self.send_response(answer.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    village.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield village
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
