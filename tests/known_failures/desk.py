"""Zendesk in memory: exports by cursor and by time, tokens, and ten exports a minute."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from cs_sync.testing import SyncHarness
from cs_sync_zendesk.source import ZendeskSource
from tests.known_failures.benches import Json, bench_of, unix

SETTINGS = {
    "base_url": "https://desk.zendesk.com",
    "client_id": "cs-sync",
    "client_secret": "-".join(("not", "a", "real", "secret")),
}
EXPORTS = "/api/v2/incremental/"


class Desk:
    """Rows by export and id, each with the second in which Zendesk's own system touched it."""

    def __init__(self) -> None:
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.rows: dict[str, dict[int, Json]] = {"tickets": {}, "users": {}, "organizations": {}}
        self.page = 2
        self.a_minute = 1_000
        self.repeats_cursor = False
        self.tokens_for = 10**9
        self.token = 0
        self.left = 0
        self.asked: list[str] = []
        self.throttled = 0
        self._times: deque[float] = deque()

    def put(self, name: str, id_: int, /, generated: datetime, **fields: Any) -> None:
        """Add a row, or change it; only `generated` decides where the export shows it."""
        at = generated.isoformat()
        fixed = {"id": id_, "created_at": at, "updated_at": at, "name": f"Row {id_}"}
        known = self.rows[name].get(id_, fixed)
        self.rows[name][id_] = {**known, **fields, "generated_timestamp": unix(generated)}

    def ticket(self, id_: int, generated: datetime, **fields: Any) -> None:
        """Add or change a ticket."""
        self.put("tickets", id_, generated, **{"status": "open", "requester_id": 1, **fields})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, params = request.url.path, dict(request.url.params)
        if path == "/oauth/tokens":
            self.token, self.left = self.token + 1, self.tokens_for
            granted = {"access_token": f"token-{self.token}", "expires_in": 7200}
            return httpx.Response(201, json=granted)
        if request.headers.get("authorization") != f"Bearer token-{self.token}" or not self.left:
            return httpx.Response(401, json={"error": "invalid_token"})
        self.left -= 1
        if self._too_many():
            self.throttled += 1
            return httpx.Response(429, headers={"Retry-After": "60"})
        self.asked.append(path)
        name = path.removeprefix(EXPORTS).removesuffix("/cursor")
        made = self._by_time if name == "organizations" else self._by_cursor
        return httpx.Response(200, json=made(name, params))

    def _too_many(self) -> bool:
        now = self.now().timestamp()
        while self._times and self._times[0] <= now - 60:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) > self.a_minute

    def _settled(self, name: str) -> list[tuple[int, int]]:
        """The rows in their order; exports hold the last minute back."""
        until = unix(self.now()) - 60
        return sorted(key for key in map(_place, self.rows[name].values()) if key[0] <= until)

    def _by_cursor(self, name: str, params: dict[str, str]) -> Json:
        start = (int(params.get("start_time", 0)), 0)
        if "cursor" in params and not self.repeats_cursor:
            second, last = params["cursor"].split(":")
            start = (int(second), int(last))
        left = [key for key in self._settled(name) if key > start]
        page = left[: self.page]
        end = "same" if self.repeats_cursor else "{}:{}".format(*(page or [start])[-1])
        actual = [self.rows[name][id_] for _, id_ in page]
        sets = [{"ticket_id": row["id"], "replies": 2, "reopens": 0} for row in actual]
        more = {"metric_sets": sets} if params.get("include") == "metric_sets" else {}
        over = len(page) == len(left) and not self.repeats_cursor
        return {name: actual, "after_cursor": end, "end_of_stream": over, **more}

    def _by_time(self, name: str, params: dict[str, str]) -> Json:
        start = int(params["start_time"])
        left = [key for key in self._settled(name) if key[0] >= start]
        page = left[: self.page]
        while page and page[-1][0] == start and len(page) < len(left):
            page = left[: len(page) + 1]
        actual = [self.rows[name][id_] for _, id_ in page]
        end = page[-1][0] if page else start
        return {name: actual, "end_time": end, "end_of_stream": len(page) == len(left)}


def _place(row: Json) -> tuple[int, int]:
    return row["generated_timestamp"], row["id"]


@contextmanager
def zendesk(folder: Path) -> Iterator[tuple[SyncHarness, Desk]]:
    """A bench that reads an empty desk."""
    desk = Desk()
    with bench_of(folder, ZendeskSource, SETTINGS, desk) as bench:
        desk.now = bench.clock.now
        yield bench, desk
