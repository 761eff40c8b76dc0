"""The connector keeps the host's promises: the conformance kit against a Mixpanel in memory."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import orjson
import pytest

from cs_sync.testing import SourceConformance, VendorFake
from cs_sync_mixpanel.source import MixpanelSource

pytestmark = pytest.mark.slow("syncs Mixpanel for each promise")

SECRET = "-".join(("mixpanel", "not", "a", "secret"))
CREDENTIAL = httpx.BasicAuth("cs", SECRET)._auth_header
Item = dict[str, Any]


class MixpanelVendor(VendorFake):
    """Events of twenty days, and profiles whose pages a session remembers."""

    connector = MixpanelSource
    free_text = ("$name", "$email")
    # Without its account an event is not usage, and is not asked for.
    vital = ("$distinct_id", "company_id", "page", "page_size", "session_id", "total")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.events: list[Item] = []
        self.profiles: dict[str, dict[str, Item]] = {"persons": {}, "accounts": {}}
        self.sessions: dict[str, tuple[list[Item], dict[int, int]]] = {}
        for number in range(10):
            for name in self.profiles:
                self._put(name, number)
        for number in range(36):
            self._send(f"u-{number % 5}", ago=timedelta(hours=13 * number + 1))

    def settings(self) -> Mapping[str, Any]:
        account = {"username": "cs", "secret": SECRET, "project_id": 7}
        return {**account, "account_group_id": "86", "backfill_days": 20}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != CREDENTIAL:
            return httpx.Response(401, json={"error": "Invalid service account", "status": "error"})
        if request.url.path.endswith("/export"):
            return self._export(request.url.params)
        return self._list(dict(parse_qsl(request.content.decode())))

    def refusal(self, status: int, words: str) -> httpx.Response:
        return httpx.Response(status, json={"error": words, "status": "error"})

    def _export(self, asked: httpx.QueryParams) -> httpx.Response:
        days = [(datetime.fromtimestamp(e["properties"]["time"], UTC), e) for e in self.events]
        span = (asked["from_date"], asked["to_date"])
        lines = [
            orjson.dumps(e) + b"\n" for at, e in days if span[0] <= f"{at:%Y-%m-%d}" <= span[1]
        ]
        content = b"".join(lines[: int(asked.get("limit", 10**6))])
        return httpx.Response(200, content=content, headers={"content-type": "text/plain"})

    def _list(self, form: Mapping[str, str]) -> httpx.Response:
        name = "accounts" if "data_group_id" in form else "persons"
        number, session = int(form.get("page", 0)), form.get("session_id", f"s{len(self.sessions)}")
        if number and session not in self.sessions:
            return self.refusal(400, "request for page in uncached query for params")
        whole = [p for p in self.profiles[name].values() if "distinct_id" not in form]
        stored, begins = self.sessions.setdefault(session, (whole, {0: 0}))
        begin, size = begins[number], self.page_size
        begins[number + 1] = begin + size
        body = {"results": stored[begin : begin + size], "page": number, "page_size": size}
        return httpx.Response(
            200, json={**body, "session_id": session, "status": "ok", "total": len(stored)}
        )

    def add(self, stream: str) -> str | None:
        if stream == "usage":
            return self._send("u-new", ago=timedelta(minutes=1))
        return self._put(stream, len(self.profiles[stream]) + 90)

    def edit(self, stream: str) -> str | None:
        """One more event came late, of two days ago."""
        if stream == "usage":
            return self._send("u-4", ago=timedelta(hours=53))
        return self._put(stream, 1, **{"$name": "Renamed"})

    def delete(self, stream: str) -> str | None:
        if stream == "usage":
            return None
        return str(self.profiles[stream].pop(f"{stream[0]}-002")["$distinct_id"])

    def _send(self, person: str, ago: timedelta) -> str:
        at = self.now() - ago
        numbers = {"time": int(at.timestamp()), "mp_processing_time_ms": 1, "$screen_height": 900}
        names = {"distinct_id": person, "$insert_id": f"i{len(self.events)}", "company_id": "a-001"}
        self.events.append({"event": "Report exported", "properties": {**numbers, **names}})
        return f"{at:%Y-%m-%d}|a-001|{person}"

    def _put(self, name: str, number: int, **changes: Any) -> str:
        id = f"{name[0]}-{number:03d}"
        person = {"$email": f"p@c{number}.example", "$created": "2026-01-05T09:00:00"}
        own = {"plan": "Pro"} if name == "accounts" else {**person, "company_id": "a-001"}
        properties = {"$name": f"N {number}", **own, **changes}
        self.profiles[name][id] = {"$distinct_id": id, "$properties": properties}
        return id


class TestMixpanel(SourceConformance):
    vendor = MixpanelVendor
