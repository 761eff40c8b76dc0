"""The connector keeps the host's promises: the conformance kit against a Formbricks in memory."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync.testing import SourceConformance, VendorFake
from cs_sync_formbricks import cs_sync_sources

pytestmark = pytest.mark.slow("syncs Formbricks for each promise")

KEY = "_".join(("fbk", "notARealKey"))
Item = dict[str, Any]
NPS = {"id": "nps_q", "type": "nps", "headline": {"default": "Recommend?"}}
WHY = {"id": "why_q", "type": "openText", "headline": {"default": "Why?"}}
SURVEY = {"id": "s1", "name": "Q3", "questions": [], "blocks": [{"elements": [NPS, WHY]}]}


class FormbricksVendor(VendorFake):
    """One survey; responses by time of change. Formbricks shows no deletion but by silence."""

    (connector,) = cs_sync_sources()
    free_text = ("name", "why_q")
    vital = ("id", "updatedAt", "total", "offset")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.responses: dict[str, Item] = {}
        for number in range(10):
            self._put(timedelta(days=20 - number))

    def settings(self) -> Mapping[str, Any]:
        return {"api_key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("x-api-key") != KEY:
            return httpx.Response(401, json={"error": {"code": 401, "message": "Unauthorized"}})
        if request.url.path == "/api/v1/management/surveys":
            return httpx.Response(200, json={"data": [SURVEY]})
        query = request.url.params
        matching = sorted(self.responses.values(), key=lambda each: (each["updatedAt"], each["id"]))
        matching = [each for each in matching if each["updatedAt"] >= query["startDate"]]
        skip = int(query.get("skip", 0))
        page = matching[skip : skip + min(self.page_size, int(query["limit"]))]
        meta = {"total": len(matching), "limit": int(query["limit"]), "offset": skip}
        return httpx.Response(200, json={"data": page, "meta": meta})

    def add(self, stream: str) -> str:
        return f"{self._put()['id']}:nps_q"

    def edit(self, stream: str) -> str:
        changed = self._put(id="r1001", data={"nps_q": 3, "why_q": "Slow", "account_id": "42"})
        return f"{changed['id']}:nps_q"

    def _put(self, ago: timedelta = timedelta(0), **fields: Any) -> Item:
        id = fields.setdefault("id", f"r{1000 + len(self.responses)}")
        at = f"{self.now() - ago:%Y-%m-%dT%H:%M:%S}.000Z"
        data = {"nps_q": 9, "why_q": "Fast", "account_id": "42"}
        person = {"userId": f"u-{id}", "email": f"{id}@acme.example"}
        made = {"createdAt": at, "surveyId": "s1", "finished": True, "data": data}
        first = self.responses.get(id) or {**made, "contactAttributes": person}
        self.responses[id] = {**first, **fields, "updatedAt": at}
        return self.responses[id]


class TestFormbricks(SourceConformance):
    vendor = FormbricksVendor
