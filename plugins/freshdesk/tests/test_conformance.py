"""The connector keeps the host's promises: the conformance kit against a Freshdesk in memory."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cs_sync.testing import SourceConformance, VendorFake
from cs_sync_freshdesk import cs_sync_sources

pytestmark = pytest.mark.slow("syncs Freshdesk for each promise")

KEY = "-".join(("freshdesk", "not", "a", "key"))
CREDENTIAL = httpx.BasicAuth(KEY, "X")._auth_header
TRASH_DAYS = 30
Item = dict[str, Any]


class FreshdeskVendor(VendorFake):
    """Lists by name; the number of a page is where it begins, as the kit varies its size."""

    (connector,) = cs_sync_sources()
    free_text = ("name", "subject", "feedback")

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        super().__init__(now, folder)
        self.lists: dict[str, dict[int, Item]] = {
            name: {} for name in ("companies", "contacts", "tickets", "ratings")
        }
        for number in range(10):
            for name in self.lists:
                self._put(name, timedelta(days=20 - number))

    def settings(self) -> Mapping[str, Any]:
        return {"base_url": "https://acme.freshdesk.com", "api_key": KEY}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != CREDENTIAL:
            return httpx.Response(401, json={"code": "invalid_credentials", "message": "no"})
        query = request.url.params
        name = request.url.path.split("/")[-1].replace("satisfaction_", "")
        dated = "created_at" if name == "ratings" else "updated_at"
        since = next((query[key] for key in query if key.endswith("_since")), "")
        state = query.get("state") or query.get("filter") or "here"
        found = [i for i in self.lists[name].values() if self._state(i) == state]
        found = sorted((i for i in found if i[dated] >= since), key=lambda i: (i[dated], i["id"]))
        begin = int(query.get("page", 1)) - 1
        end = begin + min(self.page_size, int(query["per_page"]))
        headers = {}
        if end < len(found):
            headers["link"] = f'<{request.url.copy_set_param("page", end + 1)}>; rel="next"'
        return httpx.Response(200, json=found[begin:end], headers=headers)

    def add(self, stream: str) -> str:
        return str(self._put(stream)["id"])

    def edit(self, stream: str) -> str | None:
        if stream == "ratings":
            return None
        name = "subject" if stream == "tickets" else "name"
        return str(self._put(stream, id=1001, **{name: "Renamed"})["id"])

    def delete(self, stream: str) -> str | None:
        """Tickets and contacts are shown as deleted afterwards, companies are gone."""
        if stream == "companies":
            return str(self.lists[stream].pop(1002)["id"])
        return (
            None if stream == "ratings" else str(self._put(stream, id=1002, state="deleted")["id"])
        )

    def remove_child(self, stream: str) -> str | None:
        """One of two companies leaves a contact."""
        if stream != "contacts":
            return None
        self._put(stream, id=1003, other_companies=[])
        return "1003:1000"

    def _state(self, item: Item) -> str:
        state: str = item.get("state", "here")
        ended = f"{self.now() - timedelta(days=TRASH_DAYS):%Y-%m-%dT%H:%M:%SZ}"
        forgotten = state == "deleted" and "subject" in item and item["updated_at"] < ended
        return "forgotten" if forgotten else state

    def _put(self, name: str, ago: timedelta = timedelta(0), /, **fields: Any) -> Item:
        items = self.lists[name]
        id = fields.setdefault("id", 1000 + len(items))
        at = f"{self.now() - ago:%Y-%m-%dT%H:%M:%SZ}"
        first = items.get(id) or {"created_at": at, **getattr(self, f"_make_{name}")(id)}
        items[id] = {**first, **fields, "updated_at": at}
        return items[id]

    def _make_companies(self, id: int) -> Item:
        return {"name": f"C {id}", "domains": [f"c{id}.example"], "custom_fields": {"seats": 3}}

    def _make_contacts(self, id: int) -> Item:
        others = [{"company_id": 1000, "view_all_tickets": False}] if id == 1003 else []
        person = {"name": f"P {id}", "email": f"p@c{id}.example", "company_id": id}
        return {**person, "other_companies": others, "other_emails": []}

    def _make_tickets(self, id: int) -> Item:
        people = {"company_id": id, "requester_id": id, "source": 1, "priority": 2}
        stats = {"first_responded_at": None, "resolved_at": None, "closed_at": None}
        return {**people, "subject": "Help", "status": 2 + id % 4, "tags": ["x"], "stats": stats}

    def _make_ratings(self, id: int) -> Item:
        given = {"ratings": {"default_question": 103}, "feedback": "Fine", "survey_id": 1}
        return {**given, "user_id": id, "ticket_id": id}


class TestFreshdesk(SourceConformance):
    vendor = FreshdeskVendor
