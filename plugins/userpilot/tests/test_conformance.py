"""The connector keeps the host's promises: the conformance kit against a Userpilot in memory."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from cs_sync.testing import SourceConformance, VendorFake
from cs_sync_userpilot.source import UserpilotSource

pytestmark = pytest.mark.slow("syncs Userpilot for each promise")

KEY = "-".join(("userpilot", "not", "a", "key"))
Item = dict[str, Any]


class UserpilotVendor(VendorFake):
    """Events of sixty days, given out by jobs that take two looks each, in one file.

    Of several files none may be missing, while the kit takes what is in a list for a record.
    """

    connector = UserpilotSource
    free_text = ("name", "email")
    # An event without a company is not usage; without its files a job is not completed.
    vital = ("company_id", "url", "job_id", "status")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.events: list[Item] = []
        self.jobs: dict[str, Item] = {}
        for number in range(12):
            self._say("identify_company", timedelta(days=5 * number, hours=1), f"a-{number}")
            self._say("identify_user", timedelta(days=5 * number, hours=2), f"a-{number}")
            self._use(f"a-{number}", timedelta(days=5 * number, hours=3))

    def settings(self) -> Mapping[str, Any]:
        return {"api_key": KEY, "backfill_days": 60, "days_per_export": 30}

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.strip("/").split("/")
        if request.url.host == "files.example":
            return self._give_file(request.url.params["job"])
        if request.headers.get("authorization") != f"Token {KEY}":
            return self.refusal(401, "Invalid API key")
        match path[3:]:
            case ["exports"] if request.method == "POST":
                return self._start(orjson.loads(request.content))
            case ["exports", "jobs"]:
                jobs = [self._look(name) for name in self.jobs]
                return httpx.Response(200, json=jobs)
            case ["exports", "jobs", name] if name in self.jobs:
                return httpx.Response(200, json=self._look(name))
            case ["exports", "lookups", "features_events"]:
                item = {"display_name": "Export", "key": "668", "data_type": "string"}
                return httpx.Response(200, json=[item])
        return self.refusal(404, "not found")

    def refusal(self, status: int, words: str) -> httpx.Response:
        error = {"error": words, "error_code": str(status), "message": words, "details": ""}
        return httpx.Response(status, json={"errors": [error]})

    def _start(self, asked: Item) -> httpx.Response:
        if any(job["looks"] < 2 for job in self.jobs.values()):
            return self.refusal(409, "Export job already in progress")
        name = f"job-{len(self.jobs)}"
        self.jobs[name] = {"looks": 0, "from": asked["from"], "to": asked["to"]}
        return httpx.Response(201, json={"job_id": name, "environment_name": "production"})

    def _look(self, name: str) -> Item:
        job = self.jobs[name]
        job["looks"] += 1
        done = job["looks"] > 1
        url = f"https://files.example/p1.ndjson?job={name}"
        files = [{"filename": "p1.ndjson", "url": url}] if done else []
        return {
            "job_id": name,
            "status": "completed" if done else "processing",
            "presigned_urls": files,
        }

    def _give_file(self, name: str) -> httpx.Response:
        span = self.jobs[name]
        matching = [e for e in self.events if span["from"] <= e["inserted_at"] <= span["to"]]
        lines = b"".join(orjson.dumps(event) + b"\n" for event in matching)
        headers = {"content-type": "application/x-ndjson"}
        return httpx.Response(200, content=lines, headers=headers)

    def add(self, stream: str) -> str:
        return self._use("a-0", timedelta(minutes=1), person="u-new")

    def edit(self, stream: str) -> str:
        """One more event on the day before."""
        return self._use("a-0", timedelta(hours=3))

    def _use(self, company: str, ago: timedelta, person: str | None = None) -> str:
        event = self._say("track_feature", ago, company, person)
        return f"{event['inserted_at'][:10]}|{company}|{event['user_id']}"

    def _say(self, kind: str, ago: timedelta, company: str, person: str | None = None) -> Item:
        person = person or f"u{company[1:]}"
        at = f"{self.now() - ago:%Y-%m-%dT%H:%M:%S.%fZ}"
        name = {"track_feature": "668"}.get(kind, "")
        metadata = {"name": f"N {company}", "email": f"p@{company}.example"}
        event = {
            "app_token": "NX-00000000", "event_type": kind, "event_name": name,
            "user_id": "" if kind == "identify_company" else person, "company_id": company,
            "source": "web-client", "inserted_at": at, "internal_event_id": str(len(self.events)),
            "session": "7", "screen_width": 1440,
            "metadata": metadata if kind.startswith("identify") else {},
        }  # fmt: skip
        self.events.append(event)
        return event


class TestUserpilot(SourceConformance):
    vendor = UserpilotVendor
